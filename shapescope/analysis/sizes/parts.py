"""The sizes that fit, as few parts as possible, and what they look like in ranges and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

from shapescope.analysis.sizes.regions import Region
from shapescope.arithmetic.expressions import (
    Condition,
    Range,
    SizeSet,
    compiled,
    everything,
    name,
    negation,
    nothing,
    of_sizes,
    parse_condition,
    renamed,
    where,
)
from shapescope.valid_sizes import Part

MOST_RANGES = 6
"""A set of more ranges is said in a formula instead."""

_SIDE = "S"


def merged(regions: Iterable[Region]) -> list[Region]:
    """The same sizes in fewer regions."""
    left = [region for region in regions if not region.is_empty]
    joined = True
    while joined:
        joined = False
        for one, two in combinations(left, 2):
            union = _union(one, two)
            if union is not None:
                left = [region for region in left if region is not one and region is not two]
                left.append(union)
                joined = True
                break
    return sorted(left, key=lambda region: [found.first() or 0 for found in region.sets.values()])


def _union(one: Region, two: Region) -> Region | None:
    """Both as one region, where their union is one."""
    different = [axis for axis in one.sets if not one.sets[axis].same_as(two.sets[axis])]
    if one.coupled == two.coupled:
        if not different:
            return one
        if len(different) == 1:
            (axis,) = different
            return Region({**one.sets, axis: one.sets[axis] | two.sets[axis]}, one.coupled)
        if all(_within(one.sets[axis], two.sets[axis]) for axis in different):
            return two
        if all(_within(two.sets[axis], one.sets[axis]) for axis in different):
            return one
        return None
    if different:
        return None
    only_one, only_two = one.coupled - two.coupled, two.coupled - one.coupled
    if not only_one:
        return one
    if not only_two:
        return two
    if len(only_one) == len(only_two) == 1 and negation(next(iter(only_one))) in only_two:
        return Region(one.sets, one.coupled & two.coupled)
    return None


def _within(small: SizeSet, large: SizeSet) -> bool:
    return (small & ~large).is_empty


def tabulated(region: Region, last: int) -> list[Region]:
    """A region whose couplings no formula can say, as sets of sizes up to `last`."""
    if all(condition.expressible for condition in region.coupled):
        return [region]
    unsayable = [condition for condition in region.coupled if not condition.expressible]
    axes = sorted(frozenset().union(*(condition.names for condition in unsayable)))
    judges = [compiled(condition) for condition in unsayable]
    rows: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    *outer, inner = axes
    choices = [list(region.sets[axis].up_to(last)) for axis in outer]
    for chosen in product(*choices):
        sizes = dict(zip(outer, chosen, strict=True))
        fitting = tuple(
            size
            for size in region.sets[inner].up_to(last)
            if all(judge({**sizes, inner: size}) for judge in judges)
        )
        if fitting:
            rows.setdefault((chosen[:-1], fitting), []).append(chosen[-1])
    left = region.coupled - frozenset(unsayable)
    return [
        Region(
            {
                **region.sets,
                **{axis: of_sizes([size], last) for axis, size in zip(outer, first, strict=False)},
                outer[-1]: of_sizes(sizes, last),
                inner: of_sizes(fitting, last),
            },
            left,
        )
        for (first, fitting), sizes in rows.items()
    ]


def part_of(region: Region) -> Part:
    """A region as it is answered: ranges where they are few, else conditions."""
    ranges: dict[str, tuple[Range, ...]] = {}
    conditions: list[Condition] = []
    for axis, found in region.sets.items():
        if found.is_full:
            continue
        listed = found.ranges()
        if len(listed) <= MOST_RANGES or found.known_to is not None:
            ranges[axis] = listed
        else:
            conditions.append(parse_condition(in_words(found, axis)))
    coupled = sorted(region.coupled, key=lambda condition: condition.text)
    return Part(ranges, (*conditions, *coupled))


def in_words(found: SizeSet, axis: str) -> str:
    """A set of sizes as a condition in the grammar: `H >= 56 and H % 56 <= 3`."""
    pieces = []
    head = [size for size in range(1, found.settles + 1) if size in found]
    residues = [
        size % found.period
        for size in range(found.settles + 1, found.settles + found.period + 1)
        if size in found
    ]
    if residues:
        start = found.settles + 1
        # sizes before that follow the rule as well
        while start > 1 and ((start - 1) % found.period in residues) == (start - 1 in found):
            start -= 1
        head = [size for size in head if size < start]
        runs = _runs(sorted(residues))
        tests = [_residue_text(axis, found.period, first, last) for first, last in runs]
        if len(tests) == 1:
            said = tests[0]
        else:
            said = f"({' or '.join(tests)})"
        smallest = next(size for size in range(start, start + found.period) if size in found)
        if found.period == 1:
            said = f"{axis} >= {start}"
        elif smallest > found.period or start > 1:
            said = f"{axis} >= {smallest} and {said}"
        pieces.append(said)
    for first, last in _runs(head):
        pieces.append(f"{axis} == {first}" if first == last else f"{first} <= {axis} <= {last}")
    if len(pieces) == 1:
        return pieces[0]
    return " or ".join(f"({piece})" for piece in pieces) or f"{axis} < 1"


def _residue_text(axis: str, period: int, first: int, last: int) -> str:
    if first == last:
        return f"{axis} % {period} == {first}"
    if first == 0:
        return f"{axis} % {period} <= {last}"
    if last == period - 1:
        return f"{axis} % {period} >= {first}"
    return f"{first} <= {axis} % {period} <= {last}"


def _runs(sizes: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for size in sizes:
        if runs and runs[-1][1] == size - 1:
            runs[-1] = (runs[-1][0], size)
        else:
            runs.append((size, size))
    return runs


def square(regions: Iterable[Region], axes: Sequence[str]) -> SizeSet:
    """The sizes that fit where all free axes are equal."""
    side = name(_SIDE)
    total = nothing()
    for region in regions:
        fits = everything()
        for found in region.sets.values():
            fits = fits & found
        for condition in region.coupled:
            same = renamed(condition, dict.fromkeys(axes, side))
            if same.names:
                fits = fits & where(same, _SIDE)
            elif not same.evaluate({}):
                fits = nothing()
        total = total | fits
    return total


def known_to(regions: Iterable[Region]) -> int | None:
    """Up to which size the regions speak, None for all."""
    ends = [
        found.known_to
        for region in regions
        for found in region.sets.values()
        if found.known_to is not None
    ]
    return min(ends) if ends else None


def contains(regions: Iterable[Region], sizes: Mapping[str, int]) -> bool:
    """Whether these sizes are in one of the regions."""
    return any(region.contains(sizes) for region in regions)
