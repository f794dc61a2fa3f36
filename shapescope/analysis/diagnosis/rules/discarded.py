"""A result that nobody keeps: `x.view(...)` as a line of its own changes nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import name_of, primary, shape_text
from shapescope.diagnostic import Edit, Severity
from shapescope.trace import Step, Trace

UNUSED = declare("result-unused", "a call gives a new tensor, and nobody keeps it")

_PURE = frozenset(
    """view reshape flatten permute transpose unsqueeze squeeze expand contiguous to repeat cat
    stack movedim unflatten relu softmax mean sum""".split()  # noqa: SIM905
)


def discarded(trace: Trace) -> Iterator[tuple[Step, CallSource]]:
    """Calls that stand as a statement of their own, though all they do is give a new tensor."""
    used = {source for step in trace.steps for source in step.sources}
    for step in trace.steps:
        if step.op not in _PURE or step.kind != "function" or step.index in used:
            continue
        if not step.outputs or step.call_site is None:
            continue
        call = call_at(step.call_site)
        if call is None or call.callee.endswith("_"):
            continue
        if isinstance(call.code.parent(call.node), ast.Expr):
            yield step, call


def keep_result(call: CallSource) -> Iterator[Proposal]:
    """`x = ` in front of the call, under the name of what it was made from."""
    operand = call.receiver if call.receiver is not None else next(iter(call.node.args), None)
    if not isinstance(operand, ast.Name):
        return
    start = call.span
    place = type(start)(start.file, start.line, start.column, start.line, start.column)
    yield Proposal("keep the result", (Edit(place, f"{operand.id} = "),), kind="keep")


@scanning
def unused_result(case: Case) -> Iterator[Finding]:
    """The first call whose result is dropped."""
    for step, call in discarded(case.trace):
        yield discarded_finding(step, call, Severity.WARNING)
        return


def discarded_finding(step: Step, call: CallSource, severity: Severity) -> Finding:
    """What is lost, and the edit that keeps it."""
    made = shape_text(step.outputs[0].shape)
    return finding(
        UNUSED,
        f"the {made} that `{name_of(step)}` gives is not kept",
        severity=severity,
        step=step,
        labels=(primary(step.call_site, f"gives {made}, and changes nothing"),),
        why=(
            (
                f"`{name_of(step)}` does not change its tensor of "
                f"{shape_text(step.inputs[0].shape)}: it returns another one"
            ),
        ),
        proposals=keep_result(call),
    )
