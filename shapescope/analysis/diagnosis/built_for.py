"""The input size a model's numbers were made for, and the smallest one that passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt, prod

from shapescope.analysis.diagnosis.history import (
    ints,
    main_input,
    spatial_after,
    windowed_part,
)
from shapescope.trace import Step

_LARGEST = 4096
_CUSTOMARY = (
    224, 32, 28, 64, 84, 227, 299, 128, 256, 96, 105, 112, 48, 36, 512, 221, 160, 100, 384
)  # fmt: skip


def sizes_giving(
    chain: Sequence[Step], axes: int, wanted: Sequence[int]
) -> tuple[tuple[int, int], ...] | None:
    """The range of input sizes, for each spatial axis, that become `wanted` at the end of a way.

    Args:
        chain: the way from the input, see `history.chain_to`.
        axes: how many spatial axes there are.
        wanted: the sizes of the map at the end.

    Returns:
        (smallest, largest) for each axis; None where no size gives it.
    """
    part = windowed_part(chain, axes)
    if not part or not sees_the_input(chain, axes):
        return None
    found = []
    for axis, size in enumerate(wanted):
        along = _along(part, axes, axis)
        low = _first(along, size)
        high = _first(along, size + 1) - 1
        if low > high or high > _LARGEST or along(low) != size:
            return None
        found.append((low, high))
    return tuple(found)


def sees_the_input(chain: Sequence[Step], axes: int) -> bool:
    """Whether the map at the start of a way has the sizes of the input, and no others made before.

    An input without a map of its own, such as rows of pixels, is seen as one.
    """
    part = windowed_part(chain, axes)
    given = ints(chain[0].inputs[0].shape) if chain and chain[0].inputs else ()
    if not part or len(given) < axes + 2:
        return True
    start = ints(part[0].inputs[main_input(part[0])].shape)[-axes:]
    return all(size in given[1:] for size in start)


def smallest_passing(chain: Sequence[Step], axes: int) -> tuple[int, ...] | None:
    """The smallest input, for each spatial axis, that leaves no map on the way empty."""
    part = windowed_part(chain, axes)
    if not part:
        return None
    found = tuple(_first(_along(part, axes, axis), 1) for axis in range(axes))
    return found if all(size <= _LARGEST for size in found) else None


def customary(low: int, high: int) -> int:
    """The size in a range that people would have meant: 224 of 193 to 224, 28 of 28 to 31."""
    for size in _CUSTOMARY:
        if low <= size <= high:
            return size
    for step in (32, 16, 8, 4, 2):
        first = -(-low // step) * step
        if first <= high:
            return first
    return low


def customary_larger(least: int) -> tuple[int, ...]:
    """A few sizes of at least `least` that people use."""
    return tuple(size for size in (32, 64, 96, 128, 224, 256, 299) if size > least)


def customary_sizes(ranges: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The sizes that people would have meant, the same for every axis where that is possible."""
    low, high = max(one for one, _ in ranges), min(one for _, one in ranges)
    if low <= high:
        return (customary(low, high),) * len(ranges)
    return tuple(customary(*one) for one in ranges)


def maps_of(
    features: int, channels: int, axes: int, spelled: Sequence[int] | None, like: Sequence[int]
) -> tuple[int, ...] | None:
    """The map whose flattening gives `features`.

    Args:
        features: what the layer takes.
        channels: of the map that arrives.
        axes: of the map.
        spelled: the factors as the source writes them, if it does: `48 * 6 * 27`.
        like: the map that arrives; where the sides are open, they have about its proportions.
    """
    if spelled is not None and len(spelled) > axes and prod(spelled) == features:
        sides = tuple(spelled[len(spelled) - axes :])
        if prod(spelled[: len(spelled) - axes]) == channels:
            return sides
    if channels <= 0 or features % channels:
        return None
    area = features // channels
    if axes == 1:
        return (area,)
    if axes == 2:
        return _sides(area, like)
    root = round(area ** (1 / axes))
    return (root,) * axes if root**axes == area else None


def _sides(area: int, like: Sequence[int]) -> tuple[int, int] | None:
    root = isqrt(area)
    square = like[0] == like[1]
    if root * root == area and square:
        return root, root
    pairs = [(side, area // side) for side in range(1, area + 1) if area % side == 0]
    proportion = like[0] / like[1]
    best = min(pairs, key=lambda pair: abs(pair[0] / pair[1] - proportion))
    return best if not square or best[0] == best[1] else None


def _along(part: Sequence[Step], axes: int, axis: int) -> Callable[[int], int]:
    """The size at the end of a way along one axis as a function of the one at its start."""
    first = part[0]
    start = ints(first.inputs[main_input(first)].shape)[-axes:]
    # The other axes stay large enough to pass, so that only this one decides.
    others = tuple(max(size, 1024) for size in start)
    known: dict[int, int] = {}

    def along(size: int) -> int:
        if size not in known:
            sizes: tuple[int, ...] | None = (*others[:axis], size, *others[axis + 1 :])
            for step in part:
                sizes = None if sizes is None else spatial_after(step, sizes)
                if sizes is None or sizes[axis] < 1:
                    sizes = None
                    break
            known[size] = 0 if sizes is None else sizes[axis]
        return known[size]

    return along


def _first(along: Callable[[int], int], wanted: int) -> int:
    """The smallest size that becomes at least `wanted`; larger than any real one if none does."""
    low, high = 1, _LARGEST + 1
    while low < high:
        middle = (low + high) // 2
        if along(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low
