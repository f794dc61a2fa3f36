"""Ops that write values into a tensor by position: scatter and its kin."""

from __future__ import annotations

from shapescope.ops.flow import elementwise_flow, pointwise_flow
from shapescope.ops.gather import select_refusal
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axis,
    axis_refusal,
    broadcast,
    replaced,
    same_shape,
    shape,
    shapes,
    text,
    without,
)
from shapescope.trace import Step


def _scatter_refusal(step: Step) -> str | None:
    """The index names, for each value of the source, a place along one axis; it may be smaller."""
    sizes = shape(step)
    along = axis(argument(step, "dim"), len(sizes))
    if along is None:
        return axis_refusal(sizes, argument(step, "dim"))
    if len(step.inputs) < 2 or 0 in shape(step, 1):
        return None  # nothing is written, and torch does not compare the sizes
    index = shape(step, 1) or (1,)
    for position, given in enumerate((sizes, *shapes(step)[2:3])):
        held = given or (1,)
        if len(held) != len(index):
            return f"the index {text(index)} has not as many axes as {text(given)}"
        for at, (n, most) in enumerate(zip(index, held, strict=True)):
            if n > most and (position == 1 or at != along):
                return f"the index {text(index)} is larger than {text(given)} along axis {at}"
    return None


def _index_write_refusal(step: Step) -> str | None:
    """A list of places along one axis, and a slice of the source for each of them."""
    sizes = shape(step)
    reason = axis_refusal(sizes, argument(step, "dim"))
    along = axis(argument(step, "dim"), len(sizes))
    if reason is not None or along is None or len(step.inputs) < 3:
        return reason
    index, source = shape(step, 1), shape(step, 2)
    if len(index) > 1:
        return f"an index of {text(index)} is no list: one axis is needed"
    count = index[0] if index else 1
    adds = step.op == "index_add"  # unlike index_copy, it takes no scalar for a vector of one
    needed = replaced(sizes, along, count) if sizes else () if adds and count == 1 else (count,)
    if (source if adds else source or (1,)) != needed or (adds and len(source) != len(sizes)):
        return f"{count} places along axis {along} take {text(needed)}, not {text(source)}"
    return None


def _select_write_refusal(step: Step) -> str | None:
    sizes, reason = shape(step), select_refusal(step)
    along = axis(argument(step, "dim"), len(sizes))
    if reason is not None or along is None:
        return reason
    slot = without(sizes, (along,))
    if len(step.inputs) > 1 and shape(step, 1) != slot:
        return f"a slice of {text(sizes)} is {text(slot)}, not {text(shape(step, 1))}"
    return None


_REFUSALS = {
    **dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), _scatter_refusal),
    **dict.fromkeys(("index_add", "index_copy"), _index_write_refusal),
    "select_scatter": _select_write_refusal,
}

for _name, _signature in (
    ("scatter", "input dim index src"),
    ("scatter_add", "input dim index src"),
    ("scatter_reduce", "input dim index src reduce"),
    ("index_add", "input dim index source"),
    ("index_copy", "input dim index source"),
    ("index_fill", "input dim index value"),
    ("index_put", "input indices values accumulate"),
    ("index_reduce", "input dim index source reduce"),
    ("select_scatter", "input src dim index"),
    ("slice_scatter", "input src dim start end step"),
    ("diagonal_scatter", "input src offset dim1 dim2"),
    ("put", "input index source accumulate"),
    ("fill_diagonal", "input value wrap"),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=same_shape,
            refusal_rule=_REFUSALS.get(_name),
            flow_rule=pointwise_flow,
            free=True,
            saves="indices",
        )
    )


def _masked_shape(step: Step) -> tuple[Ints, ...] | None:
    made = broadcast(*shapes(step)[:2])
    return None if made is None else (made,)


register(
    Op(
        "masked_scatter",
        "input mask source",
        shape_rule=_masked_shape,
        # which value of the source lands where depends on the mask
        flow_rule=lambda step: elementwise_flow(step)[:2],
        free=True,
        saves="indices",
    )
)
