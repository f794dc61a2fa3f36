"""A call that gives several tensors, written to more or fewer names than it gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import causing, declare
from shapescope.analysis.diagnosis.rules.layers import maker_of, output_argument
from shapescope.analysis.diagnosis.words import name_of, plural, primary, shape_text
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.trace import Step, Trace

UNPACKED = declare("unpack-count", "a call gives another number of tensors than names wait for")

_CUTTING = {
    "chunk": ("chunks",),
    "split": ("split_size", "split_size_or_sections"),
    "tensor_split": ("sections", "indices_or_sections"),
    "unbind": ("dim",),
}
"""Calls that cut a tensor, and the arguments that decide in how many pieces."""


@causing
def unpacked(case: Case) -> Iterator[Finding]:
    """The last call that cut a tensor, where forward stopped at the names in front of it."""
    trace, failure = case.trace, case.trace.failure
    if failure is None or failure.call_site is None:
        return
    step = next((one for one in reversed(trace.steps) if one.outputs), None)
    call = None if step is None or step.op not in _CUTTING else call_at(step.call_site)
    if step is None or call is None or failure.call_site.file != call.span.file:
        return
    names = _names(call)
    given = len(step.outputs)
    if not names or len(names) == given:
        return
    sizes, each = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    axis = next((at for at in range(len(each)) if len(each) == len(sizes) and each[at] < sizes[at]),
                None)  # fmt: skip
    maker = maker_of(trace, step)
    argument = None if maker is None else output_argument(maker)
    yield finding(
        UNPACKED,
        f"`{step.op}` gives {plural(given, 'tensor')}, and {plural(len(names), 'name')} take them",
        step=step,
        labels=(
            primary(call.span, f"gives {given} of {shape_text(each)}"),
            label(call.code.span(names[-1]), f"the last of {plural(len(names), 'name')}"),
            None
            if maker is None or argument is None
            else argument_label(
                trace, maker.path, argument, f"`{name_of(maker)}` makes {shape_text(sizes)}"
            ),
        ),
        why=(
            f"{shape_text(sizes)} is cut in {given}"
            if axis is None
            else f"{shape_text(sizes)} is cut along axis {axis}: {sizes[axis]} = "
            f"{' + '.join(str(one.shape[axis]) for one in step.outputs)}",
        ),
        proposals=_proposals(trace, step, call, len(names), axis, maker),
    )


def _names(call: CallSource) -> list[ast.expr]:
    """The names that a call's tensors are given; none where one of them takes the rest."""
    around = call.code.parent(call.node)
    if not isinstance(around, ast.Assign) or around.value is not call.node:
        return []
    target = around.targets[0]
    if not isinstance(target, ast.Tuple | ast.List):
        return []
    return [] if any(isinstance(one, ast.Starred) for one in target.elts) else target.elts


def _proposals(
    trace: Trace,
    step: Step,
    call: CallSource,
    names: int,
    axis: int | None,
    maker: Step | None,
) -> Iterator[Proposal]:
    """Cut in as many pieces as there are names; else make so much that each is as wide as now."""
    yield from _other_number(step, call, names, axis)
    node = _written(step, call, len(step.outputs))
    if step.op not in ("chunk", "tensor_split") or node is None or axis is None:
        return
    cut = call.code.replace(node, str(names))
    width = int(step.outputs[0].shape[axis])
    if int(step.inputs[0].shape[axis]) % names == 0:
        yield Proposal(f"cut in {names}", (cut,), kind="pieces")
    argument = None if maker is None else output_argument(maker)
    if maker is None or argument is None:
        return
    text = f"make {names} * {width} = {names * width}, and cut in {names}"
    for one in set_argument(
        trace, maker.path, argument, names * width, text, factors=(names, width)
    ):
        yield Proposal(text, (*one.edits, cut), kind="pieces")


def _other_number(step: Step, call: CallSource, names: int, axis: int | None) -> Iterator[Proposal]:
    """The size of each piece of `split`, or the axis of `unbind`, that gives as many as the names.

    A split that leaves no rest, and an axis that is the only one of that length.
    """
    sizes = ints(step.inputs[0].shape)
    if step.op == "split" and axis is not None and sizes[axis] % names == 0:
        new = sizes[axis] // names
        node = _written(step, call, int(step.outputs[0].shape[axis]))
        message = f"make each piece {new} of {sizes[axis]}"
    elif step.op == "unbind" and sizes[1:].count(names) == 1:
        gone = [at for at in range(len(sizes)) if sizes[at] == len(step.outputs)]
        node = _written(step, call, *gone)
        new = sizes.index(names, 1)
        message = f"take axis {new} apart, which is {names} long"
    else:
        return
    if node is not None:
        yield Proposal(message, (call.code.replace(node, str(new)),), kind="pieces")


def _written(step: Step, call: CallSource, *numbers: int) -> ast.Constant | None:
    """Where a call writes one of these numbers as what says in how many pieces it cuts."""
    named = (one.value for one in call.node.keywords if one.arg in _CUTTING[step.op])
    given = (*call.node.args, *named)
    return next(
        (one for one in given if isinstance(one, ast.Constant) and one.value in numbers), None
    )
