"""Edits of calls that make rows for a batch that is written down."""

from __future__ import annotations

import ast
from collections.abc import Iterator

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
        alone = source_of(trace, maker) is None
        if (maker.op in _SPREADING and alone) or lookup(maker.op).factory:
            return maker, other
    return None


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
