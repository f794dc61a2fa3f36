"""A convolution that gets a tensor with another number of axes than it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.layers import (
    class_name,
    places,
)
from shapescope.analysis.diagnosis.rules.layouts import MAPS
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.flatten import edit_operand, entered_through
from shapescope.analysis.fixes.frames import each_frame
from shapescope.analysis.fixes.operands import wrap
from shapescope.analysis.fixes.stacked import (
    join_instead,
    stack_before,
    stacked_label,
    stacked_reason,
)
from shapescope.attrs import ConvAttrs, PoolAttrs
from shapescope.trace import Step, Trace

RANK = declare("input-rank", "a layer gets a tensor with another number of axes than it takes")


def wrong_rank(case: Case, step: Step, sizes: tuple[int, ...], axes: int) -> Finding:
    """What a convolution takes, and how many axes arrive."""
    stacked = stack_before(case.trace, step) if len(sizes) == axes + 3 else None
    come = "axis arrives" if len(sizes) == 1 else "axes arrive"
    return finding(
        RANK,
        f"`{name_of(step)}` takes {axes + 2} axes, but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=(
            *places(case.trace, step, "in_channels", f"takes {MAPS[axes]}"),
            stacked_label(stacked),
        ),
        why=(
            f"{class_name(case.trace, step)} takes {MAPS[axes]}; {len(sizes)} {come}",
            *(() if stacked is None else (stacked_reason(stacked),)),
        ),
        proposals=_rank_proposals(case, step, sizes, axes),
    )  # fmt: skip


def wrong_weight(step: Step, attrs: ConvAttrs) -> Finding:
    """A weight of the user's own that has another number of axes than the call takes."""
    weight = (attrs.out_channels, attrs.in_channels // attrs.groups, *attrs.kernel_size)
    axes = int(step.op[-2])
    lacking = axes + 2 - len(weight)
    indices = {2: ("None, None",), 1: (":, None", "None")}.get(lacking, ())
    made = [wrap(step, 1, "", f"[{index}]") for index in indices]
    return finding(
        RANK,
        f"the weight of `{step.op}` has {axes + 2} axes, but {shape_text(weight)} has "
        f"{len(weight)}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(f"out_channels x in_channels x {MAPS[axes].partition('channels x ')[2]}",),
        proposals=[
            Proposal("give the weight its axes of channels", (one[0].replace(one[1], one[2]),))
            for one in made
            if one is not None
        ],
    )


def _rank_proposals(
    case: Case, step: Step, sizes: tuple[int, ...], axes: int
) -> Iterator[Proposal]:
    trace, attrs = case.trace, step.attrs
    if not isinstance(attrs, ConvAttrs | PoolAttrs):
        return
    channels = attrs.in_channels if isinstance(attrs, ConvAttrs) else 0
    if len(sizes) == axes + 3:
        yield from join_instead(stack_before(trace, step), channels)
    ones = [axis for axis, size in enumerate(sizes) if size == 1 and axis]
    if len(sizes) == axes + 3 and ones:
        yield from edit_operand(step, trace, f".squeeze({ones[0]})", "drop the axis of 1")
    if len(sizes) == axes + 3 and channels in (0, sizes[2]):
        yield from _folded(step, trace, ".flatten(0, 1)", "fold the two leading axes")
        if channels:
            yield from each_frame(trace, step, sizes)
    if len(sizes) == axes + 3 and channels == sizes[-1] != sizes[2]:
        order = (0, axes + 1, *range(1, axes + 1))
        turn = ".transpose(1, 2)" if axes == 1 else f".permute({', '.join(map(str, order))})"
        yield from _folded(
            step, trace, f".flatten(0, 1){turn}",
            f"fold the two leading axes, and bring the {channels} features to axis 1",
        )  # fmt: skip
        yield from each_frame(trace, step, sizes, turn)
    if axes == 1 and len(sizes) == 2:
        if channels == sizes[1] and channels != 1:
            yield from edit_operand(step, trace, ".unsqueeze(2)", "add an axis of length 1")
        yield from edit_operand(step, trace, ".unsqueeze(1)", "add the channel axis")
    if len(sizes) == axes:
        yield from edit_operand(step, trace, "[None, None]", "add the batch and the channel axis")
    if len(sizes) == 2 and axes == 2 and channels:
        side = round((sizes[1] / channels) ** 0.5)
        if side > 1 and channels * side * side == sizes[1]:
            yield from edit_operand(
                step, trace, f".unflatten(1, ({channels}, {side}, {side}))",
                f"give the {sizes[1]} values their {channels} x {side} x {side} form",
            )  # fmt: skip
    if len(sizes) == 2 and axes > 1 and channels == sizes[1]:
        new_axes = ", ".join(["None"] * axes)
        form = " x ".join(["1"] * axes)
        yield from edit_operand(
            step,
            trace,
            f"[:, :, {new_axes}]",
            f"give each of the {channels} channels a map of {form}",
        )
    yield from _go_around(step, trace, sizes)


def _folded(step: Step, trace: Trace, method: str, message: str) -> Iterator[Proposal]:
    """Frames as samples; no other way to fold them is shown where this one holds."""
    for one in edit_operand(step, trace, method, message):
        yield replace(one, kind="frames")


def _go_around(step: Step, trace: Trace, sizes: tuple[int, ...]) -> Iterator[Proposal]:
    """Leave a stack of convolutions out, where what arrives is a vector and no map.

    Only where a row is too short for one window: a longer one may be the line of a map whose other
    axes were left out, and as many rows as values are height and width.
    """
    if not entered_through(trace, step) or len(sizes) != 2 or sizes[0] == sizes[1]:
        return
    if not _too_short(step, sizes[1]):
        return
    found = operand_nodes(step.call_site)
    if found is None or not found[1]:
        return
    code, operand = found[0], found[1][0]
    node = code.at(step.call_site) if step.call_site is not None else None
    if node is None or step.call_site is None or isinstance(code.parent(node), ast.Return):
        return
    from shapescope.diagnostic import Edit

    yield Proposal(
        f"a row of {sizes[1]} values is no map: go around the convolutions",
        (Edit(step.call_site, code.text(operand)),),
        kind="around",
    )


def _too_short(step: Step, length: int) -> bool:
    """Whether a row of features has no room for the window of a convolution."""
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs) or isinstance(attrs.padding, str):
        return False
    window = attrs.dilation[-1] * (attrs.kernel_size[-1] - 1) + 1
    return length + 2 * attrs.padding[-1] < window
