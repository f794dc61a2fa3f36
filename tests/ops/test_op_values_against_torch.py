"""As `test_op_against_torch`, for norms, losses, products of tensors, transforms and resizing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.drawing import Call, Draw, StepsOf, along, assert_as_torch, paired


def normed_by_shape(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = draw.tensor()
        last = x.shape[x.dim() - min(draw.upto(2), x.dim()) :]
        return function, (x, draw.of(tuple(last), draw.like(last)))

    return call


def normed_by_group(draw: Draw) -> Call:
    x = draw.tensor()
    channels = x.shape[1] if x.dim() > 1 else 1
    return F.group_norm, (x, draw.upto(3, 1), torch.rand(draw.of(channels, draw.size())))


def normed_by_batch(draw: Draw) -> Call:
    x = draw.tensor(0, 5)
    channels = draw.of(x.shape[1] if x.dim() > 1 else 2, draw.size())
    stored = (torch.zeros(channels), torch.ones(channels))
    return F.batch_norm, (x, *stored, None, None, draw.of(True, False))


def resized(draw: Draw) -> Call:
    x = draw.tensor(2, 5)
    axes = max(x.dim() - 2, 1)
    mode = draw.of("nearest", "nearest", "linear", "bilinear", "trilinear", "bicubic", "area")
    count = draw.of(axes, axes, axes, draw.upto(3, 1))
    size = draw.of(draw.upto(3), tuple(draw.upto(3) for _ in range(count)))
    factor = draw.of(2.0, tuple(draw.of(0.5, 1.5, 2.0) for _ in range(count)))
    return F.interpolate, (x, *draw.of((size, None), (None, factor)), mode)


def crossed(function: Callable[..., Any], named: bool) -> Callable[[Draw], Call]:
    """A vector product; of the sizes, one in two is three."""

    def call(draw: Draw) -> Call:
        sizes = [draw.of(size, 3) for size in draw.shape()]
        args: tuple[Any, ...] = (torch.rand(sizes), torch.rand(draw.like(sizes)))
        return function, (*args, draw.axis(args[0])) if named else args

    return call


def three(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call of three tensors of much the same shape."""

    def call(draw: Draw) -> Call:
        sizes = [size or 1 for size in draw.shape()]
        others = (torch.rand([size or 1 for size in draw.like(sizes)]) for _ in range(2))
        return function, (torch.rand(sizes), *others)

    return call


def summed_in_letters(draw: Draw) -> Call:
    equation = draw.of("ij,jk->ik", "bij,bjk->bik", "ij->ji", "ii->i", "i,j", "b...i,ij->b...j")
    known: dict[str, int] = {}
    operands = []
    for term in equation.partition("->")[0].split(","):
        sizes = [draw.upto(2, 1) for _ in range(draw.upto(2))] if "..." in term else []
        for letter in term.replace("...", ""):
            size = known.setdefault(letter, draw.upto(3, 1))
            sizes.append(draw.of(size, size, size, size, draw.size()))
        operands.append(torch.rand(draw.of(sizes, sizes, sizes, sizes[1:])))
    return torch.einsum, (equation, *operands)


def contracted(draw: Draw) -> Call:
    x = draw.tensor()
    right = torch.rand(draw.like(x.shape)[::-1])
    return torch.tensordot, (x, right, draw.of(1, 2, 0, ((0,), (0,)), ((-1,), (0,))))


def vectors(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call of two tensors that are mostly vectors."""
    return lambda draw: (function, tuple(torch.rand(draw.shape(1, draw.of(1, 2))) for _ in "ab"))


def chained(draw: Draw) -> Call:
    edges = [draw.upto(3, 1) for _ in range(5)]
    matrices = [
        torch.rand(edges[at], draw.of(edges[at + 1], edges[at + 1], draw.size()))
        for at in range(draw.upto(4, 2))
    ]
    return torch.linalg.multi_dot, (matrices,)


def transformed(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = torch.rand([size or 2 for size in draw.shape()])  # of nothing, MKL raises by itself
        return function, (x, draw.of(None, draw.upto(4)), draw.axis(x))

    return call


def of_matrix(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call of matrices that are mostly square, and never singular."""

    def call(draw: Draw) -> Call:
        sizes = draw.shape(0, 3)
        if len(sizes) > 1 and draw.of(True, True, False):
            sizes = (*sizes[:-1], sizes[-2])
        x = torch.rand(sizes)
        return function, (x + 9 * torch.eye(sizes[-2], sizes[-1]) if len(sizes) > 1 else x,)

    return call


def solved(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A system of equations: a vector, one for each matrix, or matrices; from either side."""

    def call(draw: Draw) -> Call:
        _, (matrix,) = of_matrix(function)(draw)
        square = tuple(matrix.shape)
        right = torch.rand(draw.of(draw.like(square), draw.like(square), square[:-1], square[-1:]))
        return partial(function, left=draw.of(True, True, False)), (matrix, right)

    return call


def sloped(draw: Draw) -> Call:
    x = draw.tensor()
    return F.prelu, (x, torch.rand(draw.of(1, x.shape[1] if x.dim() > 1 else 1, draw.size())))


def unpooled(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = draw.maps(axes, 2)
        settings = (draw.upto(3, 1), draw.of(None, draw.upto(3, 1)), draw.upto(1))
        return function, (x, torch.zeros(draw.like(x.shape), dtype=torch.int64), *settings)

    return call


CALLS: dict[str, tuple[str, Callable[[Draw], Call]]] = {
    "layer_norm": ("layer_norm", normed_by_shape(F.layer_norm)),
    "rms_norm": ("rms_norm", normed_by_shape(F.rms_norm)),
    "group_norm": ("group_norm", normed_by_group),
    "batch_norm": ("batch_norm", normed_by_batch),
    "interpolate": ("interpolate", resized),
    "cross": ("cross", crossed(torch.cross, named=False)),
    "cross along": ("cross", crossed(torch.cross, named=True)),
    "linalg.cross": ("linalg_cross", crossed(torch.linalg.cross, named=False)),
    "cdist": ("cdist", paired(torch.cdist)),
    "cosine_similarity": ("cosine_similarity", paired(F.cosine_similarity)),
    "mse_loss": ("mse_loss", paired(F.mse_loss)),
    "huber_loss": ("huber_loss", paired(F.huber_loss)),
    "kl_div": ("kl_div", paired(F.kl_div)),
    "soft_margin_loss": ("soft_margin_loss", paired(F.soft_margin_loss)),
    "margin_ranking_loss": ("margin_ranking_loss", three(F.margin_ranking_loss)),
    "triplet_margin_loss": ("triplet_margin_loss", three(F.triplet_margin_loss)),
    "einsum": ("einsum", summed_in_letters),
    "tensordot": ("tensordot", contracted),
    "outer": ("outer", vectors(torch.outer)),
    "inner": ("inner", paired(torch.inner)),
    "multi_dot": ("multi_dot", chained),
    "fft": ("fft_fft", transformed(torch.fft.fft)),
    "irfft": ("fft_irfft", transformed(torch.fft.irfft)),
    "inverse": ("inverse", of_matrix(torch.inverse)),
    "det": ("linalg_det", of_matrix(torch.linalg.det)),
    "pinv": ("linalg_pinv", of_matrix(torch.linalg.pinv)),
    "solve": ("linalg_solve", solved(torch.linalg.solve)),
    "solve_triangular": (
        "linalg_solve_triangular",
        solved(partial(torch.linalg.solve_triangular, upper=True)),
    ),
    "prelu": ("prelu", sloped),
    "log_softmax": ("log_softmax", along(torch.log_softmax)),
    "max_unpool1d": ("max_unpool1d", unpooled(F.max_unpool1d, 1)),
    "max_unpool2d": ("max_unpool2d", unpooled(F.max_unpool2d, 2)),
    "max_unpool3d": ("max_unpool3d", unpooled(F.max_unpool3d, 3)),
}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_row_says_what_torch_does(name: str, steps_of: StepsOf, data: st.DataObject) -> None:
    op, draw_call = CALLS[name]
    assert_as_torch(op, draw_call(Draw(data)), steps_of)
