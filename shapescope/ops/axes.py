"""Ops that add, drop and move axes."""

from __future__ import annotations

from shapescope.ops.flow import Flows, picked
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis,
    axis_refusal,
    plane_refusal,
    shape,
    text,
    without,
)
from shapescope.trace import Step


def _squeezed(step: Step) -> Ints | None:
    """The axes that are dropped where they are 1: all of them, but none where `dim` is `()`."""
    given = argument(step, "dim")
    return () if given == () else axes(given, len(shape(step)))


def _squeeze_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    chosen = _squeezed(step)
    if chosen is None:
        return None
    return (without(sizes, (number for number in chosen if sizes and sizes[number] == 1)),)


def _unsqueeze_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    at = axis(argument(step, "dim"), len(sizes) + 1)
    return None if at is None else ((*sizes[:at], 1, *sizes[at:]),)


def _unsqueeze_refusal(step: Step) -> str | None:
    sizes, at = shape(step), argument(step, "dim")
    if not isinstance(at, int) or axis(at, len(sizes) + 1) is not None:
        return None
    return f"{text(sizes)} with an axis more has {len(sizes) + 1}, and no axis {at}"


def _squeeze_flow(step: Step) -> Flows | None:
    sizes = shape(step)
    chosen = _squeezed(step)
    if chosen is None:
        return None
    return (picked(at for at, n in enumerate(sizes) if at not in chosen or n != 1),)


def _unsqueeze_flow(step: Step) -> Flows | None:
    rank = len(shape(step))
    at = axis(argument(step, "dim"), rank + 1)
    return None if at is None else (picked([*range(at), None, *range(at, rank)]),)


def _axis_refusal(step: Step) -> str | None:
    return axis_refusal(shape(step), argument(step, "dim"))


register(
    Op(
        "squeeze",
        "input *dim",
        shape_rule=_squeeze_shape,
        refusal_rule=_axis_refusal,
        flow_rule=_squeeze_flow,
        free=True,
        changes_axes=True,
        view=True,
    )
)
register(
    Op(
        "unsqueeze",
        "input dim",
        shape_rule=_unsqueeze_shape,
        refusal_rule=_unsqueeze_refusal,
        flow_rule=_unsqueeze_flow,
        free=True,
        changes_axes=True,
        view=True,
    )
)

# --- order of axes


def order(step: Step) -> Ints | None:
    """For each axis of the output, the axis of the input that it is."""
    rank = len(shape(step))
    if step.op == "permute":
        given = argument(step, "dims", argument(step, "dim"))
        if not isinstance(given, tuple) or len(given) != rank:
            return None
        chosen = axes(given, rank)
        return chosen if chosen is not None and len(set(chosen)) == rank else None
    if step.op == "transpose":
        if rank < 2:
            return tuple(range(rank))
        first = axis(argument(step, "dim0", -2), rank)
        second = axis(argument(step, "dim1", -1), rank)
        if first is None or second is None:
            return None
        result = list(range(rank))
        result[first], result[second] = second, first
        return tuple(result)
    moved, places = axes(argument(step, "source"), rank), axes(argument(step, "destination"), rank)
    if moved is None or places is None or len(moved) != len(places):
        return None
    if len(set(moved)) < len(moved) or len(set(places)) < len(places):
        return None
    left = iter([number for number in range(rank) if number not in moved])
    from_place = dict(zip(places, moved, strict=True))
    return tuple(from_place[at] if at in from_place else next(left) for at in range(rank))


def _order_shape(step: Step) -> tuple[Ints, ...] | None:
    found = order(step)
    return None if found is None else (tuple(shape(step)[number] for number in found),)


def _order_flow(step: Step) -> Flows | None:
    found = order(step)
    return None if found is None else (picked(found),)


def _permute_refusal(step: Step) -> str | None:
    given = argument(step, "dims", argument(step, "dim"))
    rank = len(shape(step))
    if isinstance(given, tuple) and order(step) is None:
        return f"permute{given} does not name each of the {rank} axes once"
    return None


def _transpose_refusal(step: Step) -> str | None:
    given = [argument(step, name) for name in ("dim0", "dim1")]
    return axis_refusal(shape(step), given[0]) or axis_refusal(shape(step), given[1])


def _movedim_refusal(step: Step) -> str | None:
    source, destination = argument(step, "source"), argument(step, "destination")
    reason = axis_refusal(shape(step), source) or axis_refusal(shape(step), destination)
    counts = [len(one) if isinstance(one, tuple) else 1 for one in (source, destination)]
    if reason is None and counts[0] != counts[1]:
        return f"{counts[0]} axes are moved to {counts[1]} places"
    return reason


for _name, _signature, _rule in (
    ("permute", "input *dims", _permute_refusal),
    ("transpose", "input dim0 dim1", _transpose_refusal),
    ("movedim", "input source destination", _movedim_refusal),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=_order_shape,
            refusal_rule=_rule,
            flow_rule=_order_flow,
            free=True,
            changes_axes=True,
            view=True,
        )
    )


def _as_strided_shape(step: Step) -> tuple[Ints, ...] | None:
    size = argument(step, "size")
    return (size,) if isinstance(size, tuple) else None


register(
    Op(
        "as_strided",
        "input size stride storage_offset",
        shape_rule=_as_strided_shape,
        free=True,
        changes_axes=True,
        view=True,
    )
)


def _diagonal_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    first = axis(argument(step, "dim1", 0), len(sizes))
    second = axis(argument(step, "dim2", 1), len(sizes))
    offset = argument(step, "offset", 0)
    if first is None or second is None or len(sizes) < 2:
        return None
    rows, columns = sizes[first] + min(offset, 0), sizes[second] - max(offset, 0)
    return ((*without(sizes, (first, second)), max(min(rows, columns), 0)),)


register(
    Op(
        "diagonal",
        "input offset dim1 dim2",
        shape_rule=_diagonal_shape,
        refusal_rule=lambda step: plane_refusal(
            shape(step), (argument(step, "dim1", 0), argument(step, "dim2", 1))
        ),
        free=True,
        changes_axes=True,
        view=True,
    )
)


def _atleast_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, rank = shape(step), int(step.op[-2])
    if rank == 3 and len(sizes) in (1, 2):
        return ((1, *sizes, 1) if len(sizes) == 1 else (*sizes, 1),)
    return ((1,) * (rank - len(sizes)) + sizes,)


for _rank in (1, 2, 3):
    register(
        Op(f"atleast_{_rank}d", shape_rule=_atleast_shape, free=True, changes_axes=True, view=True)
    )
