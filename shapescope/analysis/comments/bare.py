"""Shapes without brackets: `N x 16 x 14 x 14`, `N * 16`, `64@96*96`, `784 -> 128`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shapescope.analysis.comments.grammar import CROSSED, SIZES_CHANGE
from shapescope.analysis.comments.words import (
    ARROW,
    NAME,
    NOT_BEFORE,
    NOT_BEFORE_PAIR,
    NOT_BEHIND,
    SAYS_SHAPE,
    is_word_of_prose,
    names_axis,
    names_batch,
    names_in_front,
)
from shapescope.analysis.comments.written import (
    INPUT,
    OUTPUT,
    Written,
    are_small,
    are_window,
    crossed_axes,
    made_of,
    role_of,
    split_axes,
    stands_alone,
)


def multiplied(text: str, match: re.Match[str]) -> Written | None:
    """`N * 1 * 28 * 28`: the batch, then numbers. With one number it may be a product: `N * 16`."""
    says = split_axes(match["body"], "*")
    if not names_batch(says[0]) or NOT_BEFORE.search(text[: match.start()]):
        return None
    weak = len(says) == 2
    if weak and not stands_alone(text, match):
        return None
    return made_of(text, match, says, weak=weak)


def counted_maps(text: str, match: re.Match[str]) -> Written:
    """`64@96*96`: maps, height and width."""
    start, end = match.span()
    says = (match["maps"], *split_axes(match["body"], "*"))
    before = text[:start]
    return Written(start, end, text[start:end], says, names_in_front(before), role_of(before))


def changed_sizes(text: str) -> Iterator[Written]:
    """`28*28 -> 14*14` and `784 -> 128`: what goes in and what comes out, if the ranks are so."""
    match = SIZES_CHANGE.match(text)
    if match is None or not any(int(number) > 9 for number in re.findall(r"\d+", match[0])):
        return
    for group, role in (("first", INPUT), ("body", OUTPUT)):
        start, end = match.span(group)
        says = split_axes(match[group], "*")
        if "0" in says:
            return
        product = ((match[group],),) if len(says) > 1 else ()
        readings = (*product, ("...", *says)) if len(says) == 2 else product
        yield Written(start, end, match[group], says, (), role, readings, weak=True)


def crossed(text: str, match: re.Match[str]) -> Written | None:
    """`N x 16 x 14 x 14`, `64x7x7`, `6@28x28`."""
    before = text[: match.start()]
    if NOT_BEFORE.search(before) or NOT_BEHIND.match(text, match.end()):
        return None
    says = crossed_axes(match["body"])
    told = bool(SAYS_SHAPE.search(before)) or _goes_on(text, match.end(), small=are_small(says))
    if match["maps"]:
        says = (match["maps"], *says)
    if any(map(is_word_of_prose, says)):
        return None
    numbers = [word for word in says if re.search(r"\d", word)]
    named = [name for word in says for name in re.findall(rf"(?<!\w){NAME}", word)]
    if not all(map(names_axis, named)):
        return None
    lower = not re.search(r"\s", match["body"]) and any(name.islower() for name in named)
    if lower and not numbers and len(says) < 3 and not re.match("[BN]x", match["body"]):
        return None
    if not numbers and re.search(rf"(?<![\w)\]])[a-z]\w*\s*{ARROW}\s*$", before):
        return None  # `d_model => h x d_k` is one axis cut in two
    window = are_window(says) and not told
    if window and (NOT_BEFORE_PAIR.search(before) or not stands_alone(text, match)):
        return None
    if len(says) > 2 or told or (named and numbers):
        # of two numbers that only an arrow joins, small ones may be kernels
        kernels = are_small(says) and not _is_named_one(before)
        matrix = len(says) == 2 and not numbers
        readings = _product(before, says)
        return made_of(text, match, says, readings, weak=window or kernels or matrix)
    if NOT_BEFORE_PAIR.search(before):
        return None
    # `N x E` needs the batch in it, `3 x 3` a value that has two axes.
    if not stands_alone(text, match) or (named and not any(map(names_batch, says))):
        return None
    return made_of(text, match, says, weak=True)


def _is_named_one(before: str) -> bool:
    """Whether words, not merely an arrow, say that a shape follows."""
    return bool(SAYS_SHAPE.search(before)) and not re.search(rf"{ARROW}\s*$", before)


def _goes_on(text: str, end: int, *, small: bool) -> bool:
    """Whether an arrow leads on from a shape; `1x1 -> 3x3 conv` are kernels, `9x9 -> 7x7` not."""
    arrow = re.match(rf"\s*{ARROW}\s*", text[end:])
    if arrow is None:
        return False
    if not small:
        return True
    following = re.compile(CROSSED).match(text, end + arrow.end())
    return following is not None and not NOT_BEHIND.match(text, following.end())


def _product(before: str, says: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """`784 -> 28 x 28` may tell what the 784 features are."""
    cut = len(says) == 2 and re.search(rf"(?<![\w)\]*x×]\s)(?<!\w)\d+\s*{ARROW}\s*$", before)
    return (("...", "*".join(says)),) if cut else ()
