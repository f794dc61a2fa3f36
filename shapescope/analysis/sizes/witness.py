"""Sizes that meet conditions: one example, or the knowledge that there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from shapescope.analysis.sizes.regions import Region, tightened
from shapescope.analysis.sizes.ties import ties_of
from shapescope.arithmetic.expressions import Condition, SizeSet, compiled

GRID = 640
"""The largest size looked at where conditions couple axes."""

_MOST_TRIED = 400_000


@dataclass(frozen=True, slots=True)
class Search:
    """`sizes` that meet the conditions, or None; then `proven` says that there are none at all."""

    sizes: Mapping[str, int] | None
    proven: bool = True


def find(region: Region, near: Mapping[str, int]) -> Search:
    """Sizes in a region, close to `near` where that is easy."""
    region = tightened(region)
    if region.is_empty:
        return Search(None, all(found.known_to is None for found in region.sets.values()))
    chosen = {axis: closest(found, near[axis]) for axis, found in region.sets.items()}
    proven = True
    for axes, conditions in components(region.coupled):
        group = _solve(region, axes, conditions, near)
        if group.sizes is None:
            return group
        chosen.update(group.sizes)
        proven = proven and group.proven
    return Search(chosen, proven)


def closest(found: SizeSet, near: int) -> int:
    """The size of a set nearest to a given one; the set is not empty."""
    limit = found.settles + 2 * found.period if found.known_to is None else found.known_to
    for distance in range(max(limit, near) + 1):
        for size in (near + distance, near - distance):
            if size >= 1 and size in found and (found.known_to is None or size <= found.known_to):
                return size
    raise ValueError("an empty set has no size")


def components(
    conditions: frozenset[Condition],
) -> Iterator[tuple[tuple[str, ...], tuple[Condition, ...]]]:
    """Conditions grouped so that no axis is in two groups."""
    left = sorted(conditions, key=lambda condition: condition.text)
    while left:
        axes = set(left[0].names)
        group = [left.pop(0)]
        grown = True
        while grown:
            more = [condition for condition in left if condition.names & axes]
            grown = bool(more)
            for condition in more:
                axes |= condition.names
                left.remove(condition)
                group.append(condition)
        yield tuple(sorted(axes)), tuple(group)


def _solve(
    region: Region,
    axes: Sequence[str],
    conditions: Sequence[Condition],
    near: Mapping[str, int],
) -> Search:
    ties = ties_of(conditions)
    tied = {tie.axis for tie in ties}
    free = [axis for axis in axes if axis not in tied]
    judges = [(condition.names, compiled(condition)) for condition in conditions]
    tries = _MOST_TRIED if len(free) < 3 else _MOST_TRIED // 10
    most = max(int(tries ** (1 / len(free))), 8)
    candidates: list[list[int]] = []
    complete = True
    for axis in free:
        found = region.sets[axis]
        sizes = list(found.up_to(GRID))
        complete = complete and found.is_finite and found.settles <= GRID
        if len(sizes) > most:
            sizes = sorted(sizes, key=_distance_from(near[axis]))[:most]
            complete = False
        candidates.append(sizes)

    def whole(chosen: Mapping[str, int]) -> Mapping[str, int] | None:
        """All sizes that follow from those of the free axes, if they meet the conditions."""
        sizes = dict(chosen)
        for tie in reversed(ties):
            size = tie.size(sizes)
            if size < 1 or size not in region.sets[tie.axis]:
                return None
            sizes[tie.axis] = size
        return sizes if all(judge(sizes) for _, judge in judges) else None

    shared = set(candidates[0]).intersection(*candidates[1:])
    for size in sorted(shared, key=_distance_from(near[free[0]])):
        sizes_now = whole(dict.fromkeys(free, size))
        if sizes_now is not None:
            return Search(sizes_now)
    if len(free) == 2:
        for pair in product(*candidates):
            sizes_now = whole(dict(zip(free, pair, strict=True)))
            if sizes_now is not None:
                return Search(sizes_now)
        return Search(None, complete)
    found_one = _assign(list(zip(free, candidates, strict=True)), judges, {}, whole)
    return Search(found_one, found_one is not None or complete)


def _distance_from(at: int) -> Callable[[int], int]:
    return lambda size: abs(size - at)


def _assign(
    left: list[tuple[str, list[int]]],
    judges: Sequence[tuple[frozenset[str], Callable[[Mapping[str, int]], bool]]],
    chosen: dict[str, int],
    whole: Callable[[Mapping[str, int]], Mapping[str, int] | None],
) -> Mapping[str, int] | None:
    """One axis after the other, each condition asked as soon as its axes are chosen."""
    if not left:
        return whole(chosen)
    (axis, sizes), *others = left
    ready = [judge for names, judge in judges if axis in names and names <= {*chosen, axis}]
    for size in sizes:
        chosen[axis] = size
        if all(judge(chosen) for judge in ready):
            found = _assign(others, judges, chosen, whole)
            if found is not None:
                return found
    chosen.pop(axis, None)
    return None
