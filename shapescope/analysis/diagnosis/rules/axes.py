"""Axes that a call names and that a tensor does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.built_for import customary, sizes_giving
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import places
from shapescope.analysis.diagnosis.words import here, name_of, plural, primary, shape_text
from shapescope.analysis.fixes.batch import other_dim
from shapescope.analysis.fixes.picks import dim_of
from shapescope.analysis.fixes.resample import feed, resize_input
from shapescope.trace import Step, Trace

RANGE = declare("axis-range", "a call names an axis that its tensor does not have")
PERMUTE = declare("permute-axes", "a permute names another number of axes than there are")


@failing()
def no_such_axis(case: Case) -> Iterator[Finding]:
    """A softmax, sum or cat along an axis beyond the last one."""
    step = case.failed
    dim = None if step is None else dim_of(step)
    if step is None or dim is None or not step.inputs or step.op in ("unsqueeze", "stack"):
        return
    sizes = ints(step.inputs[0].shape)
    rank = len(sizes)
    if not sizes or -rank <= dim < rank:
        return
    proposals = [
        replace(one, message="run along the last axis")
        for one in other_dim(case.trace, step, (-1,), "run along axis")
    ]
    yield finding(
        RANGE,
        f"`{name_of(step)}` runs along axis {dim}, but "
        f"{f'a row of {sizes[0]}' if rank == 1 else shape_text(sizes)} has {_axes(rank)}",
        step=step,
        labels=places(case.trace, step, "dim", f"dim = {dim}"),
        why=(
            (
                f"the axes of {shape_text(sizes)} are 0 to {rank - 1}"
                if rank > 1
                else f"the only axis of {sizes[0]} values is 0: there is no batch"
            ),
        ),
        proposals=proposals,
    )


def _axes(rank: int) -> str:
    return plural(rank, "axis", "axes")


@failing("permute")
def other_rank(case: Case) -> Iterator[Finding]:
    """A permute of a tensor with more or fewer axes than it names."""
    step = case.failed
    call = None if step is None else call_at(step.call_site)
    if step is None or call is None or not step.inputs:
        return
    sizes = ints(step.inputs[0].shape)
    given = call.node.args if call.receiver is not None else call.node.args[1:]
    count = len(given)
    if not sizes or count in (0, 1, len(sizes)):
        return
    idle = idle_squeeze(case.trace, step)
    squeezed = None if idle is None else dim_of(idle)
    labels = [primary(step.call_site, here(step))]
    why = [f"{shape_text(sizes)} has {_axes(len(sizes))}, the call names {count}"]
    proposals: list[Proposal] = []
    if idle is not None and squeezed is not None:
        size = ints(idle.inputs[0].shape)[squeezed]
        labels.append(label(idle.call_site, f"axis {squeezed} is {size}, not 1: nothing to drop"))
        why.append(f"`squeeze({squeezed})` drops an axis of 1 alone, and leaves one of {size}")
        history = size_history(chain_to(case.trace, idle))
        why += [history] if history else []
        proposals += without_axis(case.trace, idle, squeezed)
    yield finding(
        PERMUTE,
        f"`{name_of(step)}` names {count} axes, but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=labels,
        why=why,
        proposals=proposals,
    )


def idle_squeeze(trace: Trace, step: Step, position: int | None = None) -> Step | None:
    """A squeeze on the way that was to drop an axis, and found it longer than 1."""
    way = chain_to(trace, step)[:-1]
    if position is not None:
        way = chain_to(trace, source_of(trace, step, position))
    for one in reversed(way):
        dim = dim_of(one)
        if one.op == "squeeze" and dim is not None and one.outputs:
            sizes = ints(one.inputs[0].shape)
            if one.inputs[0].shape == one.outputs[0].shape and 0 <= dim < len(sizes):
                return one
    return None


def without_axis(trace: Trace, idle: Step, axis: int) -> Iterator[Proposal]:
    """The input for which the axis is 1, or the mean along it."""
    chain = chain_to(trace, idle)[:-1]
    axes = next((spatial_axes(one) for one in reversed(chain) if spatial_axes(one)), 0)
    sizes = ints(idle.inputs[0].shape)
    first = len(sizes) - axes
    if axes and axis >= first:
        wanted = [1 if first + at == axis else sizes[first + at] for at in range(axes)]
        ranges = sizes_giving(chain, axes, wanted)
        given = next(
            (ints(spec.shape)[-axes:] for spec in trace.inputs if len(spec.shape) > axes), ()
        )
        if ranges is not None and given:
            fitting = tuple(
                size if low <= size <= high else customary(low, high)
                for size, (low, high) in zip(given, ranges, strict=True)
            )
            yield from resize_input(trace, fitting)
            yield from feed(trace, fitting)
    call = call_at(idle.call_site)
    if call is not None and call.callee == "squeeze":
        text = call.code.text(call.node)
        yield Proposal(
            f"average along axis {axis}",
            (call.code.replace(call.node, text.replace("squeeze", "mean", 1)),),
            kind="mean",
        )
