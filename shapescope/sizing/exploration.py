"""The sizes that fit, explored with formulas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from shapescope.analysis.sizes.explore import Exploration, explore
from shapescope.analysis.sizes.parts import merged, tabulated
from shapescope.analysis.sizes.regions import Region, region_of
from shapescope.analysis.sizes.search import LAST
from shapescope.arithmetic.expressions import BATCH
from shapescope.sizing.work import BATCHES, Work
from shapescope.valid_sizes import Passage

if TYPE_CHECKING:
    from shapescope.capture.sizes.sizer import Sizer


def explore_ways(work: Work) -> tuple[str, ...]:
    """Explore with formulas; what is doubtful about the result comes back."""
    sizer = work.sizer
    found = explore(sizer.passage, _all_axes(sizer), _start(sizer), _asks_about_batch)
    if any(map(_asks_about_batch, found.passages)):
        # the way depends on the batch: look at it for single batches
        work.for_every_batch = False
        explorations = [
            explore(partial(sizer.passage, batch=batch), work.axes, sizer.asked)
            for batch in BATCHES
        ]
        work.passages = explorations[0].passages
        work.regions = _common([_regions(one, work.axes) for one in explorations])
        doubts = [doubt for one in explorations for doubt in one.open]
        ends = [one.known_to for one in explorations if one.known_to is not None]
        work.searched_to = min(ends) if ends else None
        return tuple(dict.fromkeys(doubts))
    work.passages = found.passages
    work.regions = _regions(found, work.axes)
    work.searched_to = found.known_to
    return found.open


def _all_axes(sizer: Sizer) -> list[str]:
    return [free.name for free in sizer.axes] + ([BATCH] if sizer.has_batch else [])


def _start(sizer: Sizer) -> dict[str, int]:
    return {**sizer.asked, **({BATCH: 2} if sizer.has_batch else {})}


def _asks_about_batch(passage: Passage) -> bool:
    return any(BATCH in decision.condition.names for decision in passage.decisions)


def _regions(found: Exploration, axes: Sequence[str]) -> list[Region]:
    whole = merged(
        region_of((decision.condition for decision in passage.decisions), axes)
        for passage in found.fitting
    )
    return merged(part for region in whole for part in tabulated(region, LAST))


def _common(groups: Sequence[list[Region]]) -> list[Region]:
    """The sizes that are in a region of every group."""
    first, *others = groups
    for group in others:
        first = [
            Region(
                {axis: one.sets[axis] & two.sets[axis] for axis in one.sets},
                one.coupled | two.coupled,
            )
            for one, two in product(first, group)
        ]
    return merged(first)
