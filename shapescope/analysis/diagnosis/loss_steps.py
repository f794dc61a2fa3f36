"""The loss behind a model's output, apart from the model itself."""

from __future__ import annotations

from dataclasses import replace

from shapescope.trace import Step, Trace


def loss_of(trace: Trace) -> Step | None:
    """The step that computes a loss from the first output: a call behind the model's own step."""
    if not trace.steps or trace.steps[0].parent is not None:
        return None
    behind = [step for step in trace.steps[1:] if step.parent is None and step.kind == "function"]
    return behind[-1] if behind and trace.steps[0].kind == "module" else None


def without_loss(trace: Trace, loss: Step) -> Trace:
    """The trace as it would be without the loss."""
    failed_there = trace.failure is not None and trace.failure.step == loss.index
    outputs = trace.outputs
    if failed_there and loss.inputs:
        outputs = (replace(loss.inputs[0], name=None),)
    return replace(
        trace,
        steps=trace.steps[: loss.index],
        failure=None if failed_there else trace.failure,
        outputs=outputs,
    )
