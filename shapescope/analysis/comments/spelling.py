"""How shapes are spelled: one that is wrong put right in its own spelling, and new ones like it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapescope.analysis.comments.fitting import ANY_AXES, WILD, value_of
from shapescope.analysis.comments.notation import Written
from shapescope.trace import Shape

_SEPARATOR = re.compile(r"\s*,\s*|\s*[x×*]\s*")


@dataclass(frozen=True, slots=True)
class Style:
    """A spelling.

    Attributes:
        opening: `(`, `[`, `torch.Size([` or nothing.
        closing: what belongs to it.
        separator: `, `, ` x `, `x`, ...
        batch: how the batch axis is written; empty where it is left out, None for its number.
    """

    opening: str = ""
    closing: str = ""
    separator: str = " x "
    batch: str | None = "N"

    def spell(self, axes: Sequence[str]) -> str:
        """The axes in this spelling."""
        text = self.separator.join(axes)
        if self.opening == "(" and len(axes) == 1:
            text += ","
        return f"{self.opening}{text}{self.closing}"


def style_of(one: Written) -> Style:
    """The spelling of a shape; its batch axis is whatever name stands first."""
    opening = re.match(r"(?:torch\.Size\(\s*)?[\[(]?", one.text)
    start = opening[0] if opening else ""
    closing = {"(": ")", "[": "]"}.get(start[-1:], "") + (")" if "torch" in start else "")
    inner = one.text[len(start) : len(one.text) - len(closing)]
    position = inner.find(one.says[0]) + len(one.says[0])
    found = _SEPARATOR.match(inner, position) if len(one.says) > 1 else None
    separator = found[0] if found else ", "
    if "@" in one.text:
        separator = "x"
    named = one.says[0] if one.says[0].isidentifier() else None
    return Style(start, closing, separator, named)


def common_style(written: Iterable[Written]) -> Style | None:
    """The spelling a file uses most; the batch as most of its shapes of full rank write it."""
    styles = Counter(style_of(one) for one in written if len(one.says) > 1)
    return styles.most_common(1)[0][0] if styles else None


def respelled(one: Written, shape: Shape, *, axes_only: bool = False) -> str:
    """What `one` should say: each axis that is wrong as a number, the rest as it was written.

    Where the rank is another, the whole shape is written anew in the same spelling.
    """
    offset = 1 if len(one.says) == len(shape) - 1 else 0
    axes = shape[offset:]
    if len(one.says) == len(axes) and not any(word in ANY_AXES for word in one.says):
        return _put_right(one, axes)
    style = style_of(one)
    words = [str(size) for size in shape]
    if words and style.batch is not None and not axes_only:
        words[0] = style.batch
    return " ".join(words) if axes_only else style.spell(words)


def _put_right(one: Written, axes: Sequence[int | str]) -> str:
    text, position, made = one.text, 0, []
    for word, size in zip(one.says, axes, strict=True):
        at = text.find(word, position)
        made.append(text[position:at])
        keeps = word in WILD or value_of(word, {}) == size
        made.append(word if keeps or (word.isidentifier() and at >= 0) else str(size))
        position = at + len(word)
    made.append(text[position:])
    done = "".join(made)
    if done != text:
        return done
    # Every number is right, so a name is not: written out, nothing is left to be wrong.
    return _all_numbers(one, axes)


def _all_numbers(one: Written, axes: Sequence[int | str]) -> str:
    text, position, made = one.text, 0, []
    for place, (word, size) in enumerate(zip(one.says, axes, strict=True)):
        at = text.find(word, position)
        made.append(text[position:at])
        made.append(word if word in WILD or (place == 0 and word.isidentifier()) else str(size))
        position = at + len(word)
    made.append(text[position:])
    return "".join(made)
