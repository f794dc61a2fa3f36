"""The proof of a step: the shape that the arithmetic gives, against the shape that torch gave."""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.ops import lookup
from shapescope.trace import Step

MATCH = "match"
MISMATCH = "mismatch"
NOT_APPLICABLE = "not_applicable"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """What the arithmetic says of a step.

    Attributes:
        status: `match`; `mismatch`, where torch gave another shape, or gave one although a CPU
            refuses the call; `not_applicable`, where there is nothing to compare (a module that
            was opened, a step that failed, sizes that depend on values); `unknown`, where the op
            has no rule.
        formula: the arithmetic with its numbers, a text for each axis it speaks of.
        expected: the shape of the first output.
    """

    status: str
    formula: tuple[str, ...] = ()
    expected: tuple[int, ...] | None = None


_OPENED = Check(NOT_APPLICABLE)


def check_step(step: Step) -> Check:
    """The check of one step."""
    if step.op == "module":
        return _OPENED
    row = lookup(step.op)
    if row.refusal_rule is not None and (reason := row.refusal(step)) is not None:
        # Meta is laxer than a CPU in places: there a shape is no proof that the call is right.
        return Check(MISMATCH if step.outputs else NOT_APPLICABLE, row.formula(step) or (reason,))
    shapes = row.output_shape(step)
    if shapes is None:
        symbolic = any(type(size) is str for spec in step.inputs for size in spec.shape)
        known = row.observed or (symbolic and row.shape_rule is not None) or not step.outputs
        return Check(NOT_APPLICABLE if known else UNKNOWN)
    expected: tuple[int, ...] | None = shapes[0] if shapes else None  # type: ignore[assignment]
    if not step.outputs:
        return Check(NOT_APPLICABLE, row.formula(step), expected)
    observed = tuple(spec.shape for spec in step.outputs)
    same = len(shapes) >= len(observed) or len(shapes) == 1
    same = same and all(one == two for one, two in zip(shapes, observed, strict=False))
    return Check(MATCH if same else MISMATCH, row.formula(step), expected)
