"""Ops that cut a tensor in pieces."""

from __future__ import annotations

from itertools import pairwise

from shapescope.ops.flow import Flows, picked
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    are_ints,
    argument,
    axis,
    few_axes_refusal,
    no_axes_refusal,
    replaced,
    shape,
    without,
)
from shapescope.trace import Step


def _along(step: Step, default: int = 0) -> tuple[int, int] | None:
    """The axis that is cut and its size."""
    sizes = shape(step)
    found = axis(argument(step, "dim", default), len(sizes))
    return None if found is None or not sizes else (found, sizes[found])


def _axis_refusal(step: Step) -> str | None:
    return no_axes_refusal(shape(step), argument(step, "dim", 0))


def _chunk_shape(step: Step) -> tuple[Ints, ...] | None:
    found, count = _along(step), argument(step, "chunks")
    if found is None or not isinstance(count, int) or count < 1:
        return None
    return _cut(step, found, -(-found[1] // count), count)


def _chunk_refusal(step: Step) -> str | None:
    return _axis_refusal(step) or _count_refusal(argument(step, "chunks"))


def _count_refusal(count: object) -> str | None:
    if isinstance(count, int) and count < 1:
        return f"{count} pieces are asked for, but it has to be at least 1"
    return None


def _cut(step: Step, found: tuple[int, int], size: int, count: int = 1) -> tuple[Ints, ...]:
    """Pieces of one size, the last one of what is left."""
    along, n = found
    if n == 0 or size == 0:
        return (replaced(shape(step), along, 0),) * count
    rest = [min(size, n - start) for start in range(0, n, size)]
    return tuple(replaced(shape(step), along, part) for part in rest)


def _split_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _along(step)
    size = argument(step, "split_size_or_sections", argument(step, "split_size"))
    if found is None or _split_refusal(step) is not None:
        return None
    if isinstance(size, int):
        return _cut(step, found, size)
    if not are_ints(size):
        return None
    return tuple(replaced(shape(step), found[0], part) for part in size)


def _split_refusal(step: Step) -> str | None:
    found = _along(step)
    size = argument(step, "split_size_or_sections", argument(step, "split_size"))
    if found is None:
        return _axis_refusal(step)
    if isinstance(size, int) and (size < 0 or (size == 0 and found[1] > 0)):
        return f"pieces of {size} cannot be cut from {found[1]}"
    if are_ints(size) and sum(size) != found[1]:
        return f"{' + '.join(map(str, size))} = {sum(size)}, but axis {found[0]} has {found[1]}"
    return None


def _wanted_parts(step: Step) -> object:
    """How many pieces, or the indices between them, under whichever name they were given."""
    wanted = argument(step, "indices_or_sections")
    for name in ("sections", "indices"):
        wanted = argument(step, name, wanted)
    return wanted


def _tensor_split_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _along(step)
    return None if found is None else _parts_along(step, found[0], _wanted_parts(step))


def _tensor_split_refusal(step: Step) -> str | None:
    return _axis_refusal(step) or _count_refusal(_wanted_parts(step))


def _parts_along(step: Step, along: int, wanted: object) -> tuple[Ints, ...] | None:
    """The pieces between indices, or so many that differ by one at most."""
    n = shape(step)[along]
    if isinstance(wanted, int) and wanted > 0:
        parts = [n // wanted + (1 if piece < n % wanted else 0) for piece in range(wanted)]
    elif isinstance(wanted, tuple) and are_ints(wanted):
        edges = [0, *(min(max(n + at if at < 0 else at, 0), n) for at in wanted), n]
        parts = [max(end - start, 0) for start, end in pairwise(edges)]
    else:
        return None
    return tuple(replaced(shape(step), along, part) for part in parts)


def _cut_flow(step: Step) -> Flows | None:
    """Every axis but the one that is cut, of which the pieces read different parts."""
    found = _along(step)
    if found is None:
        return None
    rank = len(shape(step))
    if step.op == "unbind":
        return (picked(at for at in range(rank) if at != found[0]),)
    return (picked(None if at == found[0] else at for at in range(rank)),)


def _named_split(step: Step) -> tuple[Ints, ...] | None:
    """hsplit, vsplit and dsplit: tensor_split along the axis of their name."""
    along = _named_axis(step)
    return _parts_along(step, along, _wanted_parts(step)) if along < len(shape(step)) else None


def _named_axis(step: Step) -> int:
    flat = len(shape(step)) == 1
    return {"vsplit": 0, "hsplit": 0 if flat else 1, "dsplit": 2}[step.op]


def _named_split_refusal(step: Step) -> str | None:
    sizes, count = shape(step), _wanted_parts(step)
    reason = few_axes_refusal(sizes, {"hsplit": 1, "vsplit": 2, "dsplit": 3}[step.op])
    reason = reason or _count_refusal(count)
    if reason is None and isinstance(count, int) and sizes[_named_axis(step)] % count:
        return f"{sizes[_named_axis(step)]} cannot be cut into {count} equal pieces"
    return reason


def _unbind_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _along(step)
    return None if found is None else (without(shape(step), (found[0],)),) * found[1]


for _name, _signature, _rule, _reason in (
    ("chunk", "input chunks dim", _chunk_shape, _chunk_refusal),
    ("split", "input split_size_or_sections dim", _split_shape, _split_refusal),
    ("split_with_sizes", "input split_size_or_sections dim", _split_shape, _split_refusal),
    ("unsafe_chunk", "input chunks dim", _chunk_shape, _chunk_refusal),
    ("unsafe_split", "input split_size_or_sections dim", _split_shape, _split_refusal),
    (
        "tensor_split",
        "input indices_or_sections dim",
        _tensor_split_shape,
        _tensor_split_refusal,
    ),
    ("unbind", "input dim", _unbind_shape, _axis_refusal),
    ("unsafe_split_with_sizes", "input split_size_or_sections dim", _split_shape, _split_refusal),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=_rule,
            refusal_rule=_reason,
            flow_rule=_cut_flow,
            free=True,
            changes_axes=True,
            observed=_name == "tensor_split",  # the indices may be a tensor
            view=True,
        )
    )
for _name in ("hsplit", "vsplit", "dsplit"):
    register(
        Op(
            _name,
            "input indices_or_sections",
            shape_rule=_named_split,
            refusal_rule=_named_split_refusal,
            free=True,
            changes_axes=True,
            view=True,
        )
    )
