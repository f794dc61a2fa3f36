"""Why some losses refuse their targets: those that are no tensors of the very sizes compared."""

from __future__ import annotations

from math import prod

from shapescope.ops.shapes import broadcast, broadcast_refusal, shape, shapes, text
from shapescope.trace import Step


def gaussian_refusal(step: Step) -> str | None:
    """A variance for each value, or one for each row or along one axis alone."""
    if len(step.inputs) < 3:
        return broadcast_refusal(*shapes(step)[:2])
    given, var = shape(step), shape(step, 2)
    if var == given[:-1] != given:
        var = (*var, 1)
    elif var != given:
        others = [one for size, one in zip(given, var, strict=False) if size != one]
        if len(var) != len(given) or sum(others) != 1:
            return f"a variance of {text(shape(step, 2))} does not go with values of {text(given)}"
    return broadcast_refusal(given, shape(step, 1), var)


def cosine_refusal(step: Step) -> str | None:
    """Vectors of a batch with a target for each, or two vectors with a single one."""
    if len(step.inputs) < 3:
        return None
    left, right, target = shapes(step)[:3]
    if len(target) > 1:
        return f"a target is one number for each pair, not {text(target)}"
    if {len(left), len(right)} != {len(target) + 1}:
        given = "one number" if not target else f"{target[0]} targets"
        return f"{given} cannot go with pairs of {text(left)} and {text(right)}"
    return broadcast_refusal(left, right) or broadcast_refusal(
        (broadcast(left, right) or left)[:-1], target
    )


def margin_refusal(step: Step) -> str | None:
    """Scores of a batch and one class for each."""
    if len(step.inputs) < 2:
        return None
    scores, target, dtype = shape(step), shape(step, 1), step.inputs[1].dtype
    if len(scores) > 2 or 0 in scores[-1:]:
        return f"scores are batch x classes, not {text(scores)}"
    rows = scores[0] if len(scores) > 1 else 1
    if len(target) > 1 or prod(target) != rows:
        return f"scores of {rows} samples go with as many classes, not with {text(target)}"
    return None if dtype == "int64" else f"a class is an int64, not a {dtype}"


def ctc_refusal(step: Step) -> str | None:
    """Scores of time x batch x classes, or of time x classes without a batch."""
    if len(step.inputs) < 2:
        return None
    scores, target = shape(step), shape(step, 1)
    if len(scores) not in (2, 3):
        return f"scores are time x batch x classes, not {text(scores)}"
    rows = scores[1] if len(scores) == 3 else 1
    if len(target) not in (1, 2):
        return f"targets are batch x length, or all of them in a row, not {text(target)}"
    if len(target) == 2 and target[0] != rows:
        return f"there are scores of {rows} samples, but targets of {target[0]}"
    for lengths in shapes(step)[2:]:
        if prod(lengths) != rows:
            return f"there are scores of {rows} samples, but {prod(lengths)} lengths"
    return None
