"""A shape in a text, and what the ways to spell one have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shapescope.analysis.comments.grammar import BRACKETED, PLAIN_CROSSED
from shapescope.analysis.comments.words import (
    NAME,
    SAYS_INPUT,
    SAYS_OUTPUT,
    is_spatial,
    names_in_front,
)

BOTH, INPUT, OUTPUT = "both", "input", "output"


@dataclass(frozen=True, slots=True)
class Written:
    """A shape in a text.

    Attributes:
        start: where it begins in the text, counted in characters from 0.
        end: where it ends.
        text: the shape as written, brackets included.
        says: one string for each axis.
        names: words before it that may name what it speaks of: `x` in `x: (B, T)`.
        role: `input` or `output` where the text says so (`a -> b`, `input shape`), else `both`.
        readings: further ways to read the axes: `(32*7*7)` is three axes or a product, `14 x 14`
            may leave out all but height and width, `64x64x3` may put the channels last.
        weak: whether it is a shape only where it stands behind a value of that rank: `3 x 3`.
    """

    start: int
    end: int
    text: str
    says: tuple[str, ...]
    names: tuple[str, ...] = ()
    role: str = BOTH
    readings: tuple[tuple[str, ...], ...] = field(default=(), compare=False)
    weak: bool = field(default=False, compare=False)


def are_small(says: tuple[str, ...]) -> bool:
    """`(0, 1)` or `(2, 3)` are axes or a range; a shape has some size to it."""
    return len(says) == 2 and all(word.isdigit() and int(word) <= 9 for word in says)


def are_window(says: tuple[str, ...]) -> bool:
    """`3x3x3` and `2x2x2` are rather the window of a layer than what comes out of it."""
    return len(says) == 3 and says[0].isdigit() and int(says[0]) <= 9 and len(set(says)) == 1


def stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether it is all that is said, begins it or is named: `N x E, last step`, `y: 2 x 10`."""
    behind = re.match(r"\s*(?:$|[,;(])", text[match.end() :])
    before = text[: match.start()]
    return bool(behind and re.search(rf"(?:^\s*|(?:^|[,;])\s*{NAME}\s*[:=]\s*)$", before))


def made_of(
    text: str,
    match: re.Match[str],
    says: tuple[str, ...],
    readings: tuple[tuple[str, ...], ...] = (),
    *,
    weak: bool = False,
) -> Written:
    """The shape of a match, with what the words before it tell."""
    whole = match.re in (BRACKETED, PLAIN_CROSSED)
    start, end = match.span() if whole else match.span("body")
    before = text[:start]
    if len(says) == 2 and all(map(is_spatial, says)):
        readings = (*readings, ("...", *says))
    if match.re is PLAIN_CROSSED and _channels_last(says):
        readings = (*readings, (says[2], *says[:2]))
    names, role = names_in_front(before), role_of(before)
    return Written(start, end, text[start:end], says, names, role, readings, weak)


def _channels_last(says: tuple[str, ...]) -> bool:
    """`64x64x3`, as papers write a map."""
    return len(says) == 3 and all(map(str.isdigit, says)) and says[0] == says[1] != says[2]


def crossed_axes(body: str) -> tuple[str, ...]:
    """The axes of `N x 16 x 14`."""
    if re.search(r"\s[x×]\s", body):
        return tuple(re.split(r"\s+[x×]\s+", body.strip()))
    return tuple(re.split(r"[x×]", body.strip()))


def split_axes(body: str, separator: str) -> tuple[str, ...]:
    """The axes between separators."""
    return tuple(part.strip() for part in body.split(separator) if part.strip())


def role_of(before: str) -> str:
    """Whether the words before a shape say that it goes in, or comes out."""
    if SAYS_INPUT.search(before):
        return INPUT
    return OUTPUT if SAYS_OUTPUT.search(before) else BOTH
