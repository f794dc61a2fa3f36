"""What formulas say of sizes, checked by plain passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shapescope.analysis.sizes.check import along_axes, disagreement, edges
from shapescope.analysis.sizes.search import LAST
from shapescope.sizing.work import CHECK_SECONDS, SEARCH_SECONDS, Work

_MOST_CONFIRMED = 12


def agrees(work: Work, *, thorough: bool) -> bool:
    """Whether plain passes, on meta and on real tensors, say the same as the formulas."""
    axes, regions = work.axes, work.regions
    affordable = work.is_affordable
    quick = _quicker(work) if affordable else "meta"

    def on_meta(sizes: Mapping[str, int], claimed: bool) -> bool:
        found = work.runs(sizes, quick)
        # meta is laxer, and knows no values: where it says otherwise, real tensors decide
        return found if found == claimed or not affordable else work.runs(sizes, "cpu")

    asked = work.sizer.asked
    samples = along_axes(regions, axes, LAST, asked) if thorough else edges(regions, axes, LAST)
    limit = (SEARCH_SECONDS, 4 * LAST) if thorough else (CHECK_SECONDS, 40)
    other = disagreement(regions, on_meta, samples, *limit)
    if other:
        work.hints.append(other)
        return False
    return is_confirmed(work, LAST, seed=1)


def is_confirmed(work: Work, last: int, *, seed: int, alone: bool = False) -> bool:
    """Whether real tensors, where they take little, say the same as the regions that are known.

    Args:
        work: what is known.
        last: how far sizes are tried.
        seed: for the choice of sizes.
        alone: each axis was searched by itself: beside the regions nothing is claimed.
    """

    def on_real_tensors(sizes: Mapping[str, int], claimed: bool) -> bool:
        return (claimed or not alone) and work.runs(sizes, "cpu")

    samples = _to_confirm(work, last, seed)
    return not work.is_affordable or not disagreement(
        work.regions, on_real_tensors, samples, CHECK_SECONDS, _MOST_CONFIRMED
    )


def _to_confirm(work: Work, last: int, seed: int) -> Iterator[Mapping[str, int]]:
    """Sizes to try on real tensors: what was asked for is the likeliest to fit where none does."""
    yield work.sizer.asked
    yield from edges(work.regions, work.axes, last, seed)


def _quicker(work: Work) -> str:
    """Where a plain pass takes less time: recurrent layers are slow on meta, step by step."""
    sizer = work.sizer
    on_meta = sizer.seconds_of_a_pass(sizer.asked, "meta")
    return "cpu" if sizer.seconds_of_a_pass(sizer.asked, "cpu") < on_meta else "meta"
