"""Products of matrices: matmul and its kin, and einsum."""

from __future__ import annotations

from math import prod

from shapescope.ops.einsum import einsum_axes, einsum_macs, einsum_shape
from shapescope.ops.flow import Flows, Link, aligned, picked
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, are_ints, argument, axes, broadcast, shape, shapes, text
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


def _einsum(step: Step) -> tuple[Ints, ...] | None:
    equation = argument(step, "equation")
    made = einsum_shape(equation, shapes(step)) if isinstance(equation, str) else None
    return made if made is None else (made,)


def _einsum_macs(step: Step) -> int | None:
    equation = argument(step, "equation")
    return einsum_macs(equation, shapes(step)) if isinstance(equation, str) else None


def _einsum_flow(step: Step) -> Flows | None:
    equation = argument(step, "equation")
    found = einsum_axes(equation, shapes(step)) if isinstance(equation, str) else None
    return None if found is None else tuple(map(picked, found))


def _einsum_text(step: Step) -> tuple[str, ...]:
    made = _einsum(step)
    if made is None:
        return ()
    return (
        f"{argument(step, 'equation')}: {', '.join(map(text, shapes(step)))} -> {text(made[0])}",
    )


register(
    Op(
        "einsum",
        "equation *operands",
        shape_rule=_einsum,
        formula_rule=_einsum_text,
        macs_rule=_einsum_macs,
        saves="partners",
        flow_rule=_einsum_flow,
        changes_axes=True,
    )
)


def _outer(step: Step) -> tuple[Ints, ...] | None:
    return None if len(step.inputs) < 2 else ((*shape(step), *shape(step, 1)),)


register(
    Op(
        "outer",
        "input vec2",
        shape_rule=_outer,
        free=True,
        changes_axes=True,
        saves="partners",
    )
)


def _contracted(step: Step) -> tuple[Ints, Ints] | None:
    """The axes of both sides that tensordot and inner sum over."""
    if len(step.inputs) < 2:
        return None
    left, right = shape(step), shape(step, 1)
    if step.op == "inner":
        return (len(left) - 1,), (len(right) - 1,)
    dims = argument(step, "dims", 2)
    if isinstance(dims, int):
        return tuple(range(len(left) - dims, len(left))), tuple(range(dims))
    if isinstance(dims, tuple) and len(dims) == 2:
        pairs = [one if isinstance(one, tuple) else (one,) for one in dims]
        if are_ints(pairs[0]) and are_ints(pairs[1]):
            first, second = axes(pairs[0], len(left)), axes(pairs[1], len(right))
            if first is not None and second is not None:
                return first, second
    return None


def _tensordot_shape(step: Step) -> tuple[Ints, ...] | None:
    summed = _contracted(step)
    if summed is None:
        return None
    left, right = shape(step), shape(step, 1)
    if not left or not right:
        return (left or right,)
    kept = [n for at, n in enumerate(left) if at not in summed[0]]
    return ((*kept, *(n for at, n in enumerate(right) if at not in summed[1])),)


def _tensordot_macs(step: Step) -> int | None:
    made, summed = _tensordot_shape(step), _contracted(step)
    if made is None or summed is None or not shape(step) or not shape(step, 1):
        return None
    return prod(made[0]) * prod(shape(step)[at] for at in summed[0])


for _name, _signature in (("tensordot", "a b dims"), ("inner", "input other")):
    register(
        Op(
            _name,
            _signature,
            shape_rule=_tensordot_shape,
            macs_rule=_tensordot_macs,
            saves="partners",
            changes_axes=True,
        )
    )


def _chain_shape(step: Step) -> tuple[Ints, ...] | None:
    made = shape(step)
    for right in shapes(step)[1:]:
        product = matmul_shape(made, right)
        if isinstance(product, str):
            return None
        made = product
    return (made,)


def _chain_macs(step: Step) -> int | None:
    """The cheapest order of the products, which torch looks for as well."""
    matrices = [one if len(one) == 2 else None for one in shapes(step)]
    sizes = [one for one in matrices if one is not None]
    if len(sizes) != len(matrices):
        return None
    edges = [sizes[0][0], *(one[1] for one in sizes)]
    best: dict[tuple[int, int], int] = {}
    for length in range(1, len(sizes) + 1):
        for start in range(len(sizes) - length + 1):
            end = start + length
            best[start, end] = min(
                (
                    best[start, middle]
                    + best[middle, end]
                    + edges[start] * edges[middle] * edges[end]
                    for middle in range(start + 1, end)
                ),
                default=0,
            )
    return best[0, len(sizes)]


for _name in ("chain_matmul", "multi_dot"):
    register(
        Op(
            _name,
            "*tensors",
            shape_rule=_chain_shape,
            macs_rule=_chain_macs,
            saves="partners",
            changes_axes=True,
        )
    )
