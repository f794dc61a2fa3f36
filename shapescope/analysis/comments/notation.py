"""Shapes as people write them in comments: `(16,14,14)`, `N x 16 x 14 x 14`, `6@28x28`, ...

In doubt a text is no shape: a false alarm costs more than a miss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shapescope.analysis.comments.grammar import (
    BRACKETED,
    CROSSED,
    LONG_ITEM,
    PLAIN_CROSSED,
    PLAIN_LIST,
    TIMES,
)
from shapescope.analysis.comments.words import (
    ARROW,
    NAME,
    NAMES_SHAPE,
    NOT_BEFORE,
    NOT_BEFORE_PAIR,
    NOT_BEHIND,
    SAYS_INPUT,
    SAYS_OUTPUT,
    SAYS_SHAPE,
    are_other_letters,
    is_spatial,
    is_word_of_prose,
    names_axis,
    names_batch,
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


_LETTERS_ARE = re.compile(r"(?:^|[\s(])[A-Z](?:\s*,\s*[A-Z])+\)?\s*=\s*$")
_BETWEEN_FACTORS = re.compile(r"\s*[x×@*]\s*")


def written_shapes(text: str) -> tuple[Written, ...]:
    """The shapes in a comment's text, in order of position."""
    found = sorted(_candidates(text), key=lambda one: (one.start, -one.end))
    kept: list[Written] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(_before_arrow(text, kept))


def _before_arrow(text: str, kept: list[Written]) -> Iterator[Written]:
    """`a -> b`, `a x b -> c`, `a @ b = c`: what stands before the last arrow goes in."""
    between = [text[one.end : kept[k + 1].start] for k, one in enumerate(kept[:-1])]
    last = max(
        (place for place, one in enumerate(kept) if re.search(ARROW, text[: one.start])), default=0
    )
    arrows = [re.search(ARROW, part) is not None for part in between]
    for place, part in enumerate(between):
        if place and part.strip() == "=" and _BETWEEN_FACTORS.fullmatch(between[place - 1]):
            arrows[place], last = True, max(last, place + 1)
    for place, one in enumerate(kept):
        goes_in = place < last and any(arrows[place:last])
        yield replace(one, role=INPUT if goes_in else one.role)


def _candidates(text: str) -> Iterator[Written]:
    for pattern, read in (
        (PLAIN_LIST, _listed),
        (BRACKETED, _bracketed),
        (PLAIN_CROSSED, _crossed),
        (TIMES, _multiplied),
    ):
        for match in pattern.finditer(text):
            one = read(text, match)
            if one is not None:
                yield one


def _listed(text: str, match: re.Match[str]) -> Written | None:
    """`bs, 400` as the whole text, or behind an arrow, a name, the word shape."""
    before = text[: match.start("body")]
    says = _split(match["body"], ",")
    if NOT_BEFORE.search(before) or not _is_shape(says):
        return None
    told = bool(SAYS_SHAPE.search(before) or _LETTERS_ARE.search(before))
    names = [word for word in says if re.fullmatch(NAME, word)]
    if not names and not (told and len(says) >= 3):
        return None
    capitals = len(names) >= 3 and all(len(name) == 1 and name.isupper() for name in names)
    if not (told or capitals or names_batch(says[0])):
        return None
    if len(names) == len(says) == 2 and not told:
        return None
    return _written(text, match, says)


def _multiplied(text: str, match: re.Match[str]) -> Written | None:
    """`N * 1 * 28 * 28`: the batch, then numbers."""
    says = _split(match["body"], "*")
    if not names_batch(says[0]) or NOT_BEFORE.search(text[: match.start()]):
        return None
    return _written(text, match, says)


def _bracketed(text: str, match: re.Match[str]) -> Written | None:
    if {"(": ")", "[": "]"}[match["open"]] != match["close"]:
        return None
    body, before = match["body"], text[: match.start()]
    if not match["size"] and NOT_BEFORE.search(before):
        return None
    if _is_call_or_nested(before):
        return None
    told = bool(match["size"] or SAYS_SHAPE.search(before) or _LETTERS_ARE.search(before))
    named = bool(match["size"] or NAMES_SHAPE.search(before))
    readings: tuple[tuple[str, ...], ...] = ()
    if "," in body:
        says = _split(body.rstrip().rstrip(","), ",")
    elif re.search(r"[x×]", body) and re.fullmatch(CROSSED, body):
        says = _crossed_says(body)
    elif re.fullmatch(r"\d+(?:\s*\*\s*\d+){2,}", body):
        says, readings = _split(body, "*"), ((body,),)
    elif named:
        says = (body.strip(),)
    else:
        return None
    small = _are_small(says) and not told
    if small and not _stands_alone(text, match):
        return None
    if not (named and all(map(_is_item, says))) and not _is_shape(says, told=told or small):
        return None
    if "," in body and re.search(r"[^\W\d] [^\W\d]", body) and not (named or _leads(before)):
        return None  # `(batch size, learning rate)`: words of prose, unless all else says shape
    pair = len(says) < 3 and not told
    if pair and (NOT_BEHIND.match(text, match.end()) or NOT_BEFORE_PAIR.search(before)):
        return None
    return _written(text, match, says, readings, weak=small)


def _are_small(says: tuple[str, ...]) -> bool:
    """`(0, 1)` or `(2, 3)` are axes or a range; a shape has some size to it."""
    return len(says) == 2 and all(word.isdigit() and int(word) <= 9 for word in says)


def _is_call_or_nested(before: str) -> bool:
    """`view(-1, 400)`, `x[0, 1]`, `[[10, 13], [16, 30]]`, `f(x, size=(2, 3))`."""
    if before.count("[") > before.count("]") or re.search(r"\w\([^()]*$", before):
        return True
    if not before or not (before[-1].isalnum() or before[-1] in "_)]"):
        return False
    return not re.search(r"[)\]][x×]$", before)


def _leads(before: str) -> bool:
    """Whether nothing stands before a shape but a name: `hidden = [num layers, batch size]`."""
    return (
        re.fullmatch(rf"\s*(?:[-*]\s+)?(?:{NAME}(?:\s*,\s*{NAME})*\s*[:=]?)?\s*", before)
        is not None
    )


def _crossed(text: str, match: re.Match[str]) -> Written | None:
    before = text[: match.start()]
    if NOT_BEFORE.search(before) or NOT_BEHIND.match(text, match.end()):
        return None
    told = bool(SAYS_SHAPE.search(before)) or bool(re.match(rf"\s*{ARROW}", text[match.end() :]))
    says = _crossed_says(match["body"])
    if match["maps"]:
        says = (match["maps"], *says)
    if any(map(is_word_of_prose, says)):
        return None
    numbers = [word for word in says if re.search(r"\d", word)]
    named = [name for word in says for name in re.findall(rf"(?<!\w){NAME}", word)]
    if not all(map(names_axis, named)):
        return None
    lower = not re.search(r"\s", match["body"]) and any(name.islower() for name in named)
    if lower and not numbers and len(says) < 3:
        return None
    if len(says) > 2 or told or (named and numbers):
        return _written(text, match, says)
    # `N x E` needs the batch in it, `3 x 3` a value that has two axes.
    if not _stands_alone(text, match) or (named and not any(map(names_batch, says))):
        return None
    return _written(text, match, says, weak=not named)


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether it is all that is said, or begins it: `N x E, last step`, `y: 2 x 10`."""
    behind = re.match(r"\s*(?:$|[,;(])", text[match.end() :])
    return bool(behind and re.fullmatch(rf"\s*(?:{NAME}\s*[:=]\s*)?", text[: match.start()]))


def _written(
    text: str,
    match: re.Match[str],
    says: tuple[str, ...],
    readings: tuple[tuple[str, ...], ...] = (),
    *,
    weak: bool = False,
) -> Written:
    whole = match.re in (BRACKETED, PLAIN_CROSSED)
    start, end = match.span() if whole else match.span("body")
    before = text[:start]
    if len(says) == 2 and all(map(is_spatial, says)):
        readings = (*readings, ("...", *says))
    if match.re is PLAIN_CROSSED and _channels_last(says):
        readings = (*readings, (says[2], *says[:2]))
    names, role = names_in_front(before), _role(before)
    return Written(start, end, text[start:end], says, names, role, readings, weak)


def _channels_last(says: tuple[str, ...]) -> bool:
    """`64x64x3`, as papers write a map."""
    return len(says) == 3 and all(map(str.isdigit, says)) and says[0] == says[1] != says[2]


def _crossed_says(body: str) -> tuple[str, ...]:
    if re.search(r"\s[x×]\s", body):
        return tuple(re.split(r"\s+[x×]\s+", body.strip()))
    return tuple(re.split(r"[x×]", body.strip()))


def _split(body: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in body.split(separator) if part.strip())


def _is_item(word: str) -> bool:
    return re.fullmatch(LONG_ITEM, word) is not None


def _is_shape(says: tuple[str, ...], *, told: bool = False) -> bool:
    """Whether these words are axes rather than prose or numbers of another kind."""
    if not all(map(_is_item, says)):
        return False
    names = [word for word in says if re.fullmatch(rf"(?!(?:None|_)\b){NAME}(?: {NAME})*", word)]
    if any(map(is_word_of_prose, names)):
        return False
    if len(names) == len(says) and are_other_letters(says):
        return False
    strange = [name for name in names if not names_axis(name)]
    if len(strange) > (1 if len(says) >= 4 and " " not in "".join(strange) else 0):
        return False
    numbers = [int(word) for word in says if word.isdigit()]
    if len(numbers) == len(says):
        return (told or not _are_small(says)) and 0 not in numbers
    # (output, hidden) are two values rather than two axes.
    return len(names) != 2 or len(says) != 2 or told or any(map(_is_certain, names))


def _is_certain(name: str) -> bool:
    return names_batch(name) or (len(name) == 1 and name.isupper())


def _role(before: str) -> str:
    if SAYS_INPUT.search(before):
        return INPUT
    return OUTPUT if SAYS_OUTPUT.search(before) else BOTH


def annotation_axes(text: str) -> tuple[str, ...]:
    """The axes of a jaxtyping annotation's string: `"batch 3 h w"`; `*b` is any number of axes."""
    says = []
    for raw in text.split():
        word = raw.lstrip("#?").rpartition("=")[2]
        says.append("..." if word.startswith("*") else "_" if raw.startswith("_") else word)
    return tuple(says)
