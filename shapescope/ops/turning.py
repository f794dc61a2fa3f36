"""Ops that turn values around within their axes: flip, roll and quarter turns."""

from __future__ import annotations

from shapescope.ops.flow import Flows, dims_of, mixing_flow
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis_refusal,
    few_axes_refusal,
    no_axes_refusal,
    plane_refusal,
    same_shape,
    shape,
)
from shapescope.trace import Step


def _turned_flow(step: Step) -> Flows | None:
    """What is turned around or over the edge reads, in one position or another, all of an axis."""
    rank = len(shape(step))
    dims = {"fliplr": 1, "flipud": 0}.get(step.op, argument(step, "dims"))
    return mixing_flow(step, range(rank) if dims is None else dims_of(dims, rank))


def _flip_refusal(step: Step) -> str | None:
    sizes = shape(step)
    if step.op == "flip":
        return axis_refusal(sizes, argument(step, "dims"))
    return few_axes_refusal(sizes, {"fliplr": 2, "flipud": 1}[step.op])


def _roll_refusal(step: Step) -> str | None:
    dims, shifts = argument(step, "dims"), argument(step, "shifts")
    if dims is None or dims == ():
        return None
    named = dims if isinstance(dims, tuple) else (dims,)
    if isinstance(shifts, tuple | int):
        count = len(shifts) if isinstance(shifts, tuple) else 1
        if count != len(named):
            return f"{count} shifts are given for {len(named)} axes"
    if 0 in shape(step):
        return None  # nothing moves, and torch does not look at the axes
    reasons = (no_axes_refusal(shape(step), dim) for dim in named)
    return next((reason for reason in reasons if reason is not None), None)


for _name, _signature, _rule in (
    ("flip", "input *dims", _flip_refusal),
    ("fliplr", "input", _flip_refusal),
    ("flipud", "input", _flip_refusal),
    ("roll", "input shifts dims", _roll_refusal),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=same_shape,
            refusal_rule=_rule,
            flow_rule=_turned_flow,
            free=True,
        )
    )


def _rot90_refusal(step: Step) -> str | None:
    dims = argument(step, "dims", (0, 1))
    if not isinstance(dims, tuple):
        return None
    if len(dims) != 2:
        return f"a turn runs in a plane of 2 axes, not {len(dims)}"
    return plane_refusal(shape(step), dims)


def _rot90_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, turns = list(shape(step)), argument(step, "k", 1)
    turned = axes(argument(step, "dims", (0, 1)), len(sizes))
    if turned is None or len(turned) != 2:
        return None
    if turns % 2:
        first, second = turned
        sizes[first], sizes[second] = sizes[second], sizes[first]
    return (tuple(sizes),)


register(
    Op(
        "rot90",
        "input k dims",
        shape_rule=_rot90_shape,
        refusal_rule=_rot90_refusal,
        free=True,
        changes_axes=True,
    )
)
