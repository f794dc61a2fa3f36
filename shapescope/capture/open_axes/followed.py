"""A trace with open axes by our own pass with formulas, held against torch at several sizes.

Our own pass runs the model once with plain sizes and keeps the formula of each. It knows what the
layers need, and no step takes longer than it does with numbers. What it says of other sizes is
tried before it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shapescope.arithmetic.expressions import BATCH, Condition, Expr
from shapescope.attrs import with_values
from shapescope.capture.open_axes.confirming import is_right, plain_trace, refuted, same_steps
from shapescope.capture.sizes.axes import axis_names
from shapescope.capture.sizes.numbers import Formula
from shapescope.capture.sizes.sizer import Sizer
from shapescope.trace import Shape, Step, TensorSpec, Trace
from shapescope.valid_sizes import Passage

_LONGEST = 240
"""Characters of a formula; nobody reads a longer one."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A trace with formulas, and what has to hold for it.

    Attributes:
        trace: the trace.
        conditions: those of the way it went, for two samples or more.
        needs_two: whether one sample goes another way: a squeeze takes its axis, or a batch norm
            in training mode has nothing to average over.
    """

    trace: Trace
    conditions: tuple[Condition, ...]
    needs_two: bool


def followed(sizer: Sizer, left_open: Collection[str]) -> Followed | None:
    """The trace with these axes open; None where our own pass does not understand the model."""
    passage = sizer.passage_as_asked(left_open)
    if not passage.fits or passage.doubts:
        return None
    conditions = tuple(decision.condition for decision in passage.decisions)
    plain = plain_trace(sizer, passage.sizes)
    trace = _with_formulas(plain, passage, _input_shapes(sizer, left_open))
    if trace is None or max(map(len, _formulas(trace)), default=0) > _LONGEST:
        return None
    if refuted(sizer, trace, conditions, passage.sizes) is not None:
        return None
    one = {**passage.sizes, BATCH: 1}
    needs_two = BATCH in passage.sizes and not is_right(trace, plain_trace(sizer, one), one)
    return Followed(trace, conditions, needs_two)


# --- from a passage to a trace


def _input_shapes(sizer: Sizer, left_open: Collection[str]) -> list[Shape]:
    """The shapes of the inputs with the names of their open axes."""
    names = axis_names(sizer.wanted, sizer.axes, BATCH)
    return [
        tuple(
            size if axis is None or axis not in left_open else axis
            for size, axis in zip(spec.shape, row, strict=True)
        )
        for spec, row in zip(sizer.inputs, names, strict=True)
    ]


def _with_formulas(plain: Trace, passage: Passage, inputs: Sequence[Shape]) -> Trace | None:
    """The trace with the passage's formulas in it; None where it went another way."""
    if plain.failure is not None or not same_steps(plain.steps, passage.steps):
        return None
    shapes = tuple(tuple(map(_written, shape)) for shape in passage.outputs)
    return replace(
        plain,
        mode="symbolic",
        inputs=_shaped(plain.inputs, inputs),
        outputs=_shaped(plain.outputs, shapes),
        steps=tuple(map(_open_step, plain.steps, passage.steps)),
    )


def _open_step(plain: Step, formulas: Step) -> Step:
    attrs = formulas.attrs
    return replace(
        plain,
        inputs=_shaped(plain.inputs, [spec.shape for spec in formulas.inputs]),
        outputs=_shaped(plain.outputs, [spec.shape for spec in formulas.outputs]),
        attrs=None if attrs is None else with_values(attrs, _setting),
    )


def _shaped(specs: Sequence[TensorSpec], shapes: Sequence[Shape]) -> tuple[TensorSpec, ...]:
    return tuple(replace(spec, shape=shape) for spec, shape in zip(specs, shapes, strict=True))


def _written(size: Expr) -> int | str:
    return size.constant if size.is_number else size.text


def _setting(value: Any) -> Any:
    return value.text if isinstance(value, Formula) else value


def _formulas(trace: Trace) -> Iterator[str]:
    for step in trace.steps:
        for spec in step.outputs:
            yield from (size for size in spec.shape if isinstance(size, str))
