"""Formulas held against torch: the model is traced at other sizes, where they have to be right.

Every step has to have the shape of its formula at each of the sizes that are tried, whoever found
the formulas: our own pass, or PyTorch's symbolic engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import astuple, replace
from time import process_time
from typing import Any

from shapescope.analysis.sizes.regions import region_of
from shapescope.analysis.sizes.witness import find
from shapescope.analysis.symbolic_check import Evaluator
from shapescope.arithmetic.expressions import BATCH, Condition
from shapescope.attrs import CallAttrs, ResizeAttrs
from shapescope.capture.sizes.sizer import Sizer
from shapescope.trace import Step, TensorSpec, Trace

_SCALES = ((1, 1), (3, 2), (2, 3), (1, 1), (5, 4), (4, 5), (9, 5), (1, 2))
"""The sizes to try torch at, in parts of those that were asked for, and near them.

Of sizes near by there are two, for models that take no others.
"""

_SURE = 4
"""Sizes that are tried however long it takes."""

_SECONDS = 1.5
"""Of the processor's time, after which no more than those are tried."""


def plain_trace(sizer: Sizer, sizes: Mapping[str, int]) -> Trace:
    """What torch makes of these sizes."""
    return sizer.plain_pass(sizes, sizes.get(BATCH, sizer.asked_batch)).trace


def refuted(
    sizer: Sizer,
    trace: Trace,
    conditions: Sequence[Condition],
    asked: Mapping[str, int],
    unsettled: set[int] | None = None,
) -> Mapping[str, int] | None:
    """Sizes that meet the conditions, at which a formula of the trace is wrong; None if all hold.

    Args:
        sizer: the model.
        trace: the trace with formulas.
        conditions: under which it is said to hold.
        asked: the sizes of the open axes as they were asked for; they are tried first.
        unsettled: takes the steps, by number, whose settings alone are wrong, a piece that is cut
            out elsewhere; without it they refute the trace as well.
    """
    end = process_time() + _SECONDS
    for number, sizes in enumerate(_to_try(asked, conditions)):
        if number >= _SURE and process_time() > end:
            break
        wrong = _wrong_settings(trace, plain_trace(sizer, sizes), sizes)
        if wrong is None or (wrong and unsettled is None):
            return sizes
        if unsettled is not None:
            unsettled |= wrong
    return None


def without_settings(trace: Trace, unsettled: Set[int]) -> Trace:
    """The trace without the settings of these steps, which are others at other sizes."""
    steps = (replace(it, attrs=None) if it.index in unsettled else it for it in trace.steps)
    return replace(trace, steps=tuple(steps))


def _to_try(asked: Mapping[str, int], conditions: Sequence[Condition]) -> Iterator[dict[str, int]]:
    region = region_of(conditions, asked)
    tried: list[dict[str, int]] = []
    for over, under in _SCALES:
        # No two axes alike, so that none passes for another, and none of 1, which broadcasts.
        near = {
            axis: max(size * over // under - at - len(tried) // 3, 2)
            for at, (axis, size) in enumerate(asked.items())
        }
        found = find(region, near).sizes if tried else asked
        if found is not None and dict(found) not in tried:
            tried.append(dict(found))
            yield tried[-1]


# --- one size


def is_right(trace: Trace, plain: Trace, sizes: Mapping[str, int]) -> bool:
    """Whether every formula of the trace is what torch has at these sizes."""
    return _wrong_settings(trace, plain, sizes) == set()


def _wrong_settings(trace: Trace, plain: Trace, sizes: Mapping[str, int]) -> set[int] | None:
    """The calls whose settings are not those that torch has; None where a shape is not either."""
    steps, others = _lasting(trace.steps), _lasting(plain.steps)
    if plain.failure is not None or not same_steps(steps, others):
        return None
    at = Evaluator(sizes)

    def agree(ours: Sequence[TensorSpec], theirs: Sequence[TensorSpec]) -> bool:
        return [at.shape(spec.shape) for spec in ours] == [spec.shape for spec in theirs]

    if not agree(trace.outputs, plain.outputs):
        return None
    wrong: set[int] = set()
    for one, other in zip(steps, others, strict=True):
        if not agree(one.inputs, other.inputs) or not agree(one.outputs, other.outputs):
            return None
        if not _same_settings(at.attrs(one.attrs), other.attrs):
            if not isinstance(one.attrs, CallAttrs):
                return None
            wrong.add(one.index)
    return wrong


def same_steps(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether two traces went the same way."""
    return len(one) == len(other) and all(
        a.path == b.path and a.op == b.op and len(a.inputs) == len(b.inputs)
        and len(a.outputs) == len(b.outputs)
        for a, b in zip(one, other, strict=True)
    )  # fmt: skip


def _same_settings(ours: Any, theirs: Any) -> bool:
    """Whether settings are equal, but for formulas of floats, which have no number here."""
    if isinstance(ours, str) and isinstance(theirs, float):
        return True
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return all(map(_same_settings, ours, theirs))
    if isinstance(ours, CallAttrs) and isinstance(theirs, CallAttrs):
        return _same_settings(_anywhere(ours), _anywhere(theirs))
    if isinstance(ours, ResizeAttrs) and isinstance(theirs, ResizeAttrs):
        return _same_settings(astuple(ours), astuple(theirs))
    return bool(ours == theirs)


def _anywhere(attrs: CallAttrs) -> tuple[tuple[str, Any], ...]:
    """The arguments but for the device, which is that of the pass."""
    return tuple(item for item in attrs.arguments if item[0] != "device")


def _lasting(steps: Sequence[Step]) -> list[Step]:
    """The steps without those that are none where a size is 1: a layout is contiguous there."""
    return [step for step in steps if step.op != "contiguous"]
