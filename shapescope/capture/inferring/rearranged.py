"""Models that begin with einops: `b c (h p1) (w p2) -> b (h w) (p1 p2 c)` tells their input."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from math import prod
from typing import Any

from torch import nn

__all__ = ["Rearranged", "rearranged"]

Rearranged = tuple[str, str, tuple[int, ...], int, int]
"""Path, what it says, sizes up to the free axes, their number, and what they are multiples of."""


def rearranged(module: nn.Module) -> Iterator[Rearranged]:
    """What each `Rearrange` layer whose result a layer of known width takes says of its input."""
    layers = list(module.named_modules())
    for (path, layer), (_, after) in itertools.pairwise(layers):
        pattern, lengths = getattr(layer, "pattern", None), getattr(layer, "axes_lengths", None)
        if not isinstance(pattern, str) or lengths is None or "->" not in pattern:
            continue
        width = _width(after)
        found = None if width is None else _read(pattern, dict(lengths), width)
        if found is not None:
            yield (path, f"`{pattern}`", *found)


def _width(layer: Any) -> int | None:
    width = getattr(layer, "in_features", None)
    if width is None and isinstance(layer, nn.LayerNorm):
        width = layer.normalized_shape[-1]
    return width if isinstance(width, int) else None


def _read(
    pattern: str, lengths: dict[str, int], width: int
) -> tuple[tuple[int, ...], int, int] | None:
    """The sizes that are known, how many free axes follow, and what these are multiples of."""
    before, after = (_axes(side) for side in pattern.split("->"))
    if not before or not after:
        return None
    known = dict(lengths)
    unknown = [name for name in after[-1] if name not in known]
    rest = prod(known[name] for name in after[-1] if name in known)
    if len(unknown) == 1 and width % rest == 0:
        known[unknown[0]] = width // rest
    sizes = [
        prod(known[name] for name in axis) if all(name in known for name in axis) else None
        for axis in before
    ]
    free = [at for at, size in enumerate(sizes) if size is None and at]
    head = sizes[1 : free[0]] if free else sizes[1:]
    if not free or free != list(range(free[0], len(sizes))) or None in head:
        return None
    parts = [prod(known[name] for name in before[at] if name in known) for at in free]
    return (1, *(size for size in head if size is not None)), len(free), max(parts)


def _axes(side: str) -> list[list[str]]:
    """The names of each axis: `(h p1)` are two."""
    return [part.strip("()").split() for part in re.findall(r"\([^()]*\)|[^\s()]+", side)]
