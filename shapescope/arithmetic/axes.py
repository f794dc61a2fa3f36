"""How arguments spread over the spatial axes, and how sizes are written in a reason.

PyTorch takes an int for all axes, a tuple with one entry per axis, and in many places a tuple of
one entry that it spreads over all axes. Everything behind this module sees one int per axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

PerAxis: TypeAlias = int | Sequence[int]
Padding: TypeAlias = int | str | Sequence[int | tuple[int, int]]
Pairs: TypeAlias = Sequence[tuple[int, int]]


def per_axis(value: PerAxis, rank: int, name: str = "value") -> tuple[int, ...]:
    """Spread an argument over the spatial axes as PyTorch does.

    Args:
        value: One int for all axes, or one int per axis; a sequence of one is spread too.
        rank: Number of spatial axes.
        name: What the argument is called, for the error.

    Returns:
        One int per axis.

    Raises:
        ValueError: The sequence has neither 1 nor `rank` entries.
    """
    # the usual case first: this runs several times for every step of a trace
    if type(value) is tuple and len(value) == rank:
        return value
    if isinstance(value, int):
        return (value,) * rank
    if len(value) == rank:
        return tuple(value)
    if len(value) == 1:
        return (value[0],) * rank
    raise ValueError(f"{name} has {len(value)} entries for {rank} axes")


def effective_kernel_size(kernel_size: int, dilation: int = 1) -> int:
    """Number of input elements from the first to the last one that a window touches.

    `dilation*(kernel_size - 1) + 1` (Dumoulin and Visin, "A guide to convolution arithmetic for
    deep learning", section 5.1).
    """
    return dilation * (kernel_size - 1) + 1


def same_padding(kernel_size: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after the axis under `padding="same"` (stride 1).

    `dilation*(kernel_size - 1)` in all; where that is odd, the one left over goes after
    (ATen, `_convolution_same`).
    """
    total = dilation * (kernel_size - 1)
    before = total // 2
    return before, total - before


def padding_pairs(
    padding: Padding, kernel_size: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Bring every spelling of a convolution's padding to one (before, after) pair per axis.

    Args:
        padding: "same", "valid", one int, or per axis an int or a (before, after) pair.
        kernel_size: Per axis; its length is the number of axes.
        dilation: Per axis.

    Returns:
        One pair per axis.

    Raises:
        ValueError: An unknown word, or a sequence of the wrong length.
    """
    rank = len(kernel_size)
    if isinstance(padding, int):
        return ((padding, padding),) * rank
    if isinstance(padding, str):
        if padding == "same":
            return tuple(same_padding(k, d) for k, d in zip(kernel_size, dilation, strict=True))
        if padding == "valid":
            return ((0, 0),) * rank
        raise ValueError(f"padding is {padding!r}, not an int, 'same' or 'valid'")
    pairs = tuple([(p, p) if isinstance(p, int) else p for p in padding])
    if len(pairs) == rank:
        return pairs
    if len(pairs) == 1:
        return pairs * rank
    raise ValueError(f"padding has {len(pairs)} entries for {rank} axes")


def extent(sizes: Sequence[int]) -> str:
    """Write sizes as people read them: `28 x 28`."""
    return " x ".join(map(str, sizes))


def _with_article(sizes: Sequence[int]) -> str:
    number = str(sizes[0])
    # English says "an 8", "an 11", "an 18", "an 80"
    vowel = number.startswith("8") or number in ("11", "18")
    return f"{'an' if vowel else 'a'} {extent(sizes)}"


def window(kernel_size: Sequence[int], dilation: Sequence[int]) -> str:
    """Name a window: `a 3 x 3 window`, with its span where it is dilated."""
    text = f"{_with_article(kernel_size)} window"
    if any(d != 1 for d in dilation):
        spans = [effective_kernel_size(k, d) for k, d in zip(kernel_size, dilation, strict=True)]
        text += f" (dilation {extent(dilation)}, so it spans {extent(spans)})"
    return text


def map_of(sizes: Sequence[int], pairs: Pairs) -> str:
    """Name a map and what padding makes of it: `a 2 x 2 map padded to 4 x 4`."""
    text = f"{_with_article(sizes)} map"
    if any(before or after for before, after in pairs):
        padded = [n + b + a for n, (b, a) in zip(sizes, pairs, strict=True)]
        text += f" padded to {extent(padded)}"
    return text


def below(values: Sequence[int], least: int, name: str) -> str | None:
    """Reason why an argument is too small on some axis, or None."""
    # not min(): sizes that are formulas are asked one by one, never compared with each other
    for value in values:
        if value < least:
            return f"{name} is {extent(values)}, but has to be at least {least}"
    return None


def empty_map(sizes: Sequence[int]) -> str | None:
    """Reason why a map cannot be read: one of its axes is empty, or None."""
    for axis, n in enumerate(sizes):
        if n < 1:
            where = "" if len(sizes) == 1 else f" along spatial axis {axis}"
            return f"the {extent(sizes)} map is empty{where}"
    return None
