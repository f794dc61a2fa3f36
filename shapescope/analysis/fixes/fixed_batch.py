"""Edits of calls that make rows for a batch that is written down."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import call_at
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, passes, source_of
from shapescope.ops import lookup
from shapescope.trace import Step, Trace

_SPREADING = frozenset({"repeat", "expand"})


def made_for_a_batch(trace: Trace, step: Step, pair: tuple[int, int]) -> tuple[Step, int] | None:
    """The call that makes an operand of another batch out of none, and the position of the other.

    Args:
        trace: the trace the step is from.
        step: joins or adds the operands.
        pair: the positions of the two that differ on axis 0.
    """
    shapes = [ints(step.inputs[place].shape) for place in pair]
    if not all(shapes) or shapes[0][0] == shapes[1][0]:
        return None
    for place, other in (pair, pair[::-1]):
        maker = source_of(trace, step, place)
        while maker is not None and passes(maker):
            maker = source_of(trace, maker)
        if maker is None or maker.kind != "function" or not maker.outputs:
            continue
        alone = source_of(trace, maker) is None and not _is_given(trace, maker)
        if (maker.op in _SPREADING and alone) or lookup(maker.op).factory:
            return maker, other
    return None


def _is_given(trace: Trace, maker: Step) -> bool:
    """Whether a call is made on an input of the model, which has a batch of its own."""
    given = {spec.name for spec in trace.inputs}
    return bool(maker.inputs) and maker.inputs[0].name in given


def fixed_batch(trace: Trace, step: Step, pair: tuple[int, int]) -> Iterator[Proposal]:
    """The first size of such a call read from the tensor it is to meet."""
    found = made_for_a_batch(trace, step, pair)
    operands = operand_nodes(step.call_site)
    call = None if found is None else call_at(found[0].call_site)
    if found is None or call is None or operands is None or found[1] >= len(operands[1]):
        return
    code, nodes = operands
    sizes = list(call.node.args)
    if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
        sizes = list(sizes[0].elts)
    other = nodes[found[1]]
    if sizes and isinstance(other, ast.Name | ast.Attribute):
        yield Proposal(
            "follow the batch that arrives",
            (call.code.replace(sizes[0], f"{code.text(other)}.size(0)"),),
            kind="batch",
        )


def repeated_as_steps(
    trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]]
) -> Iterator[Proposal]:
    """`state.repeat(t, 1)` as `state.unsqueeze(1).repeat(1, t, 1)`: a row for each step.

    Args:
        trace: tells who made the rows.
        step: joins them with a sequence, or adds them to it.
        shapes: of its operands.
    """
    if len(shapes) != 2 or sorted(map(len, shapes)) != [2, 3]:
        return
    few = 0 if len(shapes[0]) == 2 else 1
    batch, length = shapes[1 - few][:2]
    maker = source_of(trace, step, few)
    call = None if maker is None or maker.op != "repeat" else call_at(maker.call_site)
    if maker is None or call is None or call.receiver is None or len(call.node.args) != 2:
        return
    given = ints(maker.inputs[0].shape)
    if given[:1] == (batch,) and shapes[few] == (batch * length, *given[1:]):
        times, rest = (call.code.text(node) for node in call.node.args)
        text = f"{call.code.text(call.receiver)}.unsqueeze(1).repeat(1, {times}, {rest})"
        yield Proposal(
            f"repeat it for each of the {length} steps of a sample",
            (call.code.replace(call.node, text),),
            kind="steps",
        )
