"""A loss that forward computes itself, whose two sides differ by an axis of 1."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import failing, scanning
from shapescope.analysis.diagnosis.rules.comparing import BROADCAST
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.ranked import side_by_side
from shapescope.diagnostic import Severity
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step

_SPREADING = frozenset(
    """mse_loss l1_loss smooth_l1_loss huber_loss poisson_nll_loss gaussian_nll_loss
    soft_margin_loss""".split()  # noqa: SIM905
)
_STRICT = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


@scanning
def spread_pairs(case: Case) -> Iterator[Finding]:
    """A loss of value beside value that meets more pairs than either side has values.

    Sides with as many axes as each other may be meant to meet so.
    """
    for step in case.trace.steps:
        if step.op not in _SPREADING or len(step.inputs) < 2 or not step.outputs:
            continue
        one, other = (ints(spec.shape) for spec in step.inputs[:2])
        if len(one) == len(other) or not one or not other or not side_by_side(step):
            continue
        spread = broadcast(one, other)
        if spread is not None and spread not in (one, other):
            yield _finding(step, one, other, spread)
            return


@failing(*_STRICT)
def unequal_sides(case: Case) -> Iterator[Finding]:
    """Why a loss that takes two tensors of one shape refuses what arrives."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    one, other = (ints(spec.shape) for spec in step.inputs[:2])
    if one and other and one != other:
        yield _finding(step, one, other, None)


def _finding(
    step: Step, one: tuple[int, ...], other: tuple[int, ...], spread: tuple[int, ...] | None
) -> Finding:
    if spread is None:
        why = f"{name_of(step)} takes two tensors of one shape, value beside value"
    else:
        why = f"they broadcast to {shape_text(spread)}: each value meets those of other samples"
    return finding(
        BROADCAST,
        f"{name_of(step)} compares {shape_text(one)} with {shape_text(other)}",
        severity=Severity.ERROR if spread is None else Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(why,),
        notes=() if spread is None else ("nothing raises, and the mean is over all those pairs",),
        proposals=side_by_side(step),
    )
