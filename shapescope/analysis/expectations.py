"""What a model is expected to give and to cost, and where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapescope.diagnostic import Diagnostic, Label, Severity, ShapescopeError
from shapescope.trace import Shape

if TYPE_CHECKING:
    from shapescope.result import TraceResult


@dataclass(frozen=True, slots=True)
class Expectations:
    """What must hold; None leaves it open.

    Attributes:
        outputs: the shapes that come out, in their order.
        max_params: the most parameters.
        max_macs: the most multiply-adds of one forward pass.
    """

    outputs: tuple[Shape, ...] | None = None
    max_params: int | None = None
    max_macs: int | None = None


def output_shapes(outputs: Sequence[Sequence[int]]) -> tuple[Shape, ...]:
    """The shapes that must come out, as they were given.

    Raises:
        ShapescopeError: this is a dict, one shape alone, or no shapes at all.
    """
    form = "give a list of shapes, in the order in which they come out: [(2, 10), (2, 4)]"
    if not isinstance(outputs, list | tuple):
        raise ShapescopeError(f"`outputs` is of type {type(outputs).__name__}; {form}")
    for shape in outputs:
        if not isinstance(shape, list | tuple) or any(isinstance(size, str) for size in shape):
            raise ShapescopeError(f"`outputs` holds {shape!r}, which is no shape; {form}")
    return tuple(tuple(shape) for shape in outputs)


def problems(result: TraceResult, expected: Expectations | None = None) -> tuple[Diagnostic, ...]:
    """Everything wrong with a traced model: its diagnostics, its checks, unmet expectations.

    A failed forward pass that no rule explains is named by what was raised.
    """
    found = list(result.diagnostics)
    failure = result.trace.failure
    if failure is not None and not any(one.severity is Severity.ERROR for one in found):
        first = next(iter(failure.message.splitlines()), "") or "no message"
        site = failure.call_site
        labels = () if site is None else (Label(site, f"{failure.exception} here", primary=True),)
        message = f"{failure.exception}: {first}"
        found.append(Diagnostic("forward-raises", Severity.ERROR, message, labels))
    found += _mismatches(result)
    if failure is None:
        found += _unmet(result, expected or Expectations())
    return tuple(found)


def _mismatches(result: TraceResult) -> Iterable[Diagnostic]:
    """Checks that do not match, where no diagnostic speaks of the step already."""
    told = {diagnostic.step for diagnostic in result.diagnostics}
    for step, check in zip(result.trace.steps, result.checks, strict=True):
        if check.status == "mismatch" and step.index not in told:
            gives = "nothing" if not step.outputs else _shape(step.outputs[0].shape)
            wants = "a refusal" if check.expected is None else _shape(check.expected)
            name = f"`{step.path}` ({step.op})" if step.path else f"`{step.op}`"
            yield Diagnostic(
                "formula-mismatch",
                Severity.ERROR,
                f"{name} gives {gives}, the formula gives {wants}",
                why=check.formula,
                step=step.index,
            )


def _unmet(result: TraceResult, expected: Expectations) -> Iterable[Diagnostic]:
    if expected.outputs is not None:
        shapes = tuple(spec.shape for spec in result.trace.outputs)
        if shapes != expected.outputs:
            yield _error(
                "unexpected-output",
                f"the output is {_shapes(shapes)}, expected is {_shapes(expected.outputs)}",
            )
    if expected.max_params is None and expected.max_macs is None:
        return
    params, macs = result.totals.params, result.totals.macs
    if expected.max_params is not None and params > expected.max_params:
        yield _error("too-many-params", f"{params:,} parameters, at most {expected.max_params:,}")
    if expected.max_macs is not None and macs > expected.max_macs:
        yield _error("too-many-macs", f"{macs:,} multiply-adds, at most {expected.max_macs:,}")


def _error(rule: str, message: str) -> Diagnostic:
    return Diagnostic(rule, Severity.ERROR, message)


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a scalar"


def _shapes(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(map(_shape, shapes)) or "nothing"
