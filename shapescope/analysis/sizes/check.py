"""The answer held against plain passes at single sizes, where it is most likely to be wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from shapescope.analysis.sizes.parts import contains
from shapescope.analysis.sizes.regions import Region


def disagreement(
    regions: Sequence[Region],
    fits: Callable[[Mapping[str, int], bool], bool],
    samples: Iterator[Mapping[str, int]],
    seconds: float,
    most: int,
) -> Mapping[str, int] | None:
    """The first of the samples at which a pass says otherwise than the regions; None if none.

    Args:
        regions: the answer.
        fits: whether the model runs at these sizes; told what the answer says.
        samples: sizes to try.
        seconds: how long to go on.
        most: how many to try.
    """
    began = time.monotonic()
    for sizes in islice(samples, most):
        claimed = contains(regions, sizes)
        if fits(sizes, claimed) != claimed:
            return sizes
        if time.monotonic() - began > seconds:
            break
    return None


def edges(
    regions: Sequence[Region], axes: Sequence[str], last: int, seed: int = 0
) -> Iterator[Mapping[str, int]]:
    """Sizes on both sides of where a set begins or ends, then random ones, each once."""
    draw = random.Random(seed)
    seen: set[tuple[int, ...]] = set()
    for sizes in _edges(regions, axes, last, draw):
        key = tuple(sizes[axis] for axis in axes)
        if key not in seen:
            seen.add(key)
            yield sizes


def _edges(
    regions: Sequence[Region], axes: Sequence[str], last: int, draw: random.Random
) -> Iterator[Mapping[str, int]]:
    inside = _inside(regions, axes, last, draw)
    for sizes in inside[:3]:
        yield sizes
    borders = {axis: _borders(regions, axis, last) for axis in axes}
    for sizes in inside[:2]:
        longest = max(map(len, borders.values()), default=0)
        for position in range(longest):
            for axis in axes:
                if position < len(borders[axis]):
                    yield {**sizes, axis: borders[axis][position]}
    for _ in range(40):
        yield {axis: draw.choice(borders[axis]) for axis in axes}
        if inside:
            axis = draw.choice(list(axes))
            yield {**draw.choice(inside), axis: draw.randint(1, last)}
        yield {axis: draw.randint(1, last) for axis in axes}
        side = draw.randint(1, last)
        yield dict.fromkeys(axes, side)


def _inside(
    regions: Sequence[Region], axes: Sequence[str], last: int, draw: random.Random
) -> list[dict[str, int]]:
    """Some sizes that are in a region."""
    from shapescope.analysis.sizes.witness import find

    found: list[dict[str, int]] = []
    for region in regions:
        for _ in range(4):
            near = {axis: draw.randint(1, last) for axis in axes}
            search = find(region, near)
            if search.sizes is None or max(search.sizes.values(), default=0) > 2 * last:
                continue
            found.append(dict(search.sizes))
    draw.shuffle(found)
    return found


def _borders(regions: Sequence[Region], axis: str, last: int) -> list[int]:
    """Sizes at which membership along one axis changes, on both sides, the smallest first."""
    found: dict[int, None] = {1: None}
    for region in regions:
        sizes = region.sets[axis]
        for size in range(1, last):
            if (size in sizes) != (size + 1 in sizes):
                found[size] = found[size + 1] = None
            if len(found) > 24:
                break
    found[last] = None
    return list(found)


def along_axes(
    regions: Sequence[Region],
    axes: Sequence[str],
    last: int,
    asked: Mapping[str, int],
) -> Iterator[Mapping[str, int]]:
    """Every size of every axis up to `last`, the others at a size that fits; then equal sizes.

    Where nothing is said to fit, the others are as they were asked for.
    """
    draw = random.Random(1)
    inside = _inside(regions, axes, last, draw) or [dict(asked)]
    order = list(range(1, last + 1))
    draw.shuffle(order)
    for size in order:
        yield dict.fromkeys(axes, size)
        for axis in axes:
            yield {**inside[0], axis: size}
    while True:
        yield {axis: draw.randint(1, last) for axis in axes}
