"""Frames of a clip given to layers for pictures: folded into the batch, and given back behind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.fixes.flatten import flattened_call, is_own
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace


def each_frame(
    trace: Trace, step: Step, sizes: tuple[int, ...], turn: str = ""
) -> Iterator[Proposal]:
    """`self.cnn(x.flatten(0, 1)).unflatten(0, x.shape[:2])`, at the outermost call that fits.

    Args:
        trace: tells which calls lie around.
        step: takes a clip where it takes pictures.
        sizes: of the clip: batch x frames x what one picture has.
        turn: a call that brings the channels of each to axis 1.
    """
    calls: list[Step] = []
    current: Step | None = step
    while current is not None:
        same = current.inputs and ints(current.inputs[0].shape) == sizes
        if not same or current.input_sources()[:1] != step.input_sources()[:1]:
            break
        calls.append(current)
        current = None if current.parent is None else trace.steps[current.parent]
    for outer in reversed(calls):
        call = call_at(outer.call_site)
        if call is None or not is_own(outer.call_site) or len(call.node.args) != 1:
            continue
        operand = call.node.args[0]
        if not isinstance(operand, ast.Name | ast.Attribute):
            continue
        name, span = call.code.text(operand), call.span
        end = type(span)(span.file, span.end_line, span.end_column, span.end_line, span.end_column)
        yield Proposal(
            f"take the {sizes[0]} x {sizes[1]} frames as a batch of {sizes[0] * sizes[1]}, and "
            "give them back behind",
            (
                call.code.replace(operand, f"{name}.flatten(0, 1){turn}"),
                Edit(end, f".unflatten(0, {name}.shape[:2])"),
            ),
            kind="frames",
        )
        return


def flattened_later(trace: Trace, step: Step, wanted: int) -> Iterator[Proposal]:
    """A flatten in front that took the steps along with the features of each."""
    maker = source_of(trace, step)
    if maker is None or maker.op not in ("flatten", "view", "reshape") or maker.kind != "function":
        return
    before = ints(maker.inputs[0].shape)
    call = call_at(maker.call_site)
    text = None if call is None else flattened_call(call, 2)
    if call is not None and text is not None and len(before) > 2 and prod(before[2:]) == wanted:
        yield Proposal(
            f"keep the axis of {before[1]}: flatten from axis 2",
            (call.code.replace(call.node, text),),
            kind="steps",
        )
