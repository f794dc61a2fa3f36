"""Ops that repeat values along axes."""

from __future__ import annotations

from fractions import Fraction
from math import prod

from shapescope.ops.flow import RESIZED, Flows, Link, aligned, whole
from shapescope.ops.registry import Op, register
from shapescope.ops.shape import named_shape
from shapescope.ops.shapes import (
    Ints,
    are_ints,
    argument,
    axis,
    fits_refusal,
    no_axes_refusal,
    replaced,
    second_shape,
    shape,
    shapes,
    text,
)
from shapescope.trace import Step


def _expand_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, wanted = shape(step), named_shape(step)
    if wanted is None or len(wanted) < len(sizes) or _expand_refusal(step) is not None:
        return None
    padded = (1,) * (len(wanted) - len(sizes)) + sizes
    return (tuple(n if size == -1 else size for n, size in zip(padded, wanted, strict=True)),)


def _expand_refusal(step: Step) -> str | None:
    sizes, wanted = shape(step), named_shape(step)
    if wanted is None:
        return None
    if len(wanted) < len(sizes):
        return f"{text(sizes)} has more axes than {text(wanted)}"
    padded = (None,) * (len(wanted) - len(sizes)) + sizes
    for number, (n, size) in enumerate(zip(padded, wanted, strict=True)):
        if n is None and size < 0:
            return f"axis {number} is new, so -1 says nothing"
        if n is not None and size not in (-1, n) and n != 1:
            return f"axis {number} is {n}, which does not expand to {size}"
    return None


def _expand_flow(step: Step) -> Flows | None:
    made = second_shape(step) if step.op == "expand_as" else _expand_shape(step)
    return None if made is None else (aligned(shape(step), made[0]),)


def _repeat_flow(step: Step) -> Flows | None:
    """Axes that are repeated read one of several places: the whole axis, to be sure."""
    made, sizes = _repeat_shape(step), shape(step)
    if made is None:
        return None
    new = len(made[0]) - len(sizes)
    return (
        tuple(
            None
            if at < new
            else Link(at - new)
            if n == sizes[at - new]
            else whole(at - new, sizes[at - new])
            for at, n in enumerate(made[0])
        ),
    )


def _repeat_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, counts = shape(step), argument(step, "repeats")
    counts = counts if isinstance(counts, tuple) else (counts,)
    if not are_ints(counts) or (step.op == "repeat" and len(counts) < len(sizes)):
        return None
    rank = max(len(sizes), len(counts))
    padded = (1,) * (rank - len(sizes)) + sizes
    counts = (1,) * (rank - len(counts)) + counts
    return (tuple(n * count for n, count in zip(padded, counts, strict=True)),)


def _repeat_refusal(step: Step) -> str | None:
    if len(step.inputs) > 1:
        return None  # a count that is a tensor
    sizes, counts = shape(step), argument(step, "repeats", ())
    counts = counts if isinstance(counts, tuple) else (counts,)
    if step.op == "repeat" and len(counts) < len(sizes):
        return f"{len(counts)} counts are given for the {len(sizes)} axes of {text(sizes)}"
    for made in _repeat_shape(step) or ():
        below = [size for size in made if size < 0]
        if below:
            return f"{text(counts)} times {text(sizes)} makes a size of {below[0]}"
    return None


def _interleave_refusal(step: Step) -> str | None:
    dim = argument(step, "dim")
    reason = None if dim is None else no_axes_refusal(shape(step), dim)
    count = argument(step, "repeats")
    if reason is None and isinstance(count, int) and count < 0:
        return f"nothing is repeated {count} times"
    return reason


def _interleave_shape(step: Step) -> tuple[Ints, ...] | None:
    count, dim = argument(step, "repeats"), argument(step, "dim")
    if not isinstance(count, int):
        size = argument(step, "output_size")
        if not isinstance(size, int):
            return None
        along = axis(dim, len(shape(step)))
        return ((size,),) if along is None else (replaced(shape(step), along, size),)
    if dim is None:
        return ((prod(shape(step)) * count,),)
    along = axis(dim, len(shape(step)))
    return None if along is None else (replaced(shape(step), along, shape(step)[along] * count),)


def _interleave_flow(step: Step) -> Flows | None:
    """Each place becomes several neighbours, like a nearest interpolation."""
    rank, count = len(shape(step)), argument(step, "repeats")
    along = axis(argument(step, "dim"), rank)
    if along is None or not isinstance(count, int) or count < 1:
        return None
    grown = Link(along, 1, Fraction(1, count), kind=RESIZED)
    return (tuple(grown if at == along else Link(at) for at in range(rank)),)


def _expand_as_refusal(step: Step) -> str | None:
    return fits_refusal(*shapes(step)[:2]) if len(step.inputs) > 1 else None


for _name in ("expand", "broadcast_to"):
    register(
        Op(
            _name,
            "input *shape",
            shape_rule=_expand_shape,
            refusal_rule=_expand_refusal,
            flow_rule=_expand_flow,
            free=True,
            changes_axes=True,
            view=True,
        )
    )
register(
    Op(
        "expand_as",
        "input other",
        shape_rule=second_shape,
        refusal_rule=_expand_as_refusal,
        flow_rule=_expand_flow,
        free=True,
        changes_axes=True,
        view=True,
    )
)
register(
    Op(
        "repeat",
        "input *repeats",
        shape_rule=_repeat_shape,
        refusal_rule=_repeat_refusal,
        flow_rule=_repeat_flow,
        free=True,
        changes_axes=True,
    )
)
register(
    Op(
        "tile",
        "input *repeats",
        shape_rule=_repeat_shape,
        refusal_rule=_repeat_refusal,
        flow_rule=_repeat_flow,
        free=True,
        changes_axes=True,
    )
)
register(
    Op(
        "repeat_interleave",
        "input repeats dim output_size",
        shape_rule=_interleave_shape,
        refusal_rule=_interleave_refusal,
        flow_rule=_interleave_flow,
        free=True,
        changes_axes=True,
        observed=True,
    )
)
