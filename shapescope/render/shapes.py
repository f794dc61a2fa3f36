"""Sizes, counts and amounts as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shapescope.trace import Shape, TensorSpec

_COMPOUND = re.compile(r"[-+*/% ]")
_MOST_SHOWN = 8
"""So many outputs are named in one line."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SCALES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def shape_text(shape: Shape) -> str:
    """A shape as `1 x 6 x 28 x 28`; no axes are `scalar`, a formula stands in parentheses."""
    if not shape:
        return "scalar"
    return " x ".join(_size_text(size, alone=len(shape) == 1) for size in shape)


def _size_text(size: int | str, *, alone: bool) -> str:
    text = str(size)
    return f"({text})" if not alone and _COMPOUND.search(text) else text


def tensor_text(spec: TensorSpec) -> str:
    """The shape, and the dtype where it is not float32."""
    shape = shape_text(spec.shape)
    return shape if spec.dtype == "float32" else f"{shape} {spec.dtype}"


def tensors_text(specs: Iterable[TensorSpec]) -> str:
    """Several tensors, a comma between them."""
    return ", ".join(tensor_text(spec) for spec in specs)


def several_text(texts: Sequence[str]) -> str:
    """Texts with commas between them; of many the first, and how many more there are."""
    if len(texts) <= _MOST_SHOWN:
        return ", ".join(texts)
    shown = texts[: _MOST_SHOWN - 2]
    return f"{', '.join(shown)} and {len(texts) - len(shown)} more"


def count_text(count: int) -> str:
    """A number with its thousands apart: `1,234`."""
    return f"{count:,}"


def short_count(count: int) -> str:
    """A large number in three digits: `416 k`, `1.81 G`; below 10,000 in full."""
    if abs(count) < 10_000:
        return count_text(count)
    scale, unit = next((scale, unit) for scale, unit in _SCALES if abs(count) >= scale)
    value = count / scale
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def bytes_text(amount: int) -> str:
    """An amount of memory in powers of 1,024: `173.6 KiB`."""
    value = float(amount)
    unit = _UNITS[0]
    for unit in _UNITS:
        if abs(value) < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{amount} B" if unit == "B" else f"{value:.1f} {unit}"


def time_text(seconds: float) -> str:
    """A duration in three digits: `412 us`, `3.52 ms`, `1.20 s`."""
    scale, unit = next(
        ((scale, unit) for scale, unit in ((1.0, "s"), (1e-3, "ms")) if seconds >= scale),
        (1e-6, "us"),
    )
    value = seconds / scale
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def plural(count: int, singular: str, several: str | None = None) -> str:
    """The count with its noun: `1 step`, `2 steps`."""
    return f"{count_text(count)} {singular if count == 1 else several or singular + 's'}"


def per_axis(values: Iterable[object], prefix: str = "") -> str:
    """One value where all axes agree, else all of them: `k5`, `k5x3`."""
    texts = [str(value) for value in values]
    return prefix + (texts[0] if len(set(texts)) == 1 else "x".join(texts))


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or change its colours.

    Names and messages come from the model; control characters in them are shown as escapes.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
