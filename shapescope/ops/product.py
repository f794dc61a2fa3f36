"""Products of matrices: matmul and its kin, and products by groups."""

from __future__ import annotations

from math import prod

from shapescope.ops.flow import Flows, Link, aligned
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, broadcast, shape, shapes, text
from shapescope.trace import Step


def matmul_shape(left: Ints, right: Ints) -> Ints | str:
    """The shape of a matrix product as torch.matmul broadcasts it, or why there is none."""
    if not left or not right:
        return "a product of matrices needs at least one axis on both sides"
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        return f"{text(left)} @ {text(right)}: the inner sizes {left[-1]} and {inner} differ"
    batch = broadcast(left[:-2], right[:-2])
    if batch is None:
        return f"{text(left)} @ {text(right)}: {text(left[:-2])} and {text(right[:-2])} differ"
    return (*batch, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))


RANKS = {
    "mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "vdot": (1, 1),
    "int_mm": (2, 2), "scaled_mm": (2, 2),
    "addmm": (2, 2), "baddbmm": (3, 3), "addbmm": (3, 3), "addmv": (2, 1),
}  # fmt: skip
"""The ranks of both sides, where torch does not broadcast."""


def _sides(step: Step) -> tuple[Ints, Ints] | None:
    """The two matrices; what is added to their product stands before them."""
    given = shapes(step)[1:3] if step.op.startswith(("add", "badd")) else shapes(step)[:2]
    return (given[0], given[1]) if len(given) == 2 else None


def _product(step: Step) -> Ints | str | None:
    sides = _sides(step)
    if sides is None:
        return None
    left, right = sides
    wanted = RANKS.get(step.op)
    if wanted is not None:
        if (len(left), len(right)) != wanted:
            return (
                f"{step.op} takes ranks {wanted[0]} and {wanted[1]}, "
                f"not {text(left)} and {text(right)}"
            )
        if left[:-2] != right[:-2]:
            return f"{text(left)} and {text(right)} are batches of different size"
    return matmul_shape(left, right)


def _shape(step: Step) -> tuple[Ints, ...] | None:
    made = _product(step)
    if made is None or isinstance(made, str):
        return None
    return (made[1:],) if step.op == "addbmm" else (made,)


def _refusal(step: Step) -> str | None:
    made = _product(step)
    if made is None or isinstance(made, str):
        return made
    if step.op.startswith(("add", "badd")):
        wanted = made[1:] if step.op == "addbmm" else made
        if broadcast(shape(step), wanted) != wanted:
            return f"{text(shape(step))} cannot be added to the product, which is {text(wanted)}"
    return None


def _text(step: Step) -> tuple[str, ...]:
    made, sides = _shape(step), _sides(step)
    if made is None or sides is None:
        return ()
    return (f"{text(sides[0])} @ {text(sides[1])} -> {text(made[0])}",)


def _macs(step: Step) -> int | None:
    made, sides = _product(step), _sides(step)
    if sides is None or made is None or isinstance(made, str):
        return None
    return prod(made) * sides[0][-1]


def _flow(step: Step) -> Flows | None:
    """Batch axes from both sides, rows from the left, columns from the right."""
    made, sides = _product(step), _sides(step)
    if sides is None or made is None or isinstance(made, str) or step.op == "addbmm":
        return None
    left, right = sides
    batch = made[: len(made) - (len(left) > 1) - (len(right) > 1)]
    first = aligned(left[:-2], batch)
    second = aligned(right[:-2], batch)
    rows = (Link(len(left) - 2),) if len(left) > 1 else ()
    columns = (Link(len(right) - 1),) if len(right) > 1 else ()
    flows = (
        (*first, *rows, *(None,) * len(columns)),
        (*second, *(None,) * len(rows), *columns),
    )
    return ((), *flows) if step.op.startswith(("add", "badd")) else flows


for _name, _signature in (
    ("matmul", "input other"),
    ("mm", "input mat2"),
    ("int_mm", "input mat2"),
    ("scaled_mm", "input mat2"),
    ("bmm", "input mat2"),
    ("mv", "input vec"),
    ("dot", "input other"),
    ("vdot", "input other"),
    ("addmm", "input mat1 mat2"),
    ("addmv", "input mat vec"),
    ("baddbmm", "input batch1 batch2"),
    ("addbmm", "input batch1 batch2"),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=_shape,
            refusal_rule=_refusal,
            formula_rule=_text,
            macs_rule=_macs,
            saves="partners",
            flow_rule=_flow,
            changes_axes=True,
        )
    )


def _grouped_shape(step: Step) -> tuple[Ints, ...] | None:
    """Rank 2 x 3: rows in groups; 3 x 2: columns; 2 x 2: the inner axis; 3 x 3: one by one."""
    if len(step.inputs) < 2:
        return None
    left, right = shapes(step)[:2]
    if not {2, 3}.issuperset((len(left), len(right))) or left[-1] != right[-2]:
        return None
    rows_and_columns = left[-2], right[-1]
    if len(left) == len(right) == 3:
        return ((left[0], *rows_and_columns),)
    if len(left) == len(right) == 2:
        return ((*shape(step, 2), *rows_and_columns),) if len(step.inputs) > 2 else None
    return (rows_and_columns,)


def _grouped_macs(step: Step) -> int | None:
    """As of one product: each row, column or part of the inner axis belongs to one group."""
    if _grouped_shape(step) is None:
        return None
    left, right = shapes(step)[:2]
    each = left[-2] * left[-1] * right[-1]
    return left[0] * each if len(left) == len(right) == 3 else each


def _grouped_text(step: Step) -> tuple[str, ...]:
    made = _grouped_shape(step)
    if made is None:
        return ()
    left, right = shapes(step)[:2]
    return (f"{text(left)} @ {text(right)} -> {text(made[0])}",)


register(
    Op(
        "grouped_mm",
        "input mat2 offs bias out_dtype",
        shape_rule=_grouped_shape,
        formula_rule=_grouped_text,
        macs_rule=_grouped_macs,
        saves="partners",
        changes_axes=True,
    )
)
