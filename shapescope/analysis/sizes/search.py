"""Sizes found by trying: for models whose way does not show which sizes go it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from shapescope.analysis.sizes.regions import Region
from shapescope.arithmetic.expressions import SizeSet, equal, name, of_sizes

Fits = Callable[[Mapping[str, int]], bool]

LAST = 300
"""How far sizes are tried where nothing proves the rest."""

_LEAST = 24
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, up to the size `last` of each axis.

    `alone` is set where there was only time for each axis by itself, the others as they fitted.
    """

    regions: tuple[Region, ...]
    last: int
    alone: bool = False


@dataclass
class _Search:
    fits: Fits
    axes: tuple[str, ...]
    known: dict[tuple[int, ...], bool]
    deadline: float

    def ask(self, sizes: Mapping[str, int]) -> bool:
        key = tuple(sizes[axis] for axis in self.axes)
        if key not in self.known:
            self.known[key] = self.fits(sizes)
        return self.known[key]

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.deadline

    def line(self, at: Mapping[str, int], axis: str, last: int) -> SizeSet:
        """The sizes of one axis that fit, the others as they are."""
        fitting = [size for size in range(1, last + 1) if self.ask({**at, axis: size})]
        return of_sizes(fitting, known_to=last)


def search(
    fits: Fits,
    axes: Sequence[str],
    hints: Sequence[Mapping[str, int]],
    *,
    seconds_each: float,
    seconds: float,
) -> Found:
    """Try sizes: one that fits, the lines through it, and whether the axes go by themselves.

    Args:
        fits: whether the model runs at these sizes.
        axes: names of the free axes.
        hints: sizes to try first.
        seconds_each: how long one try takes, about.
        seconds: how long all of them may take.
    """
    most = max(int(seconds / max(seconds_each, 1e-4)), _LEAST)
    # the diagonal, two lines for each axis, and samples beside them
    last = max(min(LAST, most // (2 * len(axes) + 2)), _LEAST)
    state = _Search(fits, tuple(axes), {}, time.monotonic() + 2 * seconds)
    at = _anchor(state, hints, last)
    if at is None:
        return Found((), last)
    # what is said goes up to a size that fits
    last = max(last, *(size + 1 for size in at.values() if size > last), 0)
    if len(axes) == 1:
        return Found((Region({axes[0]: state.line(at, axes[0], last)}, frozenset()),), last)
    sets = {axis: state.line(at, axis, last) for axis in axes}
    if _separate(state, sets, last):
        return Found((Region(sets, frozenset()),), last)
    if _FEWEST ** len(axes) > 2 * most:
        return Found(_along_each(sets, at, last), last, alone=True)
    return _everywhere(state, last, seconds_each, seconds)


def _anchor(
    state: _Search, hints: Sequence[Mapping[str, int]], last: int
) -> Mapping[str, int] | None:
    for sizes in hints:
        if state.ask(sizes):
            return sizes
    for size in _customary_first(last):
        sizes = dict.fromkeys(state.axes, size)
        if state.ask(sizes):
            return sizes
    draw = random.Random(0)
    for _ in range(4 * last):
        if state.out_of_time:
            break
        sizes = {axis: draw.randint(1, last) for axis in state.axes}
        if state.ask(sizes):
            return sizes
    return None


def _customary_first(last: int) -> list[int]:
    customary = [224, 32, 28, 64, 128, 256, 16, 48, 96, 112]
    return list(dict.fromkeys([*(n for n in customary if n <= last), *range(last, 0, -1)]))


def _separate(state: _Search, sets: Mapping[str, SizeSet], last: int) -> bool:
    """Whether sizes fit exactly where each axis fits by itself, at many samples."""
    draw = random.Random(1)
    inside = {axis: list(found.up_to(last)) for axis, found in sets.items()}
    # axes that have to be alike fit together where none of them fits by itself
    for size in draw.sample(range(1, last + 1), min(last, 40)):
        for some in combinations(state.axes, 2):
            sizes = {**{axis: inside[axis][0] for axis in state.axes}, **dict.fromkeys(some, size)}
            if state.out_of_time:
                break
            if state.ask(sizes) != all(size in sets[axis] for axis, size in sizes.items()):
                return False
    for number in range(120):
        if state.out_of_time:
            break
        if number % 3:
            sizes = {axis: draw.choice(inside[axis]) for axis in state.axes}
        else:
            sizes = {axis: draw.randint(1, last) for axis in state.axes}
        if state.ask(sizes) != all(size in sets[axis] for axis, size in sizes.items()):
            return False
    return True


def _everywhere(state: _Search, last: int, seconds_each: float, seconds: float) -> Found:
    """Every combination, as far as time allows; equal rows are put together."""
    count = seconds / max(seconds_each, 1e-4)
    last = max(min(last, int(count ** (1 / len(state.axes)))), _FEWEST)
    first, *others = state.axes
    regions: list[Region] = []
    for rest in product(range(1, last + 1), repeat=len(others) - 1):
        fixed = dict(zip(others[1:], rest, strict=True))
        rows: dict[tuple[int, ...], list[int]] = {}
        for size in range(1, last + 1):
            fitting = tuple(
                other
                for other in range(1, last + 1)
                if state.ask({**fixed, first: size, others[0]: other})
            )
            if fitting:
                rows.setdefault(fitting, []).append(size)
        for fitting, sizes in rows.items():
            sets = {
                first: of_sizes(sizes, last),
                others[0]: of_sizes(fitting, last),
                **{axis: of_sizes([size], last) for axis, size in fixed.items()},
            }
            regions.append(Region(sets, frozenset()))
    return Found(_alike(regions, last), last)


def _along_each(
    sets: Mapping[str, SizeSet], at: Mapping[str, int], last: int
) -> tuple[Region, ...]:
    """The lines through sizes that fit, one for each axis."""
    there = {axis: of_sizes([size], last) for axis, size in at.items()}
    return tuple(Region({**there, axis: found}, frozenset()) for axis, found in sets.items())


def _alike(regions: Sequence[Region], last: int) -> tuple[Region, ...]:
    """Regions of one size for several axes put together: any of these sizes, the same for all."""
    groups: dict[tuple[object, ...], list[int]] = {}
    kept: list[Region] = []
    for region in regions:
        single = {
            axis: sizes[0]
            for axis, found in region.sets.items()
            if len(sizes := list(found.up_to(last))) == 1
        }
        if len(single) == len(region.sets) > 1 and len({*single.values()}) == 1:
            groups.setdefault(tuple(single), []).append(next(iter(single.values())))
        else:
            kept.append(region)
    for axes, sizes in groups.items():
        first, *others = map(str, axes)
        ties = frozenset(equal(name(first), name(other)) for other in others)
        kept.append(Region({str(axis): of_sizes(sizes, last) for axis in axes}, ties))
    return tuple(kept)
