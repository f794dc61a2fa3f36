"""Whether a pass without values stands as it is, or real tensors have to confirm it."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.analysis.step_check import verdicts
from shapescope.capture.passes import Pass
from shapescope.ops import known_macs, lookup
from shapescope.trace import Step, TensorSpec

__all__ = [
    "failing_place", "first_refusal", "have_same_shapes", "is_affordable", "is_refused_by_rule",
]  # fmt: skip

_AFFORDABLE_BYTES = 2 * 1024**3
_AFFORDABLE_MACS = 20 * 10**9
_BYTES_PER_VALUE = 4


def first_refusal(steps: Sequence[Step]) -> tuple[Step, str] | None:
    """The first step that a CPU refuses by our own rules, whatever meta said, and why."""
    for step, verdict in zip(steps, verdicts(steps), strict=True):
        if verdict.refusal is not None:
            return step, verdict.refusal
    return None


def is_refused_by_rule(done: Pass) -> bool:
    """Whether our own rules say of the step that failed that a CPU refuses it too."""
    index = None if done.failure is None else done.failure.step
    if index is None:
        return False
    step = done.steps[index]
    return lookup(step.op).refusal(step) is not None


def is_affordable(done: Pass) -> bool:
    """Whether a real run stays small, judged by the steps seen so far."""
    values = sum(param.numel for param in done.trace.params)
    for step in done.steps:
        values += sum(_numel(spec) for spec in (*step.inputs, *step.outputs))
    small = values * _BYTES_PER_VALUE <= _AFFORDABLE_BYTES
    return small and known_macs(done.steps) <= _AFFORDABLE_MACS


def _numel(spec: TensorSpec) -> int:
    return spec.numel if all(isinstance(size, int) for size in spec.shape) else 0


def failing_place(done: Pass) -> tuple[str, str] | None:
    """Path and op of the step that failed, where one did."""
    if done.failure is None or done.failure.step is None:
        return None
    step = done.steps[done.failure.step]
    return step.path, step.op


def have_same_shapes(a: Pass, b: Pass) -> bool:
    """Whether all sizes of one pass are known, and both give outputs of the same shapes."""
    # A size that depends on values has no number on fake tensors; the real pass knows it.
    made = [spec.shape for step in a.steps for spec in (*step.inputs, *step.outputs)]
    if any(type(size) is not int for shape in made for size in shape):
        return False
    return [spec.shape for spec in a.trace.outputs] == [spec.shape for spec in b.trace.outputs]
