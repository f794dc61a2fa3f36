"""Products of matrices whose inner sizes differ."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints, passes, source_of
from shapescope.analysis.diagnosis.registry import failing
from shapescope.analysis.diagnosis.rules.layers import make_instead
from shapescope.analysis.diagnosis.rules.letters import letters
from shapescope.analysis.diagnosis.rules.names import MATMUL
from shapescope.analysis.diagnosis.words import (
    name_of,
    operand_labels,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.operands import exchanged, wrap
from shapescope.attrs import LinearAttrs
from shapescope.ops import lookup
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace


@failing("matmul", "mm", "bmm", "einsum", "baddbmm", "addmm", "dot")
def no_product(case: Case) -> Iterator[Finding]:
    """Two shapes that do not multiply."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    one, two = (ints(spec.shape) for spec in step.inputs[-2:])
    if not one or not two:
        return
    if step.op == "einsum":
        yield from letters(case.trace, step)
        return
    trace = case.trace
    ranks = {"mm": (2, 2), "bmm": (3, 3)}.get(step.op)
    if ranks is not None and (len(one), len(two)) != ranks:
        yield _wrong_rank(step, one, two, ranks[0])
        return
    inner = two[-2] if len(two) > 1 else two[0]
    why = f"the last axis of the first is {one[-1]}, the last but one of the second is {inner}"
    if one[-1] == inner:
        why = f"the inner sizes are both {inner}, but {shape_text(one[:-2])} and "
        why += f"{shape_text(two[:-2])} in front of them differ"
    yield finding(
        MATMUL,
        f"cannot multiply {shape_text(one)} by {shape_text(two)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            *(
                argument_label(
                    trace, maker.path, "out_features", f"`{name_of(maker)}` makes {size}"
                )
                for maker, size, _ in inner_makers(trace, step, one, two)
            ),
        ),
        why=(why,),
        proposals=(
            *_proposals(step, one, two),
            *(
                proposal
                for maker, _, wanted in inner_makers(trace, step, one, two)
                for proposal in make_instead(trace, maker, wanted)
            ),
        ),
    )


def inner_makers(
    trace: Trace, step: Step, one: tuple[int, ...], two: tuple[int, ...]
) -> list[tuple[Step, int, int]]:
    """The linear layers that make the inner axes of two batches of matrices that do not multiply.

    Returns:
        Each layer with what it makes, and what the other matrix has there.
    """
    if min(len(one), len(two)) < 2 or one[-1] == two[-2]:
        return []
    first, found = len(step.inputs) - 2, []
    sides = ((first, -1, one[-1], two[-2]), (first + 1, -2, two[-2], one[-1]))
    for position, axis, mine, its in sides:
        maker = source_of(trace, step, position)
        while maker is not None and maker.inputs and maker.outputs:
            if isinstance(maker.attrs, LinearAttrs):
                if axis == -1 and maker.kind == "module" and maker.outputs[0].shape[-1] == mine:
                    found.append((maker, mine, its))
                break
            if maker.op == "transpose":
                axis = {-1: -2, -2: -1}[axis] if _turns_inner(maker) else axis
            elif not passes(maker):
                break
            maker = source_of(trace, maker)
    return found


def _turns_inner(step: Step) -> bool:
    """Whether a transpose exchanges the last two axes."""
    flow = next(iter(lookup(step.op).flow(step) or ()), ())
    rank = len(flow)
    return rank > 1 and flow[-1] is not None and flow[-1].axis == rank - 2


def _wrong_rank(step: Step, one: tuple[int, ...], two: tuple[int, ...], axes: int) -> Finding:
    wrong = one if len(one) != axes else two
    call = call_at(step.call_site)
    proposals: list[Proposal] = []
    if call is not None and call.callee == step.op and isinstance(call.node.func, ast.Attribute):
        proposals += _as_matmul(call, step.op)
    noun = "two matrices" if axes == 2 else "two batches of matrices"
    return finding(
        MATMUL,
        f"`{step.op}` takes {noun} of {axes} axes, but {shape_text(wrong)} has {len(wrong)}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(f"{shape_text(one)} by {shape_text(two)}; {step.op} does not broadcast",),
        proposals=(*proposals, *_proposals(step, one, two)),
    )


def _as_matmul(call: CallSource, op: str) -> Iterator[Proposal]:
    """`matmul` for this call; where that is not enough, for all like it in the same function."""
    own = call.code.text(call.node.func)
    function = call.code.function(call.node)
    alike = [
        node.func
        for node in (ast.walk(function) if function is not None else ())
        if isinstance(node, ast.Call) and call.code.text(node.func) == own
    ]
    name = f"{own.removesuffix(op)}matmul"
    for nodes in ([call.node.func], alike):
        yield Proposal(
            "matmul multiplies the matrices of every sample",
            tuple(call.code.replace(node, name) for node in nodes),
            kind="matmul",
        )


def _proposals(step: Step, one: tuple[int, ...], two: tuple[int, ...]) -> Iterator[Proposal]:
    first = len(step.inputs) - 2
    turns: list[tuple[int, str]] = []
    if one[-1] == two[-2:][0]:
        yield from _shared_heads(step, one, two)
        return
    if len(two) > 1 and one[-1] == two[-1]:
        turns.append((first + 1, ".transpose(-2, -1)"))
    if len(one) > 1 and len(two) > 1 and one[-2] == two[-2]:
        turns.append((first, ".transpose(-2, -1)"))
    if len(one) == 3 and len(two) == 2 and step.op in ("bmm",):
        turns.append((first + 1, ".unsqueeze(2)"))
    for position, method in turns:
        made = wrap(step, position, "", method)
        if made is not None:
            code, node, text = made
            yield Proposal("turn it", (code.replace(node, text),), kind=f"turn{position}")
    if _multiply(two, one):
        edits = exchanged(step, first, first + 1)
        if edits:
            yield Proposal("multiply them the other way round", edits, kind="exchange")


def _shared_heads(step: Step, one: tuple[int, ...], two: tuple[int, ...]) -> Iterator[Proposal]:
    """Keys and values of fewer heads, each repeated for the group of queries that share it."""
    if len(one) != 4 or len(two) != 4 or one[0] != two[0] or one[-1] != two[-2]:
        return
    few, many = sorted((one[1], two[1]))
    made = wrap(
        step,
        len(step.inputs) - (2 if one[1] == few else 1),
        "",
        f".repeat_interleave({many // few}, dim=1)",
    )
    if made is not None and many % few == 0:
        yield Proposal(
            f"repeat each of its {few} heads for the {many // few} that share it",
            (made[0].replace(made[1], made[2]),),
            kind="heads",
        )


def _multiply(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
    """Whether two matrices, or batches of them, multiply in this order."""
    return (
        min(len(one), len(two)) > 1
        and one[-1] == two[-2]
        and broadcast(one[:-2], two[:-2]) is not None
    )
