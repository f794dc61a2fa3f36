"""A failure that a slip of the pen made: a result nobody keeps, a minus for an equals sign."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.code import expression_at
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import causing
from shapescope.analysis.diagnosis.rules.discarded import UNUSED, discarded, discarded_finding
from shapescope.analysis.diagnosis.rules.layers import maker_of, places
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.attrs import ConvAttrs, LinearAttrs, RecurrentAttrs
from shapescope.diagnostic import Severity
from shapescope.trace import Step

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@"}


@causing
def slipped_sign(case: Case) -> Iterator[Finding]:
    """`x - self.fc(x)` as a line of its own, which fails: an equals sign was meant."""
    step = case.failed
    found = None if step is None or step.op not in _OPERATORS else expression_at(step.call_site)
    code, node = found if found is not None else (None, None)
    if step is None or code is None or not isinstance(node, ast.BinOp):
        return
    if isinstance(code.parent(node), ast.Expr):
        sign = _OPERATORS[step.op]
        yield finding(
            UNUSED,
            f"what `{sign}` would give at this line is not kept",
            step=step,
            labels=(primary(step.call_site, operand_labels(step)),),
            why=(
                (
                    f"{' and '.join(shape_text(spec.shape) for spec in step.inputs)} do not go "
                    f"together, and nothing would take their `{sign}` if they did"
                ),
            ),
            proposals=_set_instead(code, node),
        )


def _set_instead(code: Code, node: ast.BinOp) -> Iterator[Proposal]:
    if isinstance(node.left, ast.Name):
        text = f"{node.left.id} = {code.text(node.right)}"
        yield Proposal(f"set `{node.left.id}` instead", (code.replace(node, text),), kind="keep")


@causing
def unused_cause(case: Case) -> Iterator[Finding]:
    """A dropped call whose result the failing step would have taken."""
    step = case.failed
    if step is None or not step.inputs or step.is_composite:
        return
    for dropped, call in discarded(case.trace):
        given, made = ints(dropped.inputs[0].shape), ints(dropped.outputs[0].shape)
        if given == made or not _meets(case, step, dropped) or not _fits(step, made):
            continue
        yield _with_place(case, step, discarded_finding(dropped, call, Severity.ERROR))


def _meets(case: Case, step: Step, dropped: Step) -> bool:
    """Whether a step takes the very tensor that the dropped call was to change."""
    operand = maker_of(case.trace, dropped)
    return any(
        maker_of(case.trace, step, place) is operand and spec.shape == dropped.inputs[0].shape
        for place, spec in enumerate(step.inputs)
    )


def _fits(step: Step, made: tuple[int, ...]) -> bool:
    """Whether a layer would take a shape, as far as its settings tell."""
    attrs = step.attrs
    if isinstance(attrs, LinearAttrs):
        return made[-1:] == (attrs.in_features,)
    if isinstance(attrs, RecurrentAttrs):
        return made[-1:] == (attrs.input_size,)
    if isinstance(attrs, ConvAttrs):
        axes = len(attrs.kernel_size)
        return len(made) > axes and made[-axes - 1] == attrs.in_channels
    return True


_TAKEN = (
    (LinearAttrs, "in_features", "features"),
    (RecurrentAttrs, "input_size", "features"),
    (ConvAttrs, "in_channels", "channels"),
)


def _with_place(case: Case, step: Step, given: Finding) -> Finding:
    """A finding with the labels of the step that failed for its sake."""
    diagnostic = given.diagnostic
    labels = [primary(step.call_site, operand_labels(step))]
    gets = f"so `{name_of(step)}` gets {' and '.join(shape_text(s.shape) for s in step.inputs[:2])}"
    for kind, argument, noun in _TAKEN:
        wanted = getattr(step.attrs, argument, None) if isinstance(step.attrs, kind) else None
        if wanted is not None:
            labels = [*places(case.trace, step, argument, f"{argument} = {wanted}")]
            gets = f"so `{name_of(step)}` gets {shape_text(step.inputs[0].shape)}"
            gets += f", not {wanted} {noun}"
    shown = [replace(one, primary=False) for one in labels if one is not None]
    why = (*diagnostic.why, gets)
    return replace(
        given, diagnostic=replace(diagnostic, labels=(*diagnostic.labels, *shown), why=why)
    )
