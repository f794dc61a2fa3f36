"""A trace with open axes by our own pass with formulas, held against torch at several sizes.

Our own pass runs the model once with plain sizes and keeps the formula of each. It knows what the
layers need, and no step takes longer than it does with numbers. What it says of other sizes is
tried: torch traces the model there as well, and every step has to have the shape of its formula.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from shapescope.analysis.sizes.regions import region_of
from shapescope.analysis.sizes.witness import find
from shapescope.analysis.symbolic_check import Evaluator
from shapescope.arithmetic.expressions import BATCH, Condition, Expr
from shapescope.attrs import CallAttrs, ResizeAttrs, with_values
from shapescope.capture.sizes.axes import axis_names
from shapescope.capture.sizes.numbers import Formula
from shapescope.capture.sizes.sizer import Sizer
from shapescope.trace import Shape, Step, TensorSpec, Trace
from shapescope.valid_sizes import Passage

_LONGEST = 240
"""Characters of a formula; nobody reads a longer one."""

_SCALES = ((1, 1), (3, 2), (2, 3), (1, 1))
"""The sizes to try torch at, in parts of those that were asked for, and near them.

The last are near by, for models that take no others.
"""


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
    plain = _plain(sizer, passage.sizes)
    trace = _with_formulas(plain, passage, _input_shapes(sizer, left_open))
    if trace is None or max(map(len, _formulas(trace)), default=0) > _LONGEST:
        return None
    for sizes in _to_try(passage.sizes, conditions):
        other = plain if sizes == passage.sizes else _plain(sizer, sizes)
        if not _is_right(trace, other, sizes):
            return None
    one = {**passage.sizes, BATCH: 1}
    needs_two = BATCH in passage.sizes and not _is_right(trace, _plain(sizer, one), one)
    return Followed(trace, conditions, needs_two)


def _plain(sizer: Sizer, sizes: Mapping[str, int]) -> Trace:
    """What torch makes of these sizes."""
    return sizer.plain_pass(sizes, sizes.get(BATCH, sizer.asked_batch)).trace


def _to_try(asked: Mapping[str, int], conditions: Sequence[Condition]) -> Iterator[dict[str, int]]:
    """Sizes of which the formulas must hold, those asked for first."""
    region = region_of(conditions, asked)
    tried: list[dict[str, int]] = []
    for over, under in _SCALES:
        # No two axes alike, so that none passes for another, and none of 1, which broadcasts.
        near = {
            axis: max(size * over // under - at, 2) for at, (axis, size) in enumerate(asked.items())
        }
        found = find(region, near).sizes if tried else asked
        if found is not None and dict(found) not in tried:
            tried.append(dict(found))
            yield tried[-1]


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
    if plain.failure is not None or not _same_steps(plain.steps, passage.steps):
        return None
    shapes = tuple(tuple(map(_written, shape)) for shape in passage.outputs)
    return replace(
        plain,
        mode="symbolic",
        inputs=_shaped(plain.inputs, inputs),
        outputs=_shaped(plain.outputs, shapes),
        steps=tuple(map(_open_step, plain.steps, passage.steps)),
    )


def _same_steps(one: Sequence[Step], other: Sequence[Step]) -> bool:
    return len(one) == len(other) and all(
        a.path == b.path and a.op == b.op and len(a.inputs) == len(b.inputs)
        and len(a.outputs) == len(b.outputs)
        for a, b in zip(one, other, strict=True)
    )  # fmt: skip


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


# --- what torch says


def _is_right(trace: Trace, plain: Trace, sizes: Mapping[str, int]) -> bool:
    """Whether every formula of the trace is what torch has at these sizes."""
    steps, others = _lasting(trace.steps), _lasting(plain.steps)
    if plain.failure is not None or not _same_steps(steps, others):
        return False
    at = Evaluator(sizes)

    def agree(ours: Sequence[TensorSpec], theirs: Sequence[TensorSpec]) -> bool:
        return [at.shape(spec.shape) for spec in ours] == [spec.shape for spec in theirs]

    return agree(trace.outputs, plain.outputs) and all(
        agree(one.inputs, other.inputs)
        and agree(one.outputs, other.outputs)
        and _same_settings(at.attrs(one.attrs), other.attrs)
        for one, other in zip(steps, others, strict=True)
    )


def _same_settings(ours: Any, theirs: Any) -> bool:
    """Whether settings are equal, but for formulas of floats, which have no number here."""
    if isinstance(ours, str) and isinstance(theirs, float):
        return True
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return all(map(_same_settings, ours, theirs))
    if isinstance(ours, CallAttrs) and isinstance(theirs, CallAttrs):
        return _same_settings(ours.arguments, theirs.arguments)
    if isinstance(ours, ResizeAttrs) and isinstance(theirs, ResizeAttrs):
        return _same_settings(astuple(ours), astuple(theirs))
    return bool(ours == theirs)


def _lasting(steps: Sequence[Step]) -> list[Step]:
    """The steps without those that are none where a size is 1: a layout is contiguous there."""
    return [step for step in steps if step.op != "contiguous"]


def _formulas(trace: Trace) -> Iterator[str]:
    for step in trace.steps:
        for spec in step.outputs:
            yield from (size for size in spec.shape if isinstance(size, str))
