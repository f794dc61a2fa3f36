"""Products over axes that the call names: einsum, tensordot; and chains of matrices."""

from __future__ import annotations

from math import prod

from shapescope.ops.einsum import einsum_axes, einsum_macs, einsum_refusal, einsum_shape
from shapescope.ops.flow import Flows, picked
from shapescope.ops.product import matmul_shape
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, are_ints, argument, axes, shape, shapes, text
from shapescope.trace import Step


def _einsum(step: Step) -> tuple[Ints, ...] | None:
    equation = argument(step, "equation")
    made = einsum_shape(equation, shapes(step)) if isinstance(equation, str) else None
    return made if made is None else (made,)


def _einsum_refusal(step: Step) -> str | None:
    equation = argument(step, "equation")
    return einsum_refusal(equation, shapes(step)) if isinstance(equation, str) else None


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
        refusal_rule=_einsum_refusal,
        formula_rule=_einsum_text,
        macs_rule=_einsum_macs,
        saves="partners",
        flow_rule=_einsum_flow,
        changes_axes=True,
    )
)


def _outer(step: Step) -> tuple[Ints, ...] | None:
    return None if len(step.inputs) < 2 else ((*shape(step), *shape(step, 1)),)


def _outer_refusal(step: Step) -> str | None:
    for sizes in shapes(step)[:2]:
        if len(sizes) != 1:
            return f"an outer product takes two vectors, and {text(sizes)} is none"
    return None


register(
    Op(
        "outer",
        "input vec2",
        shape_rule=_outer,
        refusal_rule=_outer_refusal,
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


def _tensordot_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2:
        return None
    left, right = shape(step), shape(step, 1)
    if step.op == "inner" and not (left and right):
        return None  # a scalar multiplies
    dims = argument(step, "dims", 2)
    summing = step.op == "tensordot" and isinstance(dims, int)
    if summing and not 0 <= dims <= min(len(left), len(right)):
        return f"{text(left)} and {text(right)} have no {dims} axes to sum over"
    summed = _contracted(step)
    if summed is None:
        return None
    if not (left and right) and any(summed):
        return f"{text(left)} and {text(right)}: a scalar has no axes to sum over"
    ends = [
        tuple(sizes[at] for at in one) for sizes, one in zip((left, right), summed, strict=True)
    ]
    if len(ends[0]) != len(ends[1]):
        return f"{len(ends[0])} axes on the left are summed with {len(ends[1])} on the right"
    for one, two in zip(*ends, strict=True):
        if one != two and (step.op == "inner" or 1 not in (one, two)):
            return f"{text(left)} and {text(right)}: the summed sizes {one} and {two} differ"
    return None


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
            refusal_rule=_tensordot_refusal,
            macs_rule=_tensordot_macs,
            saves="partners",
            changes_axes=True,
        )
    )


def _chain(step: Step) -> Ints | str:
    """The shape of the product of all, or why there is none."""
    made = shape(step)
    for right in shapes(step)[1:]:
        product = matmul_shape(made, right)
        if isinstance(product, str):
            return product
        made = product
    return made


def _chain_shape(step: Step) -> tuple[Ints, ...] | None:
    made = _chain(step)
    return None if isinstance(made, str) else (made,)


def _chain_refusal(step: Step) -> str | None:
    made = _chain(step)
    return made if isinstance(made, str) else None


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
            refusal_rule=_chain_refusal,
            macs_rule=_chain_macs,
            saves="partners",
            changes_axes=True,
        )
    )
