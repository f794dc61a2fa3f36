"""What holds for every trace that capture makes."""

from __future__ import annotations

from collections.abc import Iterable

from shapescope.trace.records import Trace

__all__ = ["verify"]

_MODES = ("meta", "fake", "real", "symbolic")


def verify(trace: Trace) -> None:
    """Check what holds for every trace that capture makes.

    Raises:
        ValueError: the first invariant that does not hold, with the step it fails on.
    """
    known = {param.key for param in trace.params}
    _require(trace.mode in _MODES, f"mode {trace.mode!r}")
    failed = None if trace.failure is None else trace.failure.step
    open_at_failure = set(_ancestors(trace, failed)) if failed is not None else set()
    for position, step in enumerate(trace.steps):
        where = f"step {position} ({step.op} {step.path!r}): "
        _require(step.index == position, where + f"index {step.index}")
        _require(step.kind in ("module", "function"), where + f"kind {step.kind!r}")
        if step.parent is not None:
            _require(step.parent < position, where + "its parent comes later")
            _require(trace.steps[step.parent].is_composite, where + "its parent is a leaf")
        _require(step.is_composite == bool(step.class_name), where + "class name without composite")
        unnamed = sum(spec.name is None for spec in step.inputs)
        _require(unnamed == len(step.sources), where + "sources do not match the inputs")
        for spec in (*step.inputs, *step.outputs):
            _require(0 <= spec.vmapped <= len(spec.shape), where + "more mapped axes than axes")
        for source in step.sources:
            _require(0 <= source < position, where + f"source {source} is not before it")
            _require(not trace.steps[source].is_composite, where + "its source is a composite")
            _require(bool(trace.steps[source].outputs), where + f"source {source} has no output")
        for param in step.params:
            _require(param.key in known, where + f"unknown parameter {param.key}")
        if not step.outputs and not step.is_composite:
            _require(position == failed, where + "no output, but it is not the failure")
        if step.is_composite and position in open_at_failure:
            _require(not step.outputs, where + "outputs, but the failure is inside it")
    _require(trace.failure is None or not trace.outputs, "outputs in spite of a failure")
    _require(all(spec.name for spec in trace.buffers), "a buffer without a name")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _ancestors(trace: Trace, index: int) -> Iterable[int]:
    parent: int | None = index
    while parent is not None:
        yield parent
        parent = trace.steps[parent].parent
