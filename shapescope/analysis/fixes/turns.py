"""Axes turned, kept or put back: around a call, behind a mean, in front of a layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import call_at
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.owners import assignment_of
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, passes, source_of
from shapescope.analysis.fixes.batch import maker_of_attention
from shapescope.analysis.fixes.flatten import is_own, own_call
from shapescope.analysis.fixes.operands import around
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.diagnostic import Edit
from shapescope.trace import SourceSpan, Step, Trace

_REDUCTIONS = frozenset({"mean", "sum", "max", "min", "amax", "amin", "std", "var", "logsumexp"})
_SIMPLE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


def turned_and_back(trace: Trace, step: Step, sizes: tuple[int, ...]) -> Iterator[Proposal]:
    """The last two axes swapped in front of a call and swapped back behind it.

    The call itself is tried first, then those around it that hand the same tensor on.
    """
    current: Step | None = step
    seen: set[SourceSpan] = set()
    while current is not None and current.inputs and ints(current.inputs[0].shape) == sizes:
        span = current.call_site
        fresh = span is not None and is_own(span) and span not in seen
        edits = around(current, ".transpose(1, 2)", ".transpose(1, 2)") if fresh else None
        if edits is not None and span is not None:
            seen.add(span)
            yield Proposal(
                "bring the features to the end, and back",
                edits,
                kind="turn back",
                follow=False,
            )
        current = None if current.parent is None else trace.steps[current.parent]


def keep_reduced(trace: Trace, step: Step) -> Iterator[Proposal]:
    """`keepdim=True` for every mean or maximum whose results are joined in front of a step."""
    joined = source_of(trace, step)
    while joined is not None and passes(joined):
        joined = source_of(trace, joined)
    if joined is None or joined.op != "cat":
        return
    edits: list[Edit] = []
    for position in range(len(joined.inputs)):
        maker = source_of(trace, joined, position)
        call = None if maker is None or maker.op not in _REDUCTIONS else call_at(maker.call_site)
        if call is None or call.argument("keepdim") is not None:
            return
        edits.append(call.set("keepdim", "True"))
    if edits:
        yield Proposal("keep the axis that they run over", tuple(edits), kind="keepdim")


def keep_its_axis(trace: Trace, step: Step, places: Sequence[int]) -> Iterator[Proposal]:
    """`keepdim=True` for the norm or mean whose result lacks the axis that another operand has."""
    for place in places:
        maker = source_of(trace, step, place)
        while maker is not None and passes(maker):
            maker = source_of(trace, maker)
        if maker is None or maker.op not in {*_REDUCTIONS, "norm"} or not maker.outputs:
            continue
        call, lost = call_at(maker.call_site), len(maker.inputs[0].shape)
        lost -= len(maker.outputs[0].shape)
        if (
            call is not None
            and lost
            and maker.outputs[0].shape
            and call.argument("keepdim") is None
        ):
            edit = call.set("keepdim", "True")
            yield Proposal("keep the axis that it runs over", (edit,), kind="axes")


def reduce_each(step: Step, rank: int) -> Iterator[Proposal]:
    """A mean over every sample by itself, its axes kept: for what is subtracted or divided by."""
    call = call_at(step.call_site)
    known = step.op in _REDUCTIONS or step.op == "norm"
    if call is None or not known or call.argument("keepdim") is not None:
        return
    dims = "1" if rank == 2 else f"({', '.join(map(str, range(1, rank)))})"
    if rank < 2 or (rank > 2 and step.op in ("max", "min")):
        return
    yield Proposal(
        "run over the values of each sample",
        (call.set("dim", f"{dims}, keepdim=True"),),
        kind="dim",
    )


def average_instead(
    step: Step, sizes: tuple[int, ...], made: tuple[int, ...]
) -> Iterator[Proposal]:
    """A mean over the axes that a view folds into the batch: frames, or a map of scores."""
    call = call_at(step.call_site)
    if call is None or call.receiver is None or step.op not in ("view", "reshape", "flatten"):
        return
    text = call.code.text(call.receiver)
    text = text if isinstance(call.receiver, _SIMPLE) else f"({text})"
    places = [
        axis
        for axis in range(1, len(sizes))
        if len(made) == len(sizes) - 1 and (*sizes[1:axis], *sizes[axis + 1 :]) == made[1:]
    ]
    if places and sizes[places[0]] > 1:
        yield Proposal(
            f"average the axis of {sizes[places[0]]} instead",
            (call.code.replace(call.node, f"{text}.mean({places[0]})"),),
            kind="average",
        )
    if len(made) == 1 and len(sizes) > 2 and sizes[1] == 1:
        axes = ", ".join(map(str, range(2, len(sizes))))
        yield Proposal(
            "average the map of scores to one for each sample",
            (call.code.replace(call.receiver, f"{text}.mean(({axes}))"),),
            kind="average",
        )


def without_turn(trace: Trace, step: Step, made: tuple[int, ...], batch: int) -> Iterator[Proposal]:
    """`view(t, b, -1).transpose(0, 1)` as `view(b, t, -1)`: the values lie so already."""
    call = call_at(step.call_site)
    if call is None or len(made) < 2 or made[1] != batch:
        return
    turn = next(
        (
            one
            for one in trace.steps[step.index + 1 :]
            if one.op in ("transpose", "permute", "swapaxes")
            and one.sources[:1] == (step.index,)
            and one.outputs
            and ints(one.outputs[0].shape) == (made[1], made[0], *made[2:])
        ),
        None,
    )
    outer = None if turn is None else call_at(turn.call_site)
    nodes = size_nodes(call)
    if outer is None or outer.receiver is None or len(nodes) != len(made):
        return
    edits = [
        call.code.replace(nodes[0], call.code.text(nodes[1])),
        call.code.replace(nodes[1], call.code.text(nodes[0])),
    ]
    inner, whole = outer.code.span(outer.receiver), outer.span
    rest = SourceSpan(
        inner.file, inner.end_line, inner.end_column, whole.end_line, whole.end_column
    )
    yield Proposal(
        "take the rows as they lie, sample by sample: nothing has to be turned",
        (*edits, Edit(rest, "")),
        kind="order",
    )


def batch_first_then_turn(
    trace: Trace, step: Step, made: tuple[int, ...], batch: int
) -> Iterator[Proposal]:
    """The sizes of a view with the batch in front, and the permute behind it told where all went.

    `view(h, w, b, s, s, c).permute(2, 0, 3, 1, 4, 5)` as `view(b, h, w, s, s, c).permute(0, 1, 3,
    2, 4, 5)`.
    """
    call = call_at(step.call_site)
    place = next((at for at, size in enumerate(made) if size == batch), None)
    turn = next(
        (
            one
            for one in trace.steps[step.index + 1 :]
            if one.op == "permute" and one.sources[:1] == (step.index,)
        ),
        None,
    )
    outer = None if turn is None else call_at(turn.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or outer is None or not place or len(nodes) != len(made):
        return
    given = size_nodes(outer)
    order = [one.value for one in given if isinstance(one, ast.Constant)]
    if sorted(str(at) for at in order) != sorted(str(at) for at in range(len(made))):
        return
    moved = [place, *[at for at in range(len(made)) if at != place]]
    texts = [call.code.text(node) for node in nodes]
    edits = [
        call.code.replace(node, texts[at])
        for node, at in zip(nodes, moved, strict=True)
        if call.code.text(node) != texts[at]
    ]
    edits += [
        call.code.replace(node, str(moved.index(int(str(at)))))
        for node, at in zip(given, order, strict=True)
    ]
    yield Proposal(
        "keep the batch first, as the values lie, and move the axes as before",
        tuple(edits),
        kind="order",
    )


def features_last(trace: Trace, step: Step) -> Iterator[Proposal]:
    """The channels of a flattened map brought to the end, where an attention has its features."""
    own = own_call(trace, step)
    found = operand_nodes(own.call_site)
    if found is None or not found[1]:
        return
    code, operand = found[0], found[1][0]
    text = code.text(operand)
    changed = f"{text if isinstance(operand, _SIMPLE) else f'({text})'}.transpose(1, 2)"
    alike = [node for node in found[1] if code.text(node) == text]
    yield Proposal(
        "bring the features to the end",
        tuple(code.replace(node, changed) for node in alike),
        kind="turn",
    )


def project_input(
    trace: Trace, step: Step, given: int, wanted: int, *, position: int = 0
) -> Iterator[Proposal]:
    """A linear layer of its own in front of one that is wider than the data."""
    own = own_call(trace, step)
    found = operand_nodes(own.call_site)
    made = assignment_of(trace, own.path) if own.path else None
    handed = own is step or (
        own.input_sources()[position : position + 1]
        == step.input_sources()[position : position + 1]
    )
    if found is None or position >= len(found[1]) or made is None or not handed:
        return
    code, statement, _ = made
    prefix = code.module_name("torch.nn")
    if found[0].file != code.file or prefix is None:
        return
    operand = found[1][position]
    name = code.unused_attribute("project")
    line = f"self.{name} = {prefix}.Linear({given}, {_width(trace, step, code, statement, wanted)})"
    yield Proposal(
        f"project the {given} features to {wanted}",
        (
            code.insert_after(statement, line),
            code.replace(operand, f"self.{name}({code.text(operand)})"),
        ),
        kind="project",
    )


def _width(trace: Trace, step: Step, code: Code, statement: ast.stmt, wanted: int) -> str:
    """The width of an attention as its constructor spells it, where that name is in reach."""
    call = maker_of_attention(trace, step.path)
    if call is None or call.code.file != code.file:
        return str(wanted)
    node = call.argument("d_model") or call.argument("embed_dim")
    near = call.code.function(call.node) is code.function(statement)
    return call.code.text(node) if near and isinstance(node, ast.Name) else str(wanted)
