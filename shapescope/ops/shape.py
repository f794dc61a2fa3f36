"""Ops that move, merge and split axes and values stay as they are."""

from __future__ import annotations

from math import prod

from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axis,
    replaced,
    reshaped,
    shape,
    shapes,
    text,
)
from shapescope.trace import Step


def flatten_range(step: Step) -> tuple[int, int] | None:
    """First and last axis that a flatten merges, or None where it names one that is not there."""
    rank = max(len(shape(step)), 1)
    default = 1 if step.kind == "module" else 0
    start = axis(argument(step, "start_dim", default), rank)
    end = axis(argument(step, "end_dim", -1), rank)
    return None if start is None or end is None or start > end else (start, end)


def _flatten_shape(step: Step) -> tuple[Ints, ...] | None:
    found = flatten_range(step)
    if found is None:
        return None
    start, end = found
    sizes = shape(step) or (1,)
    return ((*sizes[:start], prod(sizes[start : end + 1]), *sizes[end + 1 :]),)


def _flatten_formula(step: Step) -> tuple[str, ...]:
    found = flatten_range(step)
    if found is None:
        return ()
    merged = shape(step)[found[0] : found[1] + 1]
    return (f"{' * '.join(map(str, merged))} = {prod(merged)}",)


register(
    Op(
        "flatten",
        "input start_dim end_dim",
        modules=("Flatten",),
        settings=("start_dim", "end_dim"),
        output_shape=_flatten_shape,
        formula=_flatten_formula,
        free=True,
        changes_axes=True,
    )
)


def _reshape_shape(step: Step) -> tuple[Ints, ...] | None:
    result = reshaped(shape(step), argument(step, "shape", ()))
    return None if isinstance(result, str) else (result,)


def _reshape_refusal(step: Step) -> str | None:
    result = reshaped(shape(step), argument(step, "shape", ()))
    return result if isinstance(result, str) else None


for _name in ("reshape", "view"):
    register(
        Op(
            _name,
            "input *shape",
            output_shape=_reshape_shape,
            refusal=_reshape_refusal,
            free=True,
            changes_axes=True,
        )
    )


def _cat_shape(step: Step) -> tuple[Ints, ...] | None:
    parts = [sizes for sizes in shapes(step) if sizes != (0,)]
    if not parts:
        return ((0,),)
    first = parts[0]
    along = axis(argument(step, "dim", 0), len(first))
    if along is None or _cat_refusal(step):
        return None
    return (replaced(first, along, sum(sizes[along] for sizes in parts)),)


def _cat_refusal(step: Step) -> str | None:
    parts = [sizes for sizes in shapes(step) if sizes != (0,)]
    if not parts:
        return None
    first = parts[0]
    along = axis(argument(step, "dim", 0), len(first))
    if along is None:
        return f"{text(first)} has no axis {argument(step, 'dim', 0)}"
    for sizes in parts[1:]:
        same = len(sizes) == len(first) and all(
            n == m for position, (n, m) in enumerate(zip(sizes, first, strict=True))
            if position != along
        )  # fmt: skip
        if not same:
            return f"{text(first)} and {text(sizes)} differ beside axis {along}"
    return None


register(
    Op(
        "cat",
        "tensors dim",
        output_shape=_cat_shape,
        refusal=_cat_refusal,
        free=True,
        changes_axes=True,
    )
)
