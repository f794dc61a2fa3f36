"""The proof of a step: the shape that the arithmetic gives, against the shape that torch gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from shapescope.attrs import (
    AdaptivePoolAttrs,
    Attrs,
    CallAttrs,
    ConvAttrs,
    LinearAttrs,
    NormAttrs,
    PoolAttrs,
)
from shapescope.ops import lookup
from shapescope.ops.flow import Flows
from shapescope.trace import Step, TensorSpec

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


class Verdict(NamedTuple):
    """What the rules of its op say of a step.

    Attributes:
        refusal: why torch on a CPU refuses it, or None where it does not.
        check: the shape it must have against the one it has.
        macs: its multiply-adds; 0 of a module that was opened and of a step that failed, None
            where there is no rule.
        scratch: bytes that its kernel takes on the way and gives back.
        flows: for each input, where the axes of the first output come from; None where unknown.
    """

    refusal: str | None
    check: Check
    macs: int | None
    scratch: int
    flows: Flows | None


_Tensors: TypeAlias = tuple[TensorSpec, ...]
_Question: TypeAlias = tuple[str, Attrs | None, _Tensors, _Tensors, tuple[type, ...]]

_MOST = 20_000
"""Steps whose verdicts are remembered at most."""

_EXACT = frozenset({ConvAttrs, PoolAttrs, AdaptivePoolAttrs, LinearAttrs, NormAttrs})
"""Settings that read alike where they are equal: no 2 beside 2.0 in a formula."""

_TOLD_APART = frozenset({bool, int, str, type(None)})
"""Types of arguments that read alike where they and their types are equal."""

_known: dict[_Question, Verdict] = {}
_latest: list[tuple[Sequence[Step], tuple[Verdict, ...]]] = []
"""The last ones asked for: what is refused, checked and counted are questions to the same steps."""


def verdicts(steps: Sequence[Step]) -> tuple[Verdict, ...]:
    """The verdict on each step of a trace."""
    for asked, known in _latest:
        if asked is steps:
            return known
    found = tuple(map(verdict, steps))
    _latest[:] = [(steps, found)]
    return found


def verdict(step: Step) -> Verdict:
    """The verdict on one step: rules see its op, settings and tensors, and give it but once."""
    attrs = step.attrs
    kinds: tuple[type, ...] = ()
    if isinstance(attrs, CallAttrs):
        kinds = tuple([type(value) for _, value in attrs.arguments])
        if not _TOLD_APART.issuperset(kinds):
            return _judged(step)
    elif type(attrs) not in _EXACT:
        return _judged(step)
    question = step.op, attrs, step.inputs, step.outputs, kinds
    known = _known.get(question)
    if known is None:
        if len(_known) >= _MOST:
            _known.clear()
        known = _known[question] = _judged(step)
    return known


def _judged(step: Step) -> Verdict:
    row = lookup(step.op)
    refusal = None if row.refusal_rule is None else row.refusal(step)
    done = bool(step.outputs) and step.op != "module"
    macs = row.macs(step) if done else 0
    scratch = 0
    if done and row.scratch_rule is not None and not _is_symbolic(step):
        scratch = row.scratch_rule(step)
    return Verdict(
        refusal, _checked(step, refusal), macs, scratch, row.flow(step) if done else None
    )


def _is_symbolic(step: Step) -> bool:
    return any(type(size) is str for spec in step.inputs for size in spec.shape)


def check_step(step: Step) -> Check:
    """The check of one step."""
    return verdict(step).check


def _checked(step: Step, reason: str | None) -> Check:
    if step.op == "module":
        return _OPENED
    row = lookup(step.op)
    if reason is not None:
        # Meta is laxer than a CPU in places: there a shape is no proof that the call is right.
        return Check(MISMATCH if step.outputs else NOT_APPLICABLE, row.formula(step) or (reason,))
    shapes = row.output_shape(step)
    if shapes is None:
        symbolic = row.shape_rule is not None and _is_symbolic(step)
        known = row.observed or symbolic or not step.outputs
        return Check(NOT_APPLICABLE if known else UNKNOWN)
    expected: tuple[int, ...] | None = shapes[0] if shapes else None  # type: ignore[assignment]
    if not step.outputs:
        return Check(NOT_APPLICABLE, row.formula(step), expected)
    observed = tuple(spec.shape for spec in step.outputs)
    same = len(shapes) >= len(observed) or len(shapes) == 1
    same = same and all(one == two for one, two in zip(shapes, observed, strict=False))
    return Check(MATCH if same else MISMATCH, row.formula(step), expected)
