"""A max unpool whose map and indices differ: the indices of another level, or other channels."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    make_instead,
    output_argument,
)
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.instead import index_that_fits
from shapescope.trace import Step

UNPOOL = declare("unpool-indices", "a max unpool gets indices of another shape than its map")


@failing("max_unpool1d", "max_unpool2d", "max_unpool3d")
def unpool(case: Case) -> Iterator[Finding]:
    """Why a max unpool refuses the map and the indices that arrive."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    trace = case.trace
    given, kept = (ints(spec.shape) for spec in step.inputs[:2])
    if given == kept or not given or len(given) != len(kept):
        return
    pooled = source_of(trace, step, 1)
    maker, _ = channel_maker(trace, step)
    channels = given[1] != kept[1]
    argument = None if maker is None or not channels else output_argument(maker)
    proposals: list[Proposal] = []
    if channels and given[2:] == kept[2:]:
        proposals += make_instead(trace, maker, kept[1])
    proposals += index_that_fits(trace, step, given)
    yield finding(
        UNPOOL,
        f"`{name_of(step)}` puts {shape_text(given)} back where {shape_text(kept)} came from",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            argument_label(trace, maker.path, argument, f"`{name_of(maker)}` makes {given[1]}")
            if maker is not None and argument is not None
            else None,
            None if pooled is None else label(pooled.call_site, _pooled(pooled, kept)),
        ),
        why=(
            "; ".join(
                f"axis {axis}: {n} != {m}"
                for axis, (n, m) in enumerate(zip(given, kept, strict=True))
                if n != m
            ),
            "every value of the map needs an index that says where its maximum stood",
        ),
        proposals=proposals,
    )


def _pooled(pooled: Step, kept: tuple[int, ...]) -> str:
    return f"the indices are of {shape_text(pooled.inputs[0].shape)} pooled to {shape_text(kept)}"
