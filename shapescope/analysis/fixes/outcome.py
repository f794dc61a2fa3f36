"""What became of a model by an edit: its weights, its batch, its outputs, where it fails now."""

from __future__ import annotations

from shapescope.analysis.diagnosis.intent import time_is_first
from shapescope.attrs import RecurrentAttrs
from shapescope.trace import Shape, Trace


def changed_weights(before: Trace, after: Trace) -> tuple[tuple[str, ...], int]:
    """The parameters whose shape differs or that are gone, and how many values were added."""
    old = {param.name: param.shape for param in before.params}
    new = {param.name: param.shape for param in after.params}
    changed = tuple(name for name, shape in old.items() if new.get(name) != shape)
    grown = sum(param.numel for param in after.params) - sum(param.numel for param in before.params)
    return changed, grown


def renamed_weights(before: Trace, after: Trace) -> tuple[tuple[str, str], ...]:
    """Old and new names, where parameters only moved: a layer put in front shifts those behind.

    Empty where a shape differs as well, or nothing is called otherwise.
    """
    if [param.shape for param in before.params] != [param.shape for param in after.params]:
        return ()
    pairs = zip(before.params, after.params, strict=True)
    return tuple((old.name, new.name) for old, new in pairs if old.name != new.name)


def keeps_batch(one: Trace, other: Trace) -> bool:
    """Whether every output has the batch where the inputs have it, for both batch sizes."""
    first, second = _batch_of(one), _batch_of(other)
    return first is not None and second is not None and carries(one, other, first, second)


def reads_time_first(trace: Trace) -> bool:
    """Whether axis 1 of the first input is the batch: a recurrent layer says so, or the text."""
    sizes = trace.inputs[0].shape if trace.inputs else ()
    return len(sizes) > 1 and (time_is_first(trace) or _recurs_along(trace, sizes))


def _recurs_along(trace: Trace, sizes: Shape) -> bool:
    return any(
        isinstance(step.attrs, RecurrentAttrs)
        and not step.attrs.cell
        and not step.attrs.batch_first
        and bool(step.inputs)
        and step.inputs[0].shape[:2] == sizes[:2]
        for step in trace.steps
    )


def carries(one: Trace, other: Trace, first: int | str, second: int | str) -> bool:
    """Whether every output has an axis of `first` in one trace, and of `second` in the other."""
    if len(one.outputs) != len(other.outputs):
        return False
    for a, b in zip(one.outputs, other.outputs, strict=True):
        if len(a.shape) != len(b.shape):
            return False
        if not a.shape:
            continue
        if a.shape[0] == first and b.shape[0] == second:
            continue
        along = [
            axis
            for axis, (n, m) in enumerate(zip(a.shape, b.shape, strict=True))
            if n == first and m == second
        ]
        if not along:
            return False
    return True


def same_maps(trace: Trace) -> bool:
    """Whether every output is as high and wide as the first input."""
    sizes = trace.inputs[0].shape[2:]
    return all(len(spec.shape) > 2 and spec.shape[2:] == sizes for spec in trace.outputs)


def _batch_of(trace: Trace) -> int | None:
    for spec in trace.inputs:
        if spec.shape and isinstance(spec.shape[0], int):
            return spec.shape[0]
    return None


def moved_on(before: Trace, after: Trace) -> bool:
    """Whether an edited model fails elsewhere, or for another reason, than it did."""
    one, two = before.failure, after.failure
    if one is None or two is None:
        return True
    same_message = one.message == two.message
    if one.step is None or two.step is None:
        return not same_message
    a, b = before.steps[one.step], after.steps[two.step]
    same_place = (a.path, a.op) == (b.path, b.op) and one.step == two.step
    return not (same_place and same_message)
