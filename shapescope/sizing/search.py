"""The sizes that fit, searched by passes where formulas end."""

from __future__ import annotations

from functools import partial

from shapescope.analysis.sizes.parts import merged
from shapescope.analysis.sizes.search import search
from shapescope.sizing.agreement import is_confirmed
from shapescope.sizing.work import BATCHES, SEARCH_SECONDS, Work


def search_sizes(work: Work) -> None:
    """Try sizes one by one: on meta, and on real tensors where meta is too lax or cannot."""
    sizer = work.sizer
    fitting = [{axis: one.sizes[axis] for axis in work.axes} for one in work.passages if one.fits]
    hints = [sizer.asked, *fitting, *work.hints]
    for device in ("meta", "cpu"):
        each = sizer.seconds_of_a_pass(hints[-1], device) * len(BATCHES)
        found = search(
            partial(work.runs, device=device),
            work.axes,
            hints,
            seconds_each=each,
            seconds=SEARCH_SECONDS,
        )
        work.mode = "meta" if device == "meta" else "real"
        work.regions = merged(found.regions)
        work.searched_to = found.last
        if is_confirmed(work, found.last, seed=2, alone=found.alone):
            break
    how = "along each axis, the others as they fitted, " if found.alone else ""
    work.notes.append(f"searched by passes {how}up to {work.searched_to}")
