"""Maps that were stacked where they were to be joined: the axis too many has a line of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Proposal, label
from shapescope.analysis.diagnosis.history import chain_to, ints, source_of
from shapescope.analysis.diagnosis.words import shape_text
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace


def stack_before(trace: Trace, step: Step) -> Step | None:
    """The `stack` of maps on the way to `step` whose axis is still there when it arrives."""
    axes = len(step.inputs[0].shape)
    for before in reversed(chain_to(trace, source_of(trace, step))):
        if not before.outputs or len(before.outputs[0].shape) != axes:
            return None
        if before.op == "stack":
            return before
    return None


def stacked_label(stack: Step | None) -> Label | None:
    """A label under the call that adds the axis."""
    return None if stack is None else label(stack.call_site, _counted(stack))


def stacked_reason(stack: Step) -> str:
    """What stack does to the axes, and cat does not."""
    each = ints(stack.inputs[0].shape)
    joined = (each[0], each[1] * len(stack.inputs), *each[2:])
    return (
        f"stack puts {len(stack.inputs)} maps of {shape_text(each)} along a new axis; cat along "
        f"axis 1 gives {shape_text(joined)}"
    )


def join_instead(stack: Step | None, channels: int) -> Iterator[Proposal]:
    """`torch.cat(maps, dim=1)` for a stack of maps that have the wanted channels together."""
    if stack is None or sum(int(spec.shape[1]) for spec in stack.inputs) != channels:
        return
    found = call_at(stack.call_site)
    if found is None or stack.call_site is None:
        return
    code, name, maps = found.code, found.node.func, found.argument("tensors")
    maps = found.node.args[0] if found.node.args else maps
    if maps is None or not isinstance(name, ast.Attribute | ast.Name):
        return
    torch = code.text(name).rpartition("stack")[0]
    torch = torch or f"{code.module_name('torch') or 'torch'}."
    yield Proposal(
        f"join the {len(stack.inputs)} maps along their channels, {channels} together",
        (Edit(stack.call_site, f"{torch}cat({code.text(maps)}, dim=1)"),),
        kind="join",
    )


def _counted(stack: Step) -> str:
    return f"stacks {len(stack.inputs)} maps: {shape_text(stack.outputs[0].shape)}"
