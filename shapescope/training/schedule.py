"""The learning rate at every step, as a function of the step alone."""

from __future__ import annotations

from shapescope.training.recipe import ScheduleSpec


def rate_at(schedule: ScheduleSpec, lr: float, step: int, steps: int, epochs: int) -> float:
    """Return the learning rate of one step.

    Args:
        schedule: how the rate changes.
        lr: the rate it starts from, or climbs to.
        step: steps done before this one, over all epochs.
        steps: steps in an epoch.
        epochs: epochs in the run.
    """
    if not schedule.active or schedule.name == "constant":
        return lr
    if schedule.name == "step":
        return float(lr * schedule.gamma ** ((step // steps) // schedule.step_size))
    total = max(steps * epochs, 1)
    top = schedule.warmup * total
    if step < top:
        return lr * (step + 1) / (top + 1)
    down = (total - step) / max(total - top, 1.0)
    return lr * (schedule.final + (1 - schedule.final) * down)
