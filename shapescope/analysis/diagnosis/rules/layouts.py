"""A map whose channels lie behind its places, or that has none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import spatial_axes
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.layers import (
    maker_of,
    places,
)
from shapescope.analysis.diagnosis.rules.names import MISSING_AXIS
from shapescope.analysis.diagnosis.words import name_of, plural, shape_text
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import CallAttrs, ConvAttrs
from shapescope.trace import Step

CHANNELS_LAST = declare("channels-last", "a map with its channels last, where torch has them first")


MAPS = {1: "batch x channels x length", 2: "batch x channels x height x width",
         3: "batch x channels x depth x height x width"}  # fmt: skip


def channels_last(case: Case, step: Step, sizes: tuple[int, ...], wanted: int) -> Finding:
    """A map whose channels are its last axis, at the step that reads another one as channels."""
    rank = len(sizes)
    batched = rank == (spatial_axes(step) or rank) + 2
    if rank == 3 and batched:
        method = ".transpose(1, 2)"
    elif batched:
        method = f".permute(0, {rank - 1}, {', '.join(map(str, range(1, rank - 1)))})"
    else:
        method = f".permute({rank - 1}, {', '.join(map(str, range(rank - 1)))}).unsqueeze(0)"
    written = "batch x length x channels" if rank == 3 and batched else "height x width x channels"
    channels = sizes[1] if batched else sizes[0]
    moved = maker_of(case.trace, step)
    moved = moved if moved is not None and moved.op in ("permute", "transpose") else None
    conv = isinstance(step.attrs, ConvAttrs)
    counted = plural(wanted, "channel") if conv else "channels"
    defined = f"in_channels = {wanted}" if conv else "slides over the last two axes"
    return finding(
        CHANNELS_LAST,
        f"`{name_of(step)}` takes {counted} on axis {int(batched)}, but they are the last axis of "
        f"{shape_text(sizes)}",
        step=step,
        labels=(
            *places(case.trace, step, "in_channels", defined),
            None if moved is None else label(moved.call_site, here_and_there(moved)),
        ),
        why=(
            (
                f"{name_of(step)} reads {shape_text(sizes)} as "
                f"{MAPS[rank - 2 if batched else rank - 1] if batched else 'one unbatched map'}: "
                f"{plural(channels, 'channel')}, not {wanted}"
            ),
        ),
        notes=(f"the axes look like {written}: torch has the channels first",),
        proposals=(
            *(_other_order(moved, rank) if moved is not None and batched else ()),
            *(_behind(case, step) if rank == 3 and batched and channels == 1 else ()),
            *edit_operand(step, case.trace, method, "move the channels to the front"),
        ),
    )


def _behind(case: Case, step: Step) -> Iterator[Proposal]:
    """The axis of 1 that an unsqueeze put in front of the channels, put behind them."""
    made = maker_of(case.trace, step)
    call = None if made is None or made.op != "unsqueeze" else call_at(made.call_site)
    if call is not None:
        edit = call.set("dim", "-1")
        yield Proposal("put the axis of 1 behind the channels", (edit,), kind="order")


def here_and_there(step: Step) -> str:
    """`4 x 64 x 64 x 3 -> 4 x 3 x 64 x 64` of a step that moves axes."""
    return f"{shape_text(step.inputs[0].shape)} -> {shape_text(step.outputs[0].shape)}"


def _other_order(moved: Step, rank: int) -> Iterator[Proposal]:
    """Other axes for a permute that was to bring the channels to the front, and did not."""
    call = call_at(moved.call_site)
    order = moved.attrs.get("dims") if isinstance(moved.attrs, CallAttrs) else None
    if call is None or moved.op != "permute" or not isinstance(order, tuple):
        return
    given = call.node.args if call.receiver is not None else call.node.args[1:]
    nodes = list(given)
    if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
        nodes = list(nodes[0].elts)
    if len(nodes) != rank or len(order) != rank:
        return
    last = [axis for axis in range(1, rank) if axis != order[-1]]
    wanted = [0, order[-1], *last]
    edits = tuple(
        call.code.replace(node, str(axis))
        for node, axis, old in zip(nodes, wanted, order, strict=True)
        if axis != old
    )
    yield Proposal("move the channels to the front", edits, kind="order")


def missing_channel(case: Case, step: Step, sizes: tuple[int, ...]) -> Finding:
    """A batch of maps of one channel each, whose axis was left out."""
    axes = len(sizes) - 1
    return finding(
        MISSING_AXIS,
        f"`{name_of(step)}` takes 1 channel, but {shape_text(sizes)} has no channel axis",
        step=step,
        labels=places(case.trace, step, "in_channels", "in_channels = 1"),
        why=(
            (
                f"without a batch axis torch reads {shape_text(sizes)} as one map with {sizes[0]} "
                f"channels; {name_of(step)} takes {MAPS[axes]}"
            ),
        ),
        proposals=(
            *edit_operand(step, case.trace, ".unsqueeze(1)", "add the channel axis"),
            *edit_operand(step, case.trace, ".unsqueeze(0)", "add the batch axis"),
        ),
    )
