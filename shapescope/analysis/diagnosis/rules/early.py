"""A class picked inside the model, where the loss wants the scores it was picked from."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at, expression_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import source_of
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.words import name_of, primary, shape_text
from shapescope.analysis.fixes.batch import without_call
from shapescope.diagnostic import Label
from shapescope.trace import SourceSpan, Step, Trace

_CASTS = frozenset({"to", "float", "double", "half", "long", "int", "type", "type_as"})

EARLY = declare("loss-of-picked", "the model picks the class, and the loss wants its scores")


def decided_too_early(case: Case, loss: Step, picked: Step, place: SourceSpan | None) -> Finding:
    """An argmax in front of a loss of scores."""
    scores, target = picked.inputs[0].shape, loss.inputs[1].shape
    left = shape_text(loss.inputs[0].shape)
    return finding(
        EARLY,
        f"{name_of(loss)} takes the scores, {shape_text(scores)}, but the class is picked already",
        step=picked,
        labels=(
            primary(picked.call_site, f"{shape_text(scores)} becomes {left}"),
            label(place, f"{left} is returned"),
        ),
        why=(
            f"{name_of(loss)} wants a score for each class and compares with {shape_text(target)}",
        ),
        notes=("argmax has no gradient: nothing would be learned through it",),
        proposals=(
            *_softmax_too(case, loss, picked),
            *_casts_too(place, picked),
            *without_call(picked),
        ),
    )


def _casts_too(place: SourceSpan | None, picked: Step) -> Iterator[Proposal]:
    """The scores returned as they are, where the picked class was also given another dtype."""
    call, found = call_at(picked.call_site), expression_at(place)
    if call is None or found is None or found[0] is not call.code or found[1] is call.node:
        return
    code, whole = found
    if not isinstance(whole, ast.expr):
        return
    scores = call.receiver if call.receiver is not None else next(iter(call.node.args), None)
    inner: ast.expr = whole
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
        if inner.func.attr not in _CASTS:
            break
        inner = inner.func.value
    if scores is not None and inner is call.node:
        text = code.text(scores)
        yield Proposal("leave the argmax away", (code.replace(whole, text),), kind="away")


def _softmax_too(case: Case, loss: Step, picked: Step) -> Iterator[Proposal]:
    """The scores as they are, for a loss that takes the softmax itself."""
    above = case.source(picked)
    call = call_at(picked.call_site)
    inner = None if above is None or above.op != "softmax" else call_at(above.call_site)
    if loss.op != "cross_entropy" or call is None or inner is None or inner.code is not call.code:
        return
    operand = inner.receiver if inner.receiver is not None else next(iter(inner.node.args), None)
    if operand is not None and inner.node in ast.walk(call.node):
        yield Proposal(
            "leave argmax and softmax away: cross_entropy takes the softmax itself",
            (call.code.replace(call.node, call.code.text(operand)),),
            kind="away",
        )


def before_casts(trace: Trace, step: Step | None) -> Step | None:
    """The step whose output was only given another dtype since."""
    while step is not None and step.op in _CASTS:
        step = source_of(trace, step)
    return step


def made_label(step: Step | None) -> Label | None:
    """The call that made what is returned."""
    if step is None or not step.outputs:
        return None
    return label(step.call_site, f"`{name_of(step)}` makes {shape_text(step.outputs[0].shape)}")
