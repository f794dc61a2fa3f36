"""What a model gave and cost when it was recorded, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from shapescope.analysis.alignment import align, path_cost
from shapescope.analysis.cost import step_macs, unique
from shapescope.diagnostic import Diagnostic, Label, Severity
from shapescope.trace import Shape, Step

if TYPE_CHECKING:
    from shapescope.result import TraceResult

_TOLD = 5
"""Changed steps that are told one by one: what follows from the first is seldom news."""


Key: TypeAlias = tuple[str, tuple[str, ...], bool]
"""The model, its inputs as they were asked for, and whether it is in training mode."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as it was: `macs` is None where they are not counted."""

    path: str
    op: str
    gives: tuple[Shape, ...]
    params: int = 0
    macs: int | None = 0

    @property
    def name(self) -> str:
        """How to speak of it: its module, or its op."""
        return f"`{self.path}` ({self.op})" if self.path else f"`{self.op}`"


@dataclass(frozen=True, slots=True)
class Record:
    """A model as it was: inputs and outputs with their dtypes, totals, and every leaf step."""

    inputs: tuple[tuple[Shape, str], ...]
    outputs: tuple[tuple[Shape, str], ...]
    params: int
    macs: int
    steps: tuple[StepRecord, ...]


def record_of(result: TraceResult) -> Record:
    """What a traced model gives and costs."""
    trace = result.trace
    return Record(
        tuple((spec.shape, spec.dtype) for spec in trace.inputs),
        tuple((spec.shape, spec.dtype) for spec in trace.outputs),
        result.totals.params,
        result.totals.macs,
        tuple(_step_record(step) for step in trace.leaves),
    )


def _step_record(step: Step) -> StepRecord:
    return StepRecord(
        step.path if step.kind == "module" else "",
        step.op,
        tuple(spec.shape for spec in step.outputs),
        sum(param.numel for param in unique(step.params)),
        step_macs(step),
    )


def changes(before: Record, result: TraceResult) -> tuple[Diagnostic, ...]:
    """What differs from the record, the totals first, then the steps, each where it stands.

    A step whose shape changed only because an earlier one did is told like any other; after the
    first few the rest are counted.
    """
    after = record_of(result)
    found = [*_totals(before, after), *_steps(before.steps, after.steps, result.trace.leaves)]
    kept, more = found[:], 0
    steps = [one for one in found if one.rule == "changed-step"]
    if len(steps) > _TOLD + 1:
        more = len(steps) - _TOLD
        dropped = set(map(id, steps[_TOLD:]))
        kept = [one for one in found if id(one) not in dropped]
        kept.append(_error("changed-step", f"{more} more steps differ from the record"))
    return tuple(kept)


def _totals(before: Record, after: Record) -> Iterator[Diagnostic]:
    if before.inputs != after.inputs:
        yield _differs("changed-input", "the input is", _tensors(after.inputs),
                       _tensors(before.inputs))  # fmt: skip
    if before.outputs != after.outputs:
        yield _differs("changed-output", "the output is", _tensors(after.outputs),
                       _tensors(before.outputs))  # fmt: skip
    if before.params != after.params:
        yield _count("changed-params", "parameters", after.params, before.params)
    if before.macs != after.macs:
        yield _count("changed-macs", "multiply-adds", after.macs, before.macs)


def _steps(
    before: Sequence[StepRecord], after: Sequence[StepRecord], steps: Sequence[Step]
) -> Iterator[Diagnostic]:
    for i, j in align(before, after, _cost):
        if i is None and j is not None:
            yield _at(steps[j], f"{after[j].name} is new, it gives {_shapes(after[j].gives)}")
        elif i is not None and j is None:
            old = before[i]
            yield _error("changed-step", f"{old.name} is gone, it gave {_shapes(old.gives)}")
        elif i is not None and j is not None and before[i] != after[j]:
            yield _changed(before[i], after[j], steps[j])


def _cost(old: StepRecord, new: StepRecord) -> float:
    """How far two steps are from being the same one."""
    if old.op != new.op:
        return float("inf")
    facts = (old.gives != new.gives) + (old.params != new.params)
    return path_cost(old.path, new.path) + 0.15 * facts


def _changed(old: StepRecord, new: StepRecord, step: Step) -> Diagnostic:
    facts = [] if old.path == new.path else [f"is recorded as {old.name}"]
    if old.gives != new.gives:
        facts.append(f"gives {_shapes(new.gives)}, recorded is {_shapes(old.gives)}")
    if old.params != new.params:
        facts.append(f"has {new.params:,} parameters, recorded are {old.params:,}")
    if old.macs != new.macs:
        facts.append(f"takes {_macs(new.macs)} multiply-adds, recorded are {_macs(old.macs)}")
    return _at(step, f"{new.name} {'; it '.join(facts)}")


def _at(step: Step, message: str) -> Diagnostic:
    span = step.call_site or step.defined_at
    labels = () if span is None else (Label(span, "differs from the record", primary=True),)
    return Diagnostic("changed-step", Severity.ERROR, message, labels, step=step.index)


def _differs(rule: str, what: str, now: str, recorded: str) -> Diagnostic:
    return _error(rule, f"{what} {now}, recorded is {recorded}")


def _count(rule: str, what: str, now: int, recorded: int) -> Diagnostic:
    return _error(rule, f"{now:,} {what}, recorded are {recorded:,} ({now - recorded:+,})")


def _error(rule: str, message: str) -> Diagnostic:
    return Diagnostic(rule, Severity.ERROR, message)


def _macs(count: int | None) -> str:
    return "uncounted" if count is None else f"{count:,}"


def _shapes(shapes: Sequence[Shape]) -> str:
    return ", ".join(" x ".join(map(str, shape)) or "scalar" for shape in shapes) or "nothing"


def _tensors(tensors: Sequence[tuple[Shape, str]]) -> str:
    said = [
        _shapes((shape,)) + ("" if dtype == "float32" else f" {dtype}") for shape, dtype in tensors
    ]
    return ", ".join(said) or "nothing"
