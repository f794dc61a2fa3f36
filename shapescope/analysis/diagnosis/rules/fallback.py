"""What is said of a failure that no other rule knows."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, finding, label
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.forms import FORMING, fitting_form
from shapescope.analysis.fixes.padding import smaller_output_padding
from shapescope.diagnostic import Label
from shapescope.ops import lookup
from shapescope.trace import Step

REFUSED = declare("refused", "torch refuses a call, for a reason that no other rule explains")
RAISED = declare("forward-raises", "the code of forward raises by itself")


@failing()
def refused(case: Case) -> Iterator[Finding]:
    """The call, what arrives there, and the reason as far as the arithmetic knows it."""
    failure, step = case.trace.failure, case.failed
    if failure is None:
        return
    if step is None or step.is_composite:
        where = "" if step is None or not step.path else f" of `{step.path}`"
        yield finding(
            RAISED,
            f"forward{where} raises {failure.exception}: {_first_line(failure.message)}",
            step=step,
            labels=(primary(failure.call_site, ""),),
            detail=failure.message,
        )
        return
    reason = lookup(step.op).refusal(step)
    shapes = " and ".join(shape_text(spec.shape) for spec in step.inputs[:3])
    yield finding(
        REFUSED,
        f"`{name_of(step)}` does not take {shapes or 'its arguments'}",
        step=step,
        labels=(
            primary(step.call_site or failure.call_site, operand_labels(step)),
            label(step.defined_at, f"`{name_of(step)}`"),
            _formed(case, step),
        ),
        why=(reason or f"{failure.exception}: {_first_line(failure.message)}",),
        proposals=(
            *smaller_output_padding(case.trace, step),
            *fitting_form(case.trace, step),
        ),
        detail=failure.message,
    )


def _formed(case: Case, step: Step) -> Label | None:
    """Where the input got its form, if a call of its own gave it."""
    maker = case.source(step)
    if maker is None or maker.op not in FORMING or not maker.outputs:
        return None
    return label(maker.call_site, f"made {shape_text(maker.outputs[0].shape)} here")


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "without a message"
    return line if len(line) <= 160 else line[:157] + "..."
