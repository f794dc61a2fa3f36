"""Linear algebra. Its multiply-adds have no rule: they are not counted."""

from __future__ import annotations

from math import prod

from shapescope.ops.flow import Flows, Link, whole
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axis,
    axis_refusal,
    broadcast,
    broadcast_refusal,
    matrix_refusal,
    replaced,
    same_shape,
    shape,
    shapes,
    text,
)
from shapescope.trace import Step


def _square_refusal(step: Step) -> str | None:
    sizes, reason = shape(step), matrix_refusal(step)
    if reason is None and sizes[-1] != sizes[-2]:
        return f"a matrix of {text(sizes[-2:])} is not square"
    return reason


def _solve_refusal(step: Step) -> str | None:
    """A X = B asks for as many rows of B as A has, and X A = B for as many columns."""
    reason = _square_refusal(step)
    if reason is not None or len(step.inputs) < 2:
        return reason
    matrix, right = shapes(step)[:2]
    vectors, left = _solves_for_vectors(step), argument(step, "left", True)
    if vectors and not left:
        return f"{text(right)} holds vectors, which left=False does not take"
    least, meeting = (1, -1) if vectors else (2, -2 if left else -1)
    if len(right) < least or right[meeting] != matrix[-1]:
        return f"a system of {text(matrix)} has no solution of {text(right)}"
    return None if vectors else broadcast_refusal(matrix[:-2], right[:-2])


def _pinverse_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    return None if len(sizes) < 2 else ((*sizes[:-2], sizes[-1], sizes[-2]),)


def _matrix_scalar(step: Step) -> tuple[Ints, ...] | None:
    return None if len(shape(step)) < 2 else (shape(step)[:-2],)


def _solves_for_vectors(step: Step) -> bool:
    """Whether the right side is one vector for all matrices, or one for each."""
    matrix, right = shapes(step)[:2]
    return step.op == "linalg_solve" and (len(right) == 1 or right == matrix[:-1])


def _solve_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2:
        return None
    matrix, right = shapes(step)[:2]
    if _solves_for_vectors(step):
        return (matrix[:-1],)
    leading = broadcast(matrix[:-2], right[:-2])
    return None if leading is None else ((*leading, *right[-2:]),)


for _name in (
    "inverse",
    "linalg_inv",
    "cholesky",
    "linalg_cholesky",
    "matrix_exp",
    "linalg_matrix_exp",
    "matrix_power",
    "linalg_matrix_power",
):
    register(Op(_name, "input n", shape_rule=same_shape, refusal_rule=_square_refusal))
for _name in ("pinverse", "linalg_pinv"):
    register(Op(_name, shape_rule=_pinverse_shape, refusal_rule=matrix_refusal, changes_axes=True))
for _name in ("det", "linalg_det", "logdet"):
    register(Op(_name, shape_rule=_matrix_scalar, refusal_rule=_square_refusal, changes_axes=True))
for _name, _signature in (
    ("linalg_solve", "A B left"),
    ("linalg_solve_triangular", "A B upper left"),
):
    register(
        Op(
            _name,
            _signature,
            shape_rule=_solve_shape,
            refusal_rule=_solve_refusal,
            changes_axes=True,
        )
    )
for _name in ("linalg_svd", "svd", "linalg_qr", "qr", "linalg_eigh", "linalg_eig", "linalg_svdvals",
              "slogdet", "linalg_slogdet", "linalg_lstsq", "linalg_eigvals", "linalg_eigvalsh",
              "linalg_lu", "linalg_lu_factor", "lu", "linalg_cholesky_ex"):  # fmt: skip
    register(Op(_name, changes_axes=True, observed=True))


def _kron_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2:
        return None
    left, right = shape(step), shape(step, 1)
    rank = max(len(left), len(right))
    left, right = (1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right
    return (tuple(one * two for one, two in zip(left, right, strict=True)),)


register(Op("kron", "input other", shape_rule=_kron_shape, free=True, changes_axes=True))


def _diag_embed_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    n = sizes[-1] + abs(argument(step, "offset", 0))
    first = axis(argument(step, "dim1", -2), len(sizes) + 1)
    second = axis(argument(step, "dim2", -1), len(sizes) + 1)
    if first is None or second is None:
        return None
    made = list(sizes[:-1])
    for at in sorted((first, second)):
        made.insert(at, n)
    return (tuple(made),)


def _diag_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, offset = shape(step), argument(step, "diagonal", 0)
    if len(sizes) == 1:
        return ((sizes[0] + abs(offset),) * 2,)
    if len(sizes) != 2:
        return None
    rows, columns = sizes[0] + min(offset, 0), sizes[1] - max(offset, 0)
    return ((max(min(rows, columns), 0),),)


def _diag_embed_refusal(step: Step) -> str | None:
    sizes = shape(step)
    if not sizes:
        return "a tensor without axes has none"
    made = (*sizes, sizes[-1])
    return axis_refusal(made, (argument(step, "dim1", -2), argument(step, "dim2", -1)))


register(
    Op(
        "diag_embed",
        "input offset dim1 dim2",
        shape_rule=_diag_embed_shape,
        refusal_rule=_diag_embed_refusal,
        free=True,
        changes_axes=True,
    )
)
register(Op("diag", "input diagonal", shape_rule=_diag_shape, free=True, changes_axes=True))


def _complex_shape(step: Step) -> tuple[Ints, ...] | None:
    if step.op == "view_as_real":
        return ((*shape(step), 2),)
    return (shape(step)[:-1],) if shape(step) else None


def _complex_refusal(step: Step) -> str | None:
    sizes, dtype = shape(step), step.inputs[0].dtype if step.inputs else ""
    if step.op == "view_as_real":
        return None if dtype.startswith("complex") else f"{dtype} has no imaginary part"
    if dtype not in ("float16", "float32", "float64"):
        return f"pairs of float16, float32 or float64 make complex numbers, not {dtype}"
    if sizes[-1:] != (2,):
        return f"the last axis holds a real and an imaginary part: 2 values, not {text(sizes)}"
    return None


for _name in ("view_as_real", "view_as_complex"):
    register(
        Op(
            _name,
            shape_rule=_complex_shape,
            refusal_rule=_complex_refusal,
            free=True,
            changes_axes=True,
        )
    )


def _addr_shape(step: Step) -> tuple[Ints, ...] | None:
    return None if len(step.inputs) < 3 else ((*shape(step, 1), *shape(step, 2)),)


register(Op("addr", "input vec1 vec2", shape_rule=_addr_shape, free=True, changes_axes=True))


def _sum_to_size_shape(step: Step) -> tuple[Ints, ...] | None:
    size = argument(step, "size")
    return (size,) if isinstance(size, tuple) else None


register(
    Op("sum_to_size", "input *size", shape_rule=_sum_to_size_shape, free=True, changes_axes=True)
)


def _pdist_shape(step: Step) -> tuple[Ints, ...] | None:
    n = shape(step)[0] if shape(step) else 0
    return ((n * (n - 1) // 2,),)


def _pdist_refusal(step: Step) -> str | None:
    p = argument(step, "p", 2.0)
    if len(shape(step)) != 2:
        return f"rows of values are needed, and {text(shape(step))} is no matrix"
    return f"a norm of {p} is none" if isinstance(p, int | float) and p < 0 else None


register(
    Op(
        "pdist",
        "input p",
        shape_rule=_pdist_shape,
        refusal_rule=_pdist_refusal,
        changes_axes=True,
    )
)


def _covariance_shape(step: Step) -> tuple[Ints, ...] | None:
    """One variable gives a number, more of them a square."""
    sizes = shape(step)
    return ((sizes[0], sizes[0]),) if len(sizes) == 2 and sizes[0] != 1 else ((),)


def _covariance_refusal(step: Step) -> str | None:
    sizes = shape(step)
    if len(sizes) > 2:
        return f"{text(sizes)} has {len(sizes)} axes, but variables x observations are 2"
    observed = sizes[-1] if sizes else 1
    for weights in shapes(step)[1:]:
        if len(weights) > 1 or prod(weights) != observed:
            return f"there are {observed} observations, but weights of {text(weights)}"
    return None


for _name in ("cov", "corrcoef"):
    register(
        Op(
            _name,
            shape_rule=_covariance_shape,
            refusal_rule=_covariance_refusal,
            changes_axes=True,
        )
    )


def _replaced_last(step: Step) -> tuple[Ints, ...] | None:
    sizes, along = shape(step), axis(argument(step, "dim", -1), len(shape(step)))
    return None if along is None else (replaced(sizes, along, sizes[along] - 1),)


def _trapezoid_flow(step: Step) -> Flows | None:
    """Each sum reads all of the axis, as a cumulative sum does."""
    sizes, along = shape(step), axis(argument(step, "dim", -1), len(shape(step)))
    if along is None:
        return None
    return (tuple(whole(at, n) if at == along else Link(at) for at, n in enumerate(sizes)),)


register(
    Op(
        "cumulative_trapezoid",
        "y x dx dim",
        shape_rule=_replaced_last,
        flow_rule=_trapezoid_flow,
        free=True,
    )
)
