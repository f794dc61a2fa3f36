"""Ops that pick values by position: select, narrow, gather; and by what they are."""

from __future__ import annotations

from math import prod

from shapescope.attrs import CallAttrs
from shapescope.ops.flow import Flows, Link, aligned, picked, same
from shapescope.ops.indexing import inside
from shapescope.ops.registry import Bound, Op, read_plain, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axis,
    axis_refusal,
    broadcast,
    broadcast_refusal,
    joint_refusal,
    joint_shape,
    no_axes_refusal,
    replaced,
    second_shape,
    shape,
    text,
    without,
)
from shapescope.trace import Step


def _select_shape(step: Step) -> tuple[Ints, ...] | None:
    along = axis(argument(step, "dim"), len(shape(step)))
    return None if along is None else (without(shape(step), (along,)),)


def select_refusal(step: Step) -> str | None:
    """The axis has to be there, and have a value at the place that is named."""
    sizes, number = shape(step), argument(step, "index")
    along = axis(argument(step, "dim"), len(sizes))
    if along is None or not sizes:
        return no_axes_refusal(sizes, argument(step, "dim"))
    if isinstance(number, int) and not inside(number, sizes[along]):
        return f"index {number} is out of range for axis {along} with size {sizes[along]}"
    return None


def _narrow_shape(step: Step) -> tuple[Ints, ...] | None:
    along, length = axis(argument(step, "dim"), len(shape(step))), argument(step, "length")
    if along is None or not isinstance(length, int):
        return None
    return (replaced(shape(step), along, length),)


def _narrow_refusal(step: Step) -> str | None:
    sizes, start, length = shape(step), argument(step, "start"), argument(step, "length")
    along = axis(argument(step, "dim"), len(sizes))
    if along is None or not sizes:
        return no_axes_refusal(sizes, argument(step, "dim"))
    if not isinstance(start, int) or not isinstance(length, int):
        return None
    first = start + sizes[along] if start < 0 else start
    if length < 0 or first < 0 or first + length > sizes[along]:
        return f"{length} values from {start} on are not in axis {along} of size {sizes[along]}"
    return None


def _index_select_shape(step: Step) -> tuple[Ints, ...] | None:
    along = axis(argument(step, "dim"), len(shape(step)))
    if along is None or len(step.inputs) < 2:
        return None
    if not shape(step):
        return ((),)
    return (replaced(shape(step), along, *(shape(step, 1) or (1,))),)


def _take_along_shape(step: Step) -> tuple[Ints, ...] | None:
    dim = argument(step, "dim")
    if len(step.inputs) < 2:
        return None
    sizes, wanted = shape(step), shape(step, 1)
    if dim is None:
        return ((prod(wanted),),)
    along = axis(dim, len(sizes))
    if along is None or len(sizes) != len(wanted):
        return None
    made = broadcast(replaced(sizes, along, 1), replaced(wanted, along, 1))
    return None if made is None else (replaced(made, along, wanted[along]),)


def _gather_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2:
        return None
    sizes, wanted = shape(step), shape(step, 1)
    along = axis(argument(step, "dim"), len(sizes))
    if along is None:
        return axis_refusal(sizes, argument(step, "dim"))
    if 0 in wanted:
        return None  # nothing is picked, and torch does not look at the axes
    if len(sizes) != len(wanted) and sizes and wanted:
        return f"the index {text(wanted)} has not as many axes as {text(sizes)}"
    for at, (n, count) in enumerate(zip(sizes, wanted, strict=False)):
        if at != along and count > n:
            return f"the index {text(wanted)} is larger than {text(sizes)} along axis {at}"
    return None


def _topk_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, count = shape(step), argument(step, "k")
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None or not isinstance(count, int):
        return None
    made = replaced(sizes, along, count) if sizes else ()
    return made, made


def _topk_refusal(step: Step) -> str | None:
    sizes, count = shape(step), argument(step, "k")
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None:
        return axis_refusal(sizes, argument(step, "dim", -1))
    there = sizes[along] if sizes else 1
    if isinstance(count, int) and not 0 <= count <= there:
        return f"the largest {count} of the {there} along axis {along} do not exist"
    return None


def _index_select_refusal(step: Step) -> str | None:
    reason = axis_refusal(shape(step), argument(step, "dim"))
    if reason is not None or len(step.inputs) < 2:
        return reason
    wanted = shape(step, 1)
    if len(wanted) > 1:
        return f"an index of {text(wanted)} is no list: one axis is needed"
    along = axis(argument(step, "dim"), len(shape(step)))
    if shape(step) and along is not None and not shape(step)[along] and 0 not in wanted:
        return f"axis {along} is empty: there is nothing to pick"
    if not shape(step) and wanted not in ((), (1,)):
        return f"a scalar has one value, and {text(wanted)} are picked"
    return None


def _take_along_refusal(step: Step) -> str | None:
    dim = argument(step, "dim")
    if len(step.inputs) < 2 or dim is None:
        return None
    sizes, wanted = shape(step), shape(step, 1)
    if len(sizes) != len(wanted):
        return f"the index {text(wanted)} has not as many axes as {text(sizes)}"
    reason = no_axes_refusal(sizes, dim)
    along = axis(dim, len(sizes))
    if reason is not None or along is None:
        return reason
    return broadcast_refusal(replaced(sizes, along, 1), replaced(wanted, along, 1))


def _select_call(bound: Bound) -> CallAttrs:
    return read_plain({name: value for name, value in bound.items() if name != "input"})


def _picked_flow(step: Step) -> Flows | None:
    """Every axis but the one along which values are picked."""
    sizes = shape(step)
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None:
        return None
    if step.op == "select":
        return (picked(at for at in range(len(sizes)) if at != along),)
    if step.op == "narrow":
        start = argument(step, "start")
        if not isinstance(start, int):
            return None
        start += sizes[along] if start < 0 else 0
        return (tuple(Link(at, padding=-start if at == along else 0) for at in range(len(sizes))),)
    return (picked(None if at == along else at for at in range(len(sizes))),)


def _take_along_flow(step: Step) -> Flows | None:
    """As picking, where the axes besides broadcast; without `dim` all axes are merged."""
    made, along = _take_along_shape(step), axis(argument(step, "dim"), len(shape(step)))
    if made is None or along is None:
        return None
    links = aligned(shape(step), made[0])
    return ((*links[:along], None, *links[along + 1 :]),)


for _name, _signature, _rule, _reason in (
    ("select", "input dim index", _select_shape, select_refusal),
    ("narrow", "input dim start length", _narrow_shape, _narrow_refusal),
    ("index_select", "input dim index", _index_select_shape, _index_select_refusal),
    ("gather", "input dim index", second_shape, _gather_refusal),
    ("take", "input index", second_shape, None),
    ("take_along_dim", "input indices dim", _take_along_shape, _take_along_refusal),
    ("topk", "input k dim largest sorted", _topk_shape, _topk_refusal),
):
    register(
        Op(
            _name,
            _signature,
            from_call=_select_call,
            shape_rule=_rule,
            refusal_rule=_reason,
            flow_rule={"take": None, "take_along_dim": _take_along_flow}.get(_name, _picked_flow),
            free=True,
            changes_axes=True,
            saves="indices",
            view=_name in ("select", "narrow"),
        )
    )

# --- as many as the values say

for _name, _signature in (
    ("nonzero", "input"),
    ("argwhere", "input"),
    ("masked_select", "input mask"),
    ("unique", "input sorted return_inverse return_counts dim"),
    ("unique_consecutive", "input return_inverse return_counts dim"),
    ("nms", "boxes scores iou_threshold"),
    ("bincount", "input weights minlength"),
    ("combinations", "input r with_replacement"),
    ("cartesian_prod", "*tensors"),
    ("searchsorted", "sorted_sequence input"),
    ("histc", "input bins min max"),
):
    register(Op(_name, _signature, free=True, observed=True, changes_axes=True))


def _one_hot_call(bound: Bound) -> CallAttrs:
    return read_plain({"num_classes": bound.get("num_classes", -1)})


def _one_hot_shape(step: Step) -> tuple[Ints, ...] | None:
    count = argument(step, "num_classes", -1)
    return ((*shape(step), count),) if isinstance(count, int) and count > 0 else None


register(
    Op(
        "one_hot",
        "input num_classes",
        from_call=_one_hot_call,
        shape_rule=_one_hot_shape,
        flow_rule=lambda step: ((*same(len(shape(step))), None),),
        free=True,
        changes_axes=True,
        observed=True,
    )
)


def _where_shape(step: Step) -> tuple[Ints, ...] | None:
    """Broadcast of all; with the condition alone, as many as are true."""
    alone = isinstance(step.attrs, CallAttrs) and step.attrs.get("alone") is True
    return None if alone else joint_shape(step)


def _where_call(bound: Bound) -> CallAttrs:
    return CallAttrs() if len(bound) > 1 else CallAttrs((("alone", True),))


register(
    Op(
        "where",
        "condition input other",
        from_call=_where_call,
        saves="input",
        shape_rule=_where_shape,
        refusal_rule=joint_refusal,
        free=True,
        observed=True,
    )
)
