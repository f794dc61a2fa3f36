"""Brackets: `x[...]` and `x[...] = y`."""

from __future__ import annotations

from typing import Any, cast

from shapescope.arithmetic.reshaping import slice_output
from shapescope.attrs import CallAttrs
from shapescope.ops.flow import Flows, Link, picked, pointwise_flow
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, argument, broadcast, same_shape, shape, text
from shapescope.ops.values import index_items
from shapescope.trace import Step


def _index_call(bound: Bound) -> CallAttrs:
    return CallAttrs((("index", index_items(bound.get("index"))),))


def parse_slice(item: str) -> tuple[int | None, int | None, int | None] | None:
    """Start, stop and step of a slice written as text, or None where one is no number."""
    try:
        parts = [int(part) if part else None for part in item.split(":")]
    except ValueError:
        return None
    return (parts[0], parts[1], parts[2] if len(parts) > 2 else None)


def index_plan(step: Step) -> tuple[tuple[int, Any], ...] | None:
    """The items of an index, each with the first axis of the input it speaks of.

    The ellipsis is written out, and slices are added for the axes left over. None where the index
    has more items than the input axes.
    """
    items = argument(step, "index", ())
    masks = iter(_masks(step))
    ranks = []
    for item in items:
        if item is None or item == "..." or isinstance(item, bool):
            ranks.append(0)
        else:
            ranks.append(len(next(masks, (1,))) if item == "mask" else 1)
    left = len(shape(step)) - sum(ranks)
    if left < 0:
        return None
    plan: list[tuple[int, Any]] = []
    at = 0
    for item, rank in zip(items, ranks, strict=True):
        if item == "...":
            plan.extend((at + extra, ":") for extra in range(left))
            at, left = at + left, 0
        else:
            plan.append((at, item))
            at += rank
    plan.extend((at + extra, ":") for extra in range(left))
    return tuple(plan)


def _masks(step: Step) -> list[Ints]:
    """The shapes of the masks in an index, in order; a boolean value may follow them."""
    return [cast(Ints, spec.shape) for spec in step.inputs[1:] if spec.dtype in ("bool", "uint8")]


def _getitem_shape(step: Step) -> tuple[Ints, ...] | None:
    items = argument(step, "index", ())
    plan = index_plan(step)
    if plan is None or any(item == "mask" or isinstance(item, bool) for item in items):
        return None  # a mask takes as many values as it has True
    sizes = shape(step)
    tensors = iter([spec.shape for spec in step.inputs[1:]])
    made: list[int] = []
    advanced: list[Ints] = []
    place: int | None = None
    apart = closed = False
    for at, item in plan:
        if isinstance(item, int):
            continue  # torch selects first: a number does not stand between two tensors
        if item == "tensor" or isinstance(item, tuple):
            advanced.append(
                (len(item),) if isinstance(item, tuple) else cast(Ints, next(tensors, ()))
            )
            apart = apart or closed
            place = len(made) if place is None else place
            continue
        closed = closed or place is not None
        if item is None:
            made.append(1)
        elif isinstance(item, str):
            bounds = parse_slice(item)
            if bounds is None:
                return None
            made.append(slice_output(sizes[at], *bounds))
    if place is not None:
        # tensors between slices put their axes where they stand; torn apart, in front
        common = broadcast(*advanced) if advanced else ()
        if common is None:
            return None
        at = 0 if apart else place
        made[at:at] = common
    return (tuple(made),)


def _getitem_refusal(step: Step) -> str | None:
    plan, sizes = index_plan(step), shape(step)
    if plan is None:
        return f"the index has more items than {text(sizes)} has axes"
    masks = iter(_masks(step))
    for at, item in plan:
        if isinstance(item, int) and not isinstance(item, bool) and not inside(item, sizes[at]):
            return f"index {item} is out of range for axis {at} with size {sizes[at]}"
        mask = next(masks, None) if item == "mask" else None
        if mask is not None and mask != sizes[at : at + len(mask)]:  # meta does not look
            return f"a mask of {text(mask)} does not cover {text(sizes[at : at + len(mask)])}"
    return None


def place_written(step: Step) -> Ints | None:
    """The shape of the part that a tensor is written to; None of a number, or behind a mask."""
    items = argument(step, "index", ())
    count = sum(item in ("tensor", "mask") for item in items)
    made = _getitem_shape(step) if len(step.inputs) == count + 2 else None
    return None if made is None else made[0]


def _setitem_refusal(step: Step) -> str | None:
    """What is written has to broadcast to the place; axes of 1 in front of it count for nothing."""
    reason = _getitem_refusal(step)
    place = place_written(step) if reason is None else None
    if place is None:
        return reason
    value = given = shape(step, len(step.inputs) - 1)
    while value[:1] == (1,):
        value = value[1:]
    if broadcast(value, place) == place:
        return None
    return f"{text(given)} does not broadcast to the {text(place)} written to"


def inside(number: int, size: int) -> bool:
    """Whether an axis of this size has a value at this place."""
    return -size <= number < size


def _getitem_flow(step: Step) -> Flows | None:
    """Slices keep their axis, a step of them widens the jump; tensors pick what they like."""
    made, plan = _getitem_shape(step), index_plan(step)
    if made is None or plan is None:
        return None
    links: list[Link | None] = []
    for at, item in plan:
        if item is None:
            links.append(None)
        elif isinstance(item, str) and item != "tensor":
            start, stop, stride = slice(*(parse_slice(item) or ())).indices(shape(step)[at])
            links.append(Link(at, 1, stride, -start) if stride > 0 and stop > start else None)
        elif not isinstance(item, int):
            # where the tensors' axes go is no matter once the order is lost
            return (picked([None] * len(made[0])),)
    return (tuple(links),)


register(
    Op(
        "getitem",
        "input index",
        from_call=_index_call,
        shape_rule=_getitem_shape,
        refusal_rule=_getitem_refusal,
        flow_rule=_getitem_flow,
        free=True,
        saves="indices",
        view=True,
        changes_axes=True,
        observed=True,
    )
)
register(
    Op(
        "setitem",
        "input index value",
        from_call=_index_call,
        shape_rule=same_shape,
        refusal_rule=_setitem_refusal,
        flow_rule=pointwise_flow,
        saves="indices",
        view=True,
        free=True,
    )
)
