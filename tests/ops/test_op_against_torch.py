"""Calls of torch with whatever sizes: a row refuses what a CPU refuses, and else has its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.drawing import (
    Call,
    Draw,
    StepsOf,
    along,
    assert_as_torch,
    index,
    joined,
    paired,
    product,
    reducing,
)


def convolving(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        groups, channels, made = draw.of(1, 1, 2, 3), draw.upto(6, 1), draw.upto(6, 1)
        taken = draw.of(max(channels // groups, 1), draw.upto(3, 1))
        weight = torch.rand(made, taken, *(draw.upto(4, 1) for _ in range(axes)))
        padding = draw.of(0, 1, 2, "same", "valid")
        settings = (None, draw.upto(3, 1), padding, draw.upto(2, 1), groups)
        return function, (draw.maps(axes, channels), weight, *settings)

    return call


def transposing(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        groups, channels = draw.of(1, 1, 2, 3), draw.upto(6, 1)
        taken = draw.of(channels, draw.upto(6, 1))
        weight = torch.rand(taken, draw.upto(2, 1), *(draw.upto(4, 1) for _ in range(axes)))
        settings = (None, draw.upto(3, 1), draw.upto(2), draw.upto(2), groups, draw.upto(2, 1))
        return function, (draw.maps(axes, channels), weight, *settings)

    return call


def pooling(function: Callable[..., Any], axes: int, *, dilated: bool) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        settings: tuple[Any, ...] = (draw.upto(4, 1), draw.upto(3, 1), draw.upto(2))
        settings += (draw.upto(2, 1),) if dilated else ()
        return function, (draw.maps(axes, 2), *settings, draw.of(True, False))

    return call


def adapting(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        return function, (draw.maps(axes, 2), tuple(draw.upto(3) for _ in range(axes)))

    return call


def flattened(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.flatten, (x, draw.axis(x), draw.axis(x))


def unflattened(draw: Draw) -> Call:
    x = draw.tensor(1)
    sizes = tuple(draw.of(-1, 1, 2, 3) for _ in range(draw.upto(3, 1)))
    return torch.unflatten, (x, draw.axis(x), sizes)


def reshaped(draw: Draw) -> Call:
    return torch.reshape, (
        draw.tensor(),
        tuple(draw.of(-1, 1, 2, 3, 4, 6) for _ in range(draw.upto(3))),
    )


def expanded(draw: Draw) -> Call:
    x = draw.tensor()
    sizes = tuple(draw.of(size, size, -1) for size in draw.like(x.shape))
    return torch.Tensor.expand, (x, draw.of(sizes, (2, *sizes)))


def repeated(draw: Draw) -> Call:
    return torch.Tensor.repeat, (
        draw.tensor(),
        tuple(draw.upto(2) for _ in range(draw.upto(5))),
    )


def split(draw: Draw) -> Call:
    x = draw.tensor()
    parts = [draw.upto(3) for _ in range(draw.upto(3, 1))]
    return torch.split, (x, draw.of(draw.upto(4), parts), draw.axis(x))


def chunked(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.chunk, (x, draw.upto(4), draw.axis(x))


def narrowed(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.narrow, (x, draw.axis(x), draw.upto(3, -1), draw.upto(4))


def selected(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.select, (x, draw.axis(x), draw.upto(3, -3))


def gathered(draw: Draw) -> Call:
    x = torch.rand([size or 2 for size in draw.shape()])  # of nothing, the values alone decide
    return torch.gather, (x, draw.axis(x), index(draw.like(x.shape)))


def picked(draw: Draw) -> Call:
    entries = [slice(None), slice(1, None), None, ..., draw.upto(3, -3), draw.upto(3, -3)]
    key = tuple(draw.of(*entries) for _ in range(draw.upto(3, 1)))
    seen = [at for at, entry in enumerate(key) if entry is ...]
    key = tuple(entry for at, entry in enumerate(key) if at not in seen[1:])
    return torch.Tensor.__getitem__, (draw.tensor(1), key)


def mapped(draw: Draw) -> Call:
    x = draw.tensor()
    features = draw.of(x.shape[-1] if x.dim() else 1, draw.size())
    return F.linear, (x, torch.rand(draw.upto(4, 1), features))


def padded(draw: Draw) -> Call:
    amounts = tuple(draw.upto(3, -2) for _ in range(draw.of(2, 4, 6, 1, 3)))
    mode = draw.of("constant", "reflect", "replicate", "circular")
    return F.pad, (draw.tensor(0, 5), amounts, mode)


def unfolded(draw: Draw) -> Call:
    settings = (draw.upto(3, 1), draw.upto(2, 1), draw.upto(2), draw.upto(2, 1))
    return F.unfold, (draw.maps(2, 2), *settings)


def folded(draw: Draw) -> Call:
    kernel = draw.upto(3, 1)
    columns = torch.rand(draw.upto(2, 1), draw.upto(3, 1) * draw.of(1, kernel**2), draw.upto(9))
    return F.fold, (columns, (draw.upto(5, 1), draw.upto(5, 1)), kernel)


def windows(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.Tensor.unfold, (x, draw.axis(x), draw.upto(3), draw.upto(3))


def shuffled(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    return lambda draw: (function, (draw.tensor(2, 5), draw.upto(3, 1)))


def scored(draw: Draw) -> Call:
    scores = draw.tensor(1)
    classes = 1 if scores.dim() > 1 else 0
    rest = (*scores.shape[:classes], *scores.shape[classes + 1 :])
    if 0 in scores.shape:
        scores = torch.rand([size or 2 for size in scores.shape])
    return F.nll_loss, (scores, index(draw.of(draw.like(rest), (1,))))


CALLS: dict[str, Callable[[Draw], Call]] = {
    "flatten": flattened,
    "unflatten": unflattened,
    "reshape": reshaped,
    "expand": expanded,
    "repeat": repeated,
    "split": split,
    "chunk": chunked,
    "narrow": narrowed,
    "select": selected,
    "gather": gathered,
    "getitem": picked,
    "cat": joined(torch.cat),
    "stack": joined(torch.stack),
    "hstack": paired(torch.hstack, listed=True),
    "vstack": paired(torch.vstack, listed=True),
    "dstack": paired(torch.dstack, listed=True),
    "squeeze": along(torch.squeeze),
    "unsqueeze": along(torch.unsqueeze),
    "softmax": along(torch.softmax),
    "cumsum": along(torch.cumsum),
    "sort": along(torch.sort),
    "glu": along(F.glu),
    "max": along(torch.max, True),
    "argmax": along(torch.argmax),
    "prod": along(torch.prod, True),
    "sum": reducing(torch.sum),
    "mean": reducing(torch.mean),
    "amax": reducing(torch.amax),
    "logsumexp": reducing(torch.logsumexp),
    "add": paired(torch.add),
    "maximum": paired(torch.maximum),
    "matmul": product(torch.matmul),
    "mm": product(torch.mm, 2),
    "bmm": product(torch.bmm, 3),
    "mv": product(torch.mv, 2),
    "dot": product(torch.dot, 1),
    "linear": mapped,
    "pad": padded,
    "unfold": unfolded,
    "fold": folded,
    "tensor_unfold": windows,
    "pixel_shuffle": shuffled(F.pixel_shuffle),
    "pixel_unshuffle": shuffled(F.pixel_unshuffle),
    "conv1d": convolving(F.conv1d, 1),
    "conv2d": convolving(F.conv2d, 2),
    "conv3d": convolving(F.conv3d, 3),
    "conv_transpose1d": transposing(F.conv_transpose1d, 1),
    "conv_transpose2d": transposing(F.conv_transpose2d, 2),
    "max_pool1d": pooling(F.max_pool1d, 1, dilated=True),
    "max_pool2d": pooling(F.max_pool2d, 2, dilated=True),
    "avg_pool1d": pooling(F.avg_pool1d, 1, dilated=False),
    "avg_pool2d": pooling(F.avg_pool2d, 2, dilated=False),
    "adaptive_avg_pool2d": adapting(F.adaptive_avg_pool2d, 2),
    "adaptive_max_pool2d": adapting(F.adaptive_max_pool2d, 2),
    "binary_cross_entropy": paired(F.binary_cross_entropy),
    "nll_loss": scored,
}


@pytest.mark.parametrize("op", CALLS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_row_says_what_torch_does(op: str, steps_of: StepsOf, data: st.DataObject) -> None:
    assert_as_torch(op, CALLS[op](Draw(data)), steps_of)
