"""Ops that merge and split axes: flatten, reshape, view, unflatten."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

from shapescope.arithmetic.formula import product_formula
from shapescope.arithmetic.reshaping import (
    flatten_refusal,
    flatten_shape,
    reshape_refusal,
    reshape_shape,
)
from shapescope.ops.flow import Flows, regrouped_flow
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    are_ints,
    argument,
    axis,
    axis_refusal,
    replaced,
    second_shape,
    shape,
    text,
)
from shapescope.trace import Step

# --- flatten, reshape


def flatten_range(step: Step) -> tuple[int, int]:
    """The first and the last axis that a flatten merges, as the call gives them."""
    start, end = argument(step, "start_dim", 0), argument(step, "end_dim", -1)
    return start, end


def _flatten_refusal(step: Step) -> str | None:
    return flatten_refusal(shape(step), *flatten_range(step))


def _flatten_shape(step: Step) -> tuple[Ints, ...] | None:
    if _flatten_refusal(step) is not None:
        return None
    return (flatten_shape(shape(step), *flatten_range(step)),)


def _flatten_text(step: Step) -> tuple[str, ...]:
    sizes = shape(step)
    if not sizes or _flatten_refusal(step) is not None:
        return ()
    start, end = (number % len(sizes) for number in flatten_range(step))
    return (product_formula(sizes[start : end + 1]),)


def named_shape(step: Step) -> Ints | None:
    """The shape that a reshape, view or expand names, where it is known.

    It is not where a size is a tensor without a value.
    """
    given = argument(step, "shape")
    given = given if isinstance(given, tuple) else (given,)
    return given if are_ints(given) else None


def _reshape_shape(step: Step) -> tuple[Ints, ...] | None:
    wanted = named_shape(step)
    if wanted is None or reshape_refusal(shape(step), wanted) is not None:
        return None
    return (reshape_shape(shape(step), wanted),)


def _reshape_refusal(step: Step) -> str | None:
    wanted = named_shape(step)
    return None if wanted is None else reshape_refusal(shape(step), wanted)


def _reshape_text(step: Step) -> tuple[str, ...]:
    """`16 * 5 * 5 = 400` where axes are merged, both sides where they are cut anew."""
    made = _reshape_shape(step)
    if made is None:
        return ()
    return tuple(_groups_text(old, new) for old, new in regrouped(shape(step), made[0]))


def _parts(old: Ints, new: Ints) -> list[tuple[int, int, int, int]]:
    """The shortest parts of two shapes that hold the same values, by first and last axes."""
    parts = []
    i = j = 0
    while i < len(old) or j < len(new):
        first, begin = i, j
        left = right = 1
        while True:
            if i < len(old) and (left <= right or j == len(new)):
                left *= old[i]
                i += 1
            elif j < len(new):
                right *= new[j]
                j += 1
            complete = left == right and (j > begin or begin == len(new))
            if (complete and (i > first or first == len(old))) or (i == len(old) and j == len(new)):
                break
        parts.append((first, i, begin, j))
    return parts


def regrouped(old: Ints, new: Ints) -> list[tuple[Ints, Ints]]:
    """The parts of two shapes that hold the same values, left out where they are equal.

    `2 x 16 x 5 x 5` as `2 x 400` is one part: 16 x 5 x 5 and 400.
    """
    found = [(old[first:i], new[begin:j]) for first, i, begin, j in _parts(old, new)]
    return [(before, after) for before, after in found if before != after and prod(before) != 1]


def _flow(rule: Callable[[Step], tuple[Ints, ...] | None], step: Step) -> Flows | None:
    """Axes that a reshape leaves whole."""
    made = rule(step)
    if made is None:
        return None
    old, new = shape(step), made[0]
    return (regrouped_flow(old, new, _parts(old, new)),)


def _groups_text(old: Ints, new: Ints) -> str:
    if len(new) == 1:
        return product_formula(old) if len(old) > 1 else f"{text(old)} = {new[0]}"
    if len(old) == 1:
        return f"{old[0]} = {' * '.join(map(str, new))}"
    return f"{' * '.join(map(str, old)) or 1} = {' * '.join(map(str, new)) or 1} = {prod(new)}"


register(
    Op(
        "flatten",
        "input start_dim end_dim",
        modules=("Flatten",),
        settings=("start_dim", "end_dim"),
        shape_rule=_flatten_shape,
        refusal_rule=_flatten_refusal,
        formula_rule=_flatten_text,
        flow_rule=partial(_flow, _flatten_shape),
        free=True,
        changes_axes=True,
        view=True,
    )
)

for _name in ("reshape", "view"):
    register(
        Op(
            _name,
            "input *shape",
            shape_rule=_reshape_shape,
            refusal_rule=_reshape_refusal,
            formula_rule=_reshape_text,
            flow_rule=partial(_flow, _reshape_shape),
            free=True,
            changes_axes=True,
            view=True,
            limit="{} has to come out even",
        )
    )


def _as_refusal(step: Step) -> str | None:
    return reshape_refusal(shape(step), shape(step, 1)) if len(step.inputs) > 1 else None


for _name in ("reshape_as", "view_as"):
    register(
        Op(
            _name,
            "input other",
            shape_rule=second_shape,
            refusal_rule=_as_refusal,
            flow_rule=partial(_flow, second_shape),
            free=True,
            changes_axes=True,
            view=True,
        )
    )


def _unflatten(step: Step) -> tuple[int, Ints] | None:
    sizes = argument(step, "sizes", argument(step, "unflattened_size"))
    along = axis(argument(step, "dim"), len(shape(step)))
    return None if along is None or not are_ints(sizes) else (along, sizes)


def _unflatten_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _unflatten(step)
    if found is None or _unflatten_refusal(step) is not None:
        return None
    along, sizes = found
    return (replaced(shape(step), along, *reshape_shape((shape(step)[along],), sizes)),)


def _unflatten_refusal(step: Step) -> str | None:
    found = _unflatten(step)
    if found is None:
        return axis_refusal(shape(step), argument(step, "dim"))
    return reshape_refusal((shape(step)[found[0]],), found[1])


register(
    Op(
        "unflatten",
        "input dim sizes",
        modules=("Unflatten",),
        settings=("dim", "unflattened_size"),
        shape_rule=_unflatten_shape,
        refusal_rule=_unflatten_refusal,
        flow_rule=partial(_flow, _unflatten_shape),
        free=True,
        changes_axes=True,
        view=True,
        limit="{} has to come out even",
    )
)
