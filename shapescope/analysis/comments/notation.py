"""Shapes as people write them in comments: `(16,14,14)`, `N x 16 x 14 x 14`, `6@28x28`, ...

In doubt a text is no shape: a false alarm costs more than a miss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.comments.bare import changed_sizes, counted_maps, crossed, multiplied
from shapescope.analysis.comments.grammar import (
    BRACKETED,
    CROSSED,
    LONG_ITEM,
    MAPS_TIMES,
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
    SAYS_SHAPE,
    are_other_letters,
    is_word_of_prose,
    names_axis,
    names_batch,
)
from shapescope.analysis.comments.written import (
    BOTH,
    INPUT,
    OUTPUT,
    Written,
    are_small,
    are_window,
    crossed_axes,
    made_of,
    split_axes,
    stands_alone,
)

__all__ = ["BOTH", "INPUT", "OUTPUT", "Written", "annotation_axes", "written_shapes"]

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
    """`a -> b`, `a x b -> c`, `a @ b = c`, `a + b`: what goes in, and what comes out."""
    between = [text[one.end : kept[k + 1].start] for k, one in enumerate(kept[:-1])]
    last = max(
        (place for place, one in enumerate(kept) if re.search(ARROW, text[: one.start])), default=0
    )
    arrows = [re.search(ARROW, part) is not None for part in between]
    for place, part in enumerate(between):
        if place and part.strip() == "=" and _BETWEEN_FACTORS.fullmatch(between[place - 1]):
            arrows[place], last = True, max(last, place + 1)
    added = [part.strip() == "+" for part in between]
    for place, one in enumerate(kept):
        goes_in = place < last and any(arrows[place:last])
        goes_in = goes_in or any(added[max(place - 1, 0) : place + 1])
        yield replace(one, role=INPUT if goes_in else one.role)


def _candidates(text: str) -> Iterator[Written]:
    for pattern, read in (
        (PLAIN_LIST, _listed),
        (BRACKETED, _bracketed),
        (PLAIN_CROSSED, crossed),
        (MAPS_TIMES, counted_maps),
        (TIMES, multiplied),
    ):
        for match in pattern.finditer(text):
            one = read(text, match)
            if one is not None:
                yield one
    yield from changed_sizes(text)


def _listed(text: str, match: re.Match[str]) -> Written | None:
    """`bs, 400` as the whole text, or behind an arrow, a name, the word shape."""
    before = text[: match.start("body")]
    says = split_axes(match["body"], ",")
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
    return made_of(text, match, says)


def _bracketed(text: str, match: re.Match[str]) -> Written | None:
    if {"(": ")", "[": "]"}[match["open"]] != match["close"]:
        return None
    body, before = match["body"], text[: match.start()]
    if not match["size"] and NOT_BEFORE.search(before):
        return None
    if _is_call_or_nested(before) or re.match(r"\.[A-Za-z_]", text[match.end() :]):
        return None
    told = bool(match["size"] or SAYS_SHAPE.search(before) or _LETTERS_ARE.search(before))
    named = bool(match["size"] or NAMES_SHAPE.search(before))
    readings: tuple[tuple[str, ...], ...] = ()
    if "," in body:
        says = split_axes(body.rstrip().rstrip(","), ",")
    elif re.search(r"[x×]", body) and re.fullmatch(CROSSED, body):
        says = crossed_axes(body)
    elif re.fullmatch(r"\d+(?:\s*\*\s*\d+){2,}", body):
        says, readings = split_axes(body, "*"), ((body,),)
    elif named:
        says = (body.strip(),)
    else:
        return None
    small = (are_small(says) or are_window(says)) and not told
    if small and not stands_alone(text, match):
        return None
    if not (named and all(map(_is_item, says))) and not _is_shape(says, told=told or small):
        return None
    if "," in body and re.search(r"[^\W\d] [^\W\d]", body) and not (named or _leads(before)):
        return None  # `(batch size, learning rate)`: words of prose, unless all else says shape
    pair = (len(says) < 3 or are_window(says)) and not told
    if pair and (NOT_BEHIND.match(text, match.end()) or NOT_BEFORE_PAIR.search(before)):
        return None
    matrix = "," not in body and len(says) == 2 and not re.search(r"\d", body)
    return made_of(text, match, says, readings, weak=small or matrix)


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
    if "0" in says:
        return False
    strange = [name for name in names if not names_axis(name)]
    if len(strange) > (1 if len(says) >= 4 and " " not in "".join(strange) else 0):
        return False
    numbers = [int(word) for word in says if word.isdigit()]
    if len(numbers) == len(says):
        return told or not are_small(says)
    # (output, hidden) are two values rather than two axes.
    return len(names) != 2 or len(says) != 2 or told or any(map(_is_certain, names))


def _is_certain(name: str) -> bool:
    return names_batch(name) or (len(name) == 1 and name.isupper())


def annotation_axes(text: str) -> tuple[str, ...]:
    """The axes of a jaxtyping annotation's string: `"batch 3 h w"`; `*b` is any number of axes."""
    says = []
    for raw in text.split():
        word = raw.lstrip("#?").rpartition("=")[2]
        says.append("..." if word.startswith("*") else "_" if raw.startswith("_") else word)
    return tuple(says)
