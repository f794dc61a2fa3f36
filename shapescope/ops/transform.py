"""Fourier transforms and linear algebra. Their multiply-adds have no rule: they are not counted."""

from __future__ import annotations

from shapescope.ops.flow import Flows, Link, dims_of, mixing_flow, whole
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis,
    broadcast,
    replaced,
    same_shape,
    shape,
)
from shapescope.trace import Step


def _transformed(step: Step) -> tuple[int, ...] | None:
    """The axes along which a Fourier transform runs."""
    rank = len(shape(step))
    name = step.op.removeprefix("fft_")
    default = (-2, -1) if name.endswith("2") else None if name.endswith("n") else (-1,)
    return axes(argument(step, "dim", default), rank)


def _fourier_shape(step: Step) -> tuple[Ints, ...] | None:
    """The same sizes, or those asked for; a real transform keeps half of its last axis."""
    along = _transformed(step)
    if not along or not shape(step):
        return None
    wanted = argument(step, "n", argument(step, "s"))
    sizes = list(shape(step))
    if wanted is not None:
        given = wanted if isinstance(wanted, tuple) else (wanted,)
        for at, n in zip(along[-len(given) :], given, strict=False):
            sizes[at] = sizes[at] if n == -1 else n
    last = along[-1]
    if step.op.startswith("fft_rfft"):
        sizes[last] = sizes[last] // 2 + 1
    elif step.op.startswith("fft_irfft") and wanted is None:
        sizes[last] = 2 * (sizes[last] - 1)
    return (tuple(sizes),)


def _fourier_flow(step: Step) -> Flows | None:
    if not shape(step) or "rfft" in step.op:
        return None
    return mixing_flow(step, _transformed(step) or ())


for _name in ("fft", "ifft", "rfft", "irfft"):
    for _suffix, _signature in (("", "input n dim norm"), ("2", "input s dim norm"),
                                ("n", "input s dim norm")):  # fmt: skip
        register(
            Op(
                f"fft_{_name}{_suffix}",
                _signature,
                shape_rule=_fourier_shape,
                flow_rule=_fourier_flow,
                changes_axes=True,
            )
        )
for _name in ("fft_fftshift", "fft_ifftshift"):
    register(
        Op(
            _name,
            "input dim",
            shape_rule=same_shape,
            flow_rule=lambda step: mixing_flow(
                step, dims_of(argument(step, "dim"), len(shape(step))) or range(len(shape(step)))
            ),
            free=True,
        )
    )
for _name in ("fft_fftfreq", "fft_rfftfreq"):
    register(Op(_name, "n d", free=True, factory=True, observed=True))


def _stft_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, count = shape(step), argument(step, "n_fft")
    hop = argument(step, "hop_length") or (count // 4 if isinstance(count, int) else None)
    if not isinstance(count, int) or not isinstance(hop, int) or len(sizes) not in (1, 2):
        return None
    length = sizes[-1] + (count // 2 * 2 if argument(step, "center", True) else 0)
    rows = count // 2 + 1 if argument(step, "onesided", True) else count
    made = (*sizes[:-1], rows, (length - count) // hop + 1)
    return (made if argument(step, "return_complex", False) else (*made, 2),)


register(
    Op(
        "stft",
        "input n_fft hop_length win_length window center pad_mode normalized onesided "
        "return_complex",
        shape_rule=_stft_shape,
        changes_axes=True,
    )
)
register(
    Op(
        "istft",
        "input n_fft hop_length win_length window center normalized onesided length",
        changes_axes=True,
        observed=True,
    )
)


def _pinverse_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes = shape(step)
    return None if len(sizes) < 2 else ((*sizes[:-2], sizes[-1], sizes[-2]),)


def _matrix_scalar(step: Step) -> tuple[Ints, ...] | None:
    return None if len(shape(step)) < 2 else (shape(step)[:-2],)


def _solve_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2:
        return None
    matrix, right = shape(step), shape(step, 1)
    if len(right) == 1 or len(right) < len(matrix):
        return (right,)
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
    register(Op(_name, "input n", shape_rule=same_shape))
for _name in ("pinverse", "linalg_pinv"):
    register(Op(_name, shape_rule=_pinverse_shape, changes_axes=True))
for _name in ("det", "linalg_det", "logdet"):
    register(Op(_name, shape_rule=_matrix_scalar, changes_axes=True))
register(Op("linalg_solve", "A B", shape_rule=_solve_shape, changes_axes=True))
register(
    Op("linalg_solve_triangular", "A B upper left", shape_rule=_solve_shape, changes_axes=True)
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


register(
    Op(
        "diag_embed",
        "input offset dim1 dim2",
        shape_rule=_diag_embed_shape,
        free=True,
        changes_axes=True,
    )
)
register(Op("diag", "input diagonal", shape_rule=_diag_shape, free=True, changes_axes=True))


def _complex_shape(step: Step) -> tuple[Ints, ...] | None:
    if step.op == "view_as_real":
        return ((*shape(step), 2),)
    return (shape(step)[:-1],) if shape(step) else None


for _name in ("view_as_real", "view_as_complex"):
    register(Op(_name, shape_rule=_complex_shape, free=True, changes_axes=True))


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


register(Op("pdist", "input p", shape_rule=_pdist_shape, changes_axes=True))


def _covariance_shape(step: Step) -> tuple[Ints, ...] | None:
    """One variable gives a number, more of them a square."""
    sizes = shape(step)
    return ((sizes[0], sizes[0]),) if len(sizes) == 2 and sizes[0] != 1 else ((),)


for _name in ("cov", "corrcoef"):
    register(Op(_name, shape_rule=_covariance_shape, changes_axes=True))


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
