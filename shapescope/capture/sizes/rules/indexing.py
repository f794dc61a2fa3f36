"""Places and slices of an axis."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from shapescope.arithmetic.expressions import (
    Expr,
    above,
    at_least,
    equal,
    every,
    number,
)
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
    Sizes,
    broadcast,
    require_expands,
    tensor_sizes,
    text,
)
from shapescope.capture.sizes.numbers import expr_of, is_size, now
from shapescope.capture.sizes.rules.registry import by_row, rule
from shapescope.capture.sizes.tags import values_of


@rule("getitem")
def _getitem(call: Call) -> Shapes | None:
    index = call.argument(1, "index")
    items = index if isinstance(index, tuple) else (index,)
    if any(isinstance(item, bool) or _is_mask(item) for item in items):
        return None
    sizes = call.shapes[0]
    taken = sum(item is not None and item is not Ellipsis for item in items)
    if taken > len(sizes):
        return None
    made: list[Any] = []
    advanced: list[Sizes] = []
    place: int | None = None
    apart = closed = False
    position = 0
    filled = items if Ellipsis in [item for item in items if item is Ellipsis] else (*items, ...)
    for item in filled:
        if item is None:
            made.append(1)
        elif item is Ellipsis:
            more = len(sizes) - taken
            made.extend(sizes[position : position + more])
            position += more
        elif is_size(item):
            _require_inside(call, expr_of(item), sizes[position])
            position += 1
            continue
        elif isinstance(item, slice):
            length = slice_length(call, sizes[position], item)
            if length is None:
                return None
            made.append(length)
            position += 1
        else:
            shape = _places_of_list(item) if isinstance(item, list) else tensor_sizes(item)
            if shape is None:
                return None
            if isinstance(item, list):
                for at in (min(item), max(item)):
                    _require_inside(call, number(at), sizes[position])
            else:
                _require_values_inside(call, item, sizes[position])
            advanced.append(shape)
            apart = apart or closed
            place = len(made) if place is None else place
            position += 1
            continue
        closed = closed or place is not None
    if place is not None:
        at = 0 if apart else place
        made[at:at] = broadcast(call, advanced)
    return [tuple(made)]


@rule("setitem")
def _setitem(call: Call) -> Shapes | None:
    place = _getitem(call)
    value = tensor_sizes(call.argument(2, "value"))
    if place is None or value is None:
        return by_row(call)
    (to,) = place
    for size in value[: max(len(value) - len(to), 0)]:
        call.require(
            equal(expr_of(size), ONE),
            lambda: f"a value of {text(value)} has more axes than {text(to)}",
        )
    require_expands(call, value, to, "a value")
    return [call.shapes[0]]


def _places_of_list(item: list[Any]) -> Sizes | None:
    """The shape of the places in a list such as `[-1]`; None where they are no plain numbers."""
    return (len(item),) if item and all(type(at) is int for at in item) else None


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and str(item.dtype) in ("torch.bool", "torch.uint8")


def _require_inside(call: Call, place: Expr, size: Any) -> None:
    count = expr_of(size)
    call.require(
        every(at_least(place, -count), above(count, place)),
        lambda: f"an axis of {now(size)} has no place {place.evaluate(call.judge.sizes)}",
    )


def _require_values_inside(call: Call, index: Tensor, size: Any) -> None:
    bounds = values_of(index)
    if bounds is None:
        return
    count = expr_of(size)
    low, high = bounds
    call.require(
        every(above(count, high), at_least(low, -count)),
        lambda: f"index {high.evaluate(call.judge.sizes)} is beyond an axis of {now(size)}",
    )


def slice_length(call: Call, size: Any, item: slice) -> Any | None:
    """How many places a slice of an axis takes; None where its bounds are no numbers."""
    bounds = (item.start, item.stop, item.step)
    if any(bound is not None and not is_size(bound) for bound in bounds):
        return None
    step = 1 if item.step is None else item.step
    if type(step) is not int or step < 1:
        return None
    count = expr_of(size)
    start = number(0) if item.start is None else _edge(call, item.start, count)
    stop = count if item.stop is None else _edge(call, item.stop, count)
    length = call.chosen((stop - start, number(0)), largest=True)
    return call.size(-(-length // step))


def _edge(call: Call, bound: Any, count: Expr) -> Expr:
    """A slice's bound, counted from the front and cut to the axis."""
    edge = expr_of(bound)
    if not call.judge.decide(at_least(edge, number(0))):
        return call.chosen((count + edge, number(0)), largest=True)
    return call.chosen((edge, count), largest=False)
