"""Ops that repeat values along axes."""

from __future__ import annotations

from math import prod

from shapescope.ops.registry import Op, register
from shapescope.ops.shape import named_shape
from shapescope.ops.shapes import (
    Ints,
    are_ints,
    argument,
    axis,
    broadcast_refusal,
    replaced,
    second_shape,
    shape,
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
    sizes, counts = shape(step), argument(step, "repeats", ())
    if isinstance(counts, tuple) and len(counts) < len(sizes):
        return f"{len(counts)} counts are given for the {len(sizes)} axes of {text(sizes)}"
    return None


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


def _expand_as_refusal(step: Step) -> str | None:
    return broadcast_refusal(shape(step), shape(step, 1)) if len(step.inputs) > 1 else None


for _name in ("expand", "broadcast_to"):
    register(
        Op(
            _name,
            "input *shape",
            shape_rule=_expand_shape,
            refusal_rule=_expand_refusal,
            free=True,
            changes_axes=True,
        )
    )
register(
    Op(
        "expand_as",
        "input other",
        shape_rule=second_shape,
        refusal_rule=_expand_as_refusal,
        free=True,
        changes_axes=True,
    )
)
register(
    Op(
        "repeat",
        "input *repeats",
        shape_rule=_repeat_shape,
        refusal_rule=_repeat_refusal,
        free=True,
        changes_axes=True,
    )
)
register(Op("tile", "input *repeats", shape_rule=_repeat_shape, free=True, changes_axes=True))
register(
    Op(
        "repeat_interleave",
        "input repeats dim output_size",
        shape_rule=_interleave_shape,
        free=True,
        changes_axes=True,
        observed=True,
    )
)
