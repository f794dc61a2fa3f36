"""How shapes are spelled: one that is wrong put right in its own spelling, and new ones like it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shapescope.analysis.comments.fitting import ANY_AXES, WILD, value_of
from shapescope.analysis.comments.notation import Written
from shapescope.analysis.comments.words import names_batch
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
    """The spelling of a shape; its batch axis is whatever name stands first, or `-1`."""
    opening = re.match(r"(?:torch\.Size\(\s*)?[\[(]?", one.text)
    start = opening[0] if opening and not one.text.startswith(one.says[0]) else ""
    closing = {"(": ")", "[": "]"}.get(start[-1:], "") + (")" if "torch" in start else "")
    inner = one.text[len(start) : len(one.text) - len(closing)]
    position = inner.find(one.says[0]) + len(one.says[0])
    found = _SEPARATOR.match(inner, position) if len(one.says) > 1 else None
    separator = found[0] if found else ", "
    if "@" in one.text:
        separator = "x"
    first = one.says[0]
    named = first if first.isidentifier() or names_batch(first) or first in WILD else None
    return Style(start, closing, separator, named)


def common_style(written: Iterable[Written]) -> Style | None:
    """The spelling a file uses most; the batch as most of its shapes of full rank write it."""
    styles = Counter(style_of(one) for one in written if len(one.says) > 1)
    return styles.most_common(1)[0][0] if styles else None


def respelled(
    one: Written,
    shape: Shape,
    known: Mapping[str, int | str] | None = None,
    *,
    axes_only: bool = False,
) -> str:
    """What `one` should say: each axis that is wrong put right, the rest as it was written.

    Where the rank is another, the whole shape is written anew in the same spelling.

    Args:
        one: what is written.
        shape: what is there.
        known: the sizes that names had so far.
        axes_only: whether it is the text of an annotation.
    """
    if len(shape) >= 3 and ("...", *one.says) in one.readings:
        return _put_right(one, shape[-2:], known or {})
    if 1 <= len(shape) <= 2 and (one.text,) in one.readings and len(one.says) > 1:
        return str(shape[-1])
    offset = 1 if len(one.says) == len(shape) - 1 else 0
    axes = shape[offset:]
    if len(one.says) == len(axes) and not any(word in ANY_AXES for word in one.says):
        return _put_right(one, axes, known or {})
    style = style_of(one)
    words = [str(size) for size in shape]
    if words and style.batch is not None and not axes_only:
        words[0] = style.batch
    return " ".join(words) if axes_only else style.spell(words)


def _put_right(one: Written, axes: Sequence[int | str], known: Mapping[str, int | str]) -> str:
    done = _replaced(one, [_word(*pair, known) for pair in zip(one.says, axes, strict=True)])
    if done != one.text:
        return done
    # Nothing that is known is wrong: written out, nothing is left to be wrong.
    pairs = enumerate(zip(one.says, axes, strict=True))
    keeps = [word in WILD or (not place and word.isidentifier()) for place, (word, _) in pairs]
    sizes = zip(one.says, axes, keeps, strict=True)
    return _replaced(one, [word if keep else str(size) for word, size, keep in sizes])


def _word(word: str, size: int | str, known: Mapping[str, int | str]) -> str:
    """The word if it may stay, else a name in it that has this size, else the size."""
    name = word.replace(" ", "_")
    value = known.get(name, size) if name.isidentifier() else value_of(word, known)
    if word in WILD or value in (None, size):
        return word
    inside = re.findall(r"[A-Za-z_]\w*", word)
    return next((part for part in inside if known.get(part) == size), str(size))


def _replaced(one: Written, words: Sequence[str]) -> str:
    text, position, made = one.text, 0, []
    for old, new in zip(one.says, words, strict=True):
        at = text.find(old, position)
        made += [text[position:at], new]
        position = at + len(old)
    return "".join([*made, text[position:]])
