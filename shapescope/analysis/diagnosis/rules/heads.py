"""Heads folded into the batch by a view, across the steps that lie between them."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import scanning
from shapescope.analysis.diagnosis.rules.scrambles import MIXES
from shapescope.analysis.diagnosis.words import here, primary, shape_text
from shapescope.diagnostic import Edit, Severity
from shapescope.trace import Step, Trace

_VIEWS = ("view", "reshape")


@scanning
def folded_heads(case: Case) -> Iterator[Finding]:
    """`(b, t, h * d)` viewed as `(b * h, t, d)`: a head is then a stretch of steps."""
    trace = case.trace
    if trace.mode == "symbolic":
        return
    folds = [step for step in trace.steps if _shapes(step) and heads_in_rows(*_shapes(step))]
    if not folds:
        return
    first = folds[0]
    sizes, made = _shapes(first)
    alike = [step for step in folds[1:] if step.call_site != first.call_site]
    back = _back(trace, first)
    heads = made[0] // sizes[0]
    edits = [_fold_edit(step) for step in (first, *alike)] + [_back_edit(step) for step in back]
    whole = tuple(edit for edit in edits if edit is not None)
    proposals = []
    if len(whole) == len(edits):
        message = "split the last axis alone, move the heads behind the batch, then fold them"
        proposals.append(Proposal(message, tuple(dict.fromkeys(whole)), kind="permute"))
    yield finding(
        MIXES,
        f"{shape_text(sizes)} seen as {shape_text(made)} mixes the axis of {sizes[1]} with others",
        severity=Severity.WARNING,
        step=first,
        labels=(
            primary(first.call_site, here(first)),
            *(label(step.call_site, here(step)) for step in (*alike, *back)),
        ),
        why=(
            (
                f"a view moves no value: the {sizes[1]} x {sizes[2]} of a sample are cut into "
                f"{heads} stretches of {sizes[1]} rows of {made[2]}, so no head is apart"
            ),
            (
                f"{shape_text((*sizes[:2], heads, made[2]))} cuts the last axis alone; then the "
                "heads can be moved behind the batch"
            ),
        ),
        proposals=proposals,
    )


def heads_in_rows(sizes: tuple[int, ...], made: tuple[int, ...]) -> bool:
    """Whether a view gives the batch what it takes from the features, and keeps what is between."""
    return (
        len(sizes) == len(made) == 3
        and 1 < sizes[1] == made[1]
        and 0 < sizes[0] < made[0]
        and made[0] % sizes[0] == 0
        and made[0] * made[2] == sizes[0] * sizes[2]
    )


def _shapes(step: Step) -> tuple[tuple[int, ...], ...]:
    if step.op not in _VIEWS or not step.inputs or not step.outputs:
        return ()
    return ints(step.inputs[0].shape), ints(step.outputs[0].shape)


def _back(trace: Trace, first: Step) -> list[Step]:
    """The later views that give such rows back to their samples."""
    sizes, made = _shapes(first)
    return [
        step
        for step in trace.steps[first.index + 1 :]
        if (shapes := _shapes(step)) and shapes[0][0] == made[0] and heads_in_rows(*shapes[::-1])
        if shapes[1][0] == sizes[0]
    ]


def _fold_edit(step: Step) -> Edit | None:
    """Heads split off the last axis, moved behind the batch, and folded into it."""
    sizes, made = _shapes(step)
    split = _split(step, 2, made[0] // sizes[0])
    if split is None:
        return None
    call, width, heads = split
    return _instead(call, f"unflatten(2, ({heads}, {width})).transpose(1, 2).flatten(0, 1)")


def _back_edit(step: Step) -> Edit | None:
    """Heads split off the rows again, moved to the last axis, and joined there."""
    sizes, made = _shapes(step)
    split = _split(step, 0, sizes[0] // made[0])
    if split is None:
        return None
    call, batch, heads = split
    return _instead(call, f"unflatten(0, ({batch}, {heads})).transpose(1, 2).flatten(2)")


def _split(step: Step, at: int, heads: int) -> tuple[CallSource, str, str] | None:
    """The call, its size `at` as it is written, and the heads: -1 unless that size is -1."""
    from shapescope.analysis.fixes.sizes import size_nodes

    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or call.receiver is None or len(nodes) != 3:
        return None
    text = call.code.text(nodes[at])
    return call, text, str(heads) if text.strip() == "-1" else "-1"


def _instead(call: CallSource, chain: str) -> Edit | None:
    if call.receiver is None:
        return None
    return call.code.replace(call.node, f"{call.code.text(call.receiver)}.{chain}")
