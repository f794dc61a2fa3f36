"""Edits of an index or a squeeze: another axis, and the batch kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import call_at, expression_at
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.attrs import CallAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace


def pick_inside(step: Step, place: int, *, last: bool = False) -> Iterator[Proposal]:
    """`x[-1]` as `x[:, -1]`: the last step of every sample, not the last sample.

    Args:
        step: the index.
        place: the axis of the batch.
        last: steps follow on one another, so that the first one knows nothing yet.
    """
    found = expression_at(step.call_site)
    node = None if found is None else found[1]
    if found is None or not isinstance(node, ast.Subscript):
        return
    code, index = found[0], node.slice
    items = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    texts = [code.text(item) for item in items]
    if place >= len(texts):
        return
    picked = texts[place] if not last or texts[place].strip() != "0" else "-1"
    rest = texts[place + 1 :]
    if rest and rest[0].strip() == ":":
        rest = rest[1:]
    new = [*texts[:place], ":", picked, *rest]
    yield Proposal(
        f"take it from axis {place + 1}: `{code.text(node.value)}[{', '.join(new)}]`",
        (code.replace(index, ", ".join(new)),),
        kind="pick",
    )


def picked_elsewhere(step: Step, wanted: int) -> Iterator[Proposal]:
    """`x[:, :, -1]` for `x[:, -1]`, where the axis that an entry was taken from is as long.

    Args:
        step: takes an entry of axis 1 or 2 of a tensor of three.
        wanted: how many features should be left.
    """
    before, found = step.inputs[0].shape if step.inputs else (), expression_at(step.call_site)
    node = None if found is None else found[1]
    if found is None or len(before) != 3 or not isinstance(node, ast.Subscript):
        return
    index = node.slice
    items = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    texts = [found[0].text(item) for item in items]
    texts += [":"] * (3 - len(texts))
    places = [at for at, text in enumerate(texts) if ":" not in text]
    if len(texts) != 3 or len(places) != 1 or not places[0] or before[places[0]] != wanted:
        return
    picked, other = places[0], 3 - places[0]
    texts[picked], texts[other] = ":", texts[picked]
    new = ", ".join(texts if other == 2 else texts[:2])
    yield Proposal(
        f"take it from axis {other}, and keep the {wanted} features",
        (found[0].replace(index, new),),
        kind="pick",
    )


def squeeze_named(step: Step, axes: Sequence[int]) -> Iterator[Proposal]:
    """Squeeze the axes that are meant, and never the batch."""
    call = call_at(step.call_site)
    if call is None or call.callee != "squeeze" or not axes:
        return
    operand = call.receiver
    dims = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"
    head = call.node.func if operand is not None else next(iter(call.node.args), None)
    if head is None:
        return
    # only what stands behind the tensor is written, so that a squeeze inside it can be too
    before, whole = call.code.span(head), call.span
    rest = type(whole)(
        whole.file, before.end_line, before.end_column, whole.end_line, whole.end_column
    )
    text = f"({dims})" if operand is not None else f", {dims})"
    yield Proposal("squeeze the axis that is meant", (Edit(rest, text),))


def squeeze_each_named(
    trace: Trace, step: Step, axes: Sequence[int], place: int
) -> Iterator[Proposal]:
    """The same for all squeezes behind that name no axis and met a tensor without its batch.

    Args:
        trace: tells what comes behind.
        step: the squeeze that dropped the batch.
        axes: the others of 1 there.
        place: the axis of the batch there.
    """
    behind = [
        (one, [at + 1 for at, size in enumerate(one.inputs[0].shape) if size == 1])
        for one in trace.steps[step.index + 1 :]
        if one.op == "squeeze" and dim_of(one) is None and one.inputs
    ]
    if not behind or place != sum(axis < place for axis in axes):
        return
    edits: list[Edit] = []
    for one, dims in ((step, list(axes)), *behind):
        found = next(squeeze_named(one, dims), None)
        if found is None:
            return
        edits += found.edits
    yield Proposal("squeeze the axes that are meant", tuple(edits))


def dim_of(step: Step) -> int | None:
    """The axis that a call names."""
    if not isinstance(step.attrs, CallAttrs):
        return None
    dim = step.attrs.get("dim")
    if isinstance(dim, tuple) and len(dim) == 1:
        dim = dim[0]
    return dim if isinstance(dim, int) and not isinstance(dim, bool) else None
