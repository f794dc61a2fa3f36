"""Ops that join tensors, or lay them side by side."""

from __future__ import annotations

from shapescope.arithmetic.reshaping import cat_refusal, cat_shape
from shapescope.ops.flow import Flows, joined_flow, picked
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axis,
    broadcast,
    joint_refusal,
    shape,
    shapes,
    text,
)
from shapescope.trace import Step


def _cat_axis(step: Step) -> int:
    """The axis along which tensors are joined, as the call gives it."""
    sizes = shape(step)
    if step.op == "hstack":
        return 0 if len(sizes) < 2 else 1
    if step.op == "column_stack":
        return 1
    number: int = {"vstack": 0, "dstack": 2}.get(step.op, argument(step, "dim", 0))
    return number


def _joined(step: Step) -> tuple[Ints, ...]:
    """The shapes that are joined, with the axes that the stacking functions add."""
    least = {"hstack": 1, "vstack": 2, "column_stack": 2, "dstack": 3}.get(step.op, 0)
    found = []
    for sizes in shapes(step):
        if len(sizes) >= least:
            found.append(sizes)
        elif step.op == "column_stack":
            found.append((*(sizes or (1,)), 1))
        elif least == 3:
            found.append((1, *(sizes or (1,)), 1) if len(sizes) < 2 else (*sizes, 1))
        else:
            found.append((1,) * (least - len(sizes)) + sizes)
    return tuple(found)


def _cat_shape(step: Step) -> tuple[Ints, ...] | None:
    if _cat_refusal(step) is not None:
        return None
    return (cat_shape(_joined(step), _cat_axis(step)),)


def _cat_refusal(step: Step) -> str | None:
    return cat_refusal(_joined(step), _cat_axis(step))


def _cat_text(step: Step) -> tuple[str, ...]:
    made, parts = _cat_shape(step), [sizes for sizes in _joined(step) if sizes != (0,)]
    if made is None or not parts:
        return ()
    along = _cat_axis(step) % len(parts[0])
    terms = [str(sizes[along]) for sizes in parts]
    if len(terms) > 12:
        terms = [*terms[:4], f"... ({len(terms)} in all)", terms[-1]]
    return (f"{' + '.join(terms)} = {made[0][along]}",)


def _cat_flow(step: Step) -> Flows | None:
    if len({len(sizes) for sizes in _joined(step)} | {len(shape(step))}) > 1:
        return None
    return joined_flow(step, _cat_axis(step))


for _name in ("cat", "hstack", "vstack", "dstack", "column_stack"):
    register(
        Op(
            _name,
            "tensors dim",
            shape_rule=_cat_shape,
            refusal_rule=_cat_refusal,
            formula_rule=_cat_text,
            flow_rule=_cat_flow,
            free=True,
            changes_axes=True,
            limit="{} joins maps that have to be equal",
        )
    )


def _stack_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    at = axis(argument(step, "dim", 0), len(sizes) + 1)
    if at is None or _stack_refusal(step) is not None:
        return None
    return ((*sizes[:at], len(step.inputs), *sizes[at:]),)


def _stack_refusal(step: Step) -> str | None:
    first, *others = shapes(step)
    for sizes in others:
        if sizes != first:
            return f"{text(first)} and {text(sizes)} differ; stack takes equal shapes"
    along = argument(step, "dim", 0)
    if axis(along, len(first) + 1) is None:
        return f"a stack of {text(first)} has {len(first) + 1} axes, and no axis {along}"
    return None


def _stack_flow(step: Step) -> Flows | None:
    rank = len(shape(step))
    at = axis(argument(step, "dim", 0), rank + 1)
    if at is None:
        return None
    return (picked([*range(at), None, *range(at, rank)]),) * len(step.inputs)


register(
    Op(
        "stack",
        "tensors dim",
        shape_rule=_stack_shape,
        refusal_rule=_stack_refusal,
        flow_rule=_stack_flow,
        free=True,
        changes_axes=True,
        limit="{} joins maps that have to be equal",
    )
)


def _broadcast_all(step: Step) -> tuple[Ints, ...] | None:
    made = broadcast(*shapes(step))
    return None if made is None else (made,) * len(step.inputs)


register(
    Op(
        "broadcast_tensors",
        "*tensors",
        view=True,
        shape_rule=_broadcast_all,
        refusal_rule=joint_refusal,
        free=True,
        changes_axes=True,
    )
)


def _meshgrid_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = [one[0] if one else 1 for one in shapes(step)]
    if argument(step, "indexing", "ij") == "xy" and len(sizes) > 1:
        sizes[:2] = sizes[1::-1]
    return (tuple(sizes),) * len(sizes)


def _meshgrid_refusal(step: Step) -> str | None:
    for sizes in shapes(step):
        if len(sizes) > 1:
            return f"a grid is spread by vectors, and {text(sizes)} is none"
    return None


register(
    Op(
        "meshgrid",
        "*tensors",
        shape_rule=_meshgrid_shape,
        refusal_rule=_meshgrid_refusal,
        free=True,
        changes_axes=True,
    )
)


def _block_diag_shape(step: Step) -> tuple[Ints, ...] | None:
    blocks = [(1,) * (2 - len(sizes)) + sizes for sizes in shapes(step)]
    return ((sum(rows for rows, _ in blocks), sum(columns for _, columns in blocks)),)


def _block_diag_refusal(step: Step) -> str | None:
    for sizes in shapes(step):
        if len(sizes) > 2:
            return f"a block is a matrix, and {text(sizes)} is none"
    return None


register(
    Op(
        "block_diag",
        "*tensors",
        shape_rule=_block_diag_shape,
        refusal_rule=_block_diag_refusal,
        free=True,
        changes_axes=True,
    )
)
