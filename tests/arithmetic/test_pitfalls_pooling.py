"""Pitfalls of PyTorch's size arithmetic: pooling (1 to 10).

Each row runs the call on the CPU, so that a PyTorch that changes its mind is noticed here, and
compares its shape, or its refusal (None), with the arithmetic's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pytest import param
from torch import nn

from shapescope import arithmetic as ar
from tests.arithmetic.answers import Shape, adaptive, fractional, pool

R = torch.rand


def unpool(k: int, s: int, p: int, hw: Shape, **more: Any) -> torch.Tensor:
    ramp = torch.arange(float(hw[0] * hw[1])).reshape(1, 1, *hw)
    pooled, indices = F.max_pool2d(ramp, k, s, p, return_indices=True)
    return F.max_unpool2d(pooled, indices, (k, k), (s, s), (p, p), **more)


def our_unpool(k: int, s: int, p: int, hw: Shape, output_size: Shape | None = None) -> Shape | str:
    sizes = [ar.pool_output(n, k, s, (p, p)) for n in hw]
    # on a rising ramp the largest index is that of the last element that any window sees
    last = [min((n - 1) * s - p + k, size) - 1 for n, size in zip(sizes, hw, strict=True)]
    reason = ar.unpool_refusal(
        sizes, k, s, p, output_size=output_size, indices=(0, last[0] * hw[1] + last[1])
    )
    return reason or (1, 1, *(output_size or [ar.unpool_output(n, k, s, p) for n in sizes]))


ROWS = [
    param(
        lambda: nn.MaxPool1d(2, stride=3, ceil_mode=True)(R(1, 1, 6)),
        (1, 1, 2),
        lambda: pool((6,), 2, 3, ceil_mode=True),
        id="1 a last window that starts behind the input is dropped",
    ),
    param(
        lambda: nn.MaxPool1d(2, stride=3, ceil_mode=True)(R(1, 1, 7)),
        (1, 1, 3),
        lambda: pool((7,), 2, 3, ceil_mode=True),
        id="1 one that starts on the last element stays",
    ),
    param(
        lambda: nn.MaxPool2d(2, 2, padding=1, ceil_mode=True)(R(1, 1, 3, 5)),
        (1, 1, 2, 3),
        lambda: pool((3, 5), 2, 2, 1, ceil_mode=True),
        id="1 padding before the input counts",
    ),
    param(
        lambda: nn.MaxPool1d(1, 4, ceil_mode=True)(R(1, 1, 6)),
        (1, 1, 2),
        lambda: pool((6,), 1, 4, ceil_mode=True),
        id="1 a kernel of 1",
    ),
    param(
        lambda: nn.MaxPool2d(3, 2, ceil_mode=True)(R(1, 1, 2, 2)),
        (1, 1, 1, 1),
        lambda: pool((2, 2), 3, 2, ceil_mode=True),
        id="2 ceil_mode takes a kernel larger than the map",
    ),
    param(
        lambda: nn.MaxPool2d(3, 2, ceil_mode=True)(R(1, 1, 1, 1)),
        None,
        lambda: pool((1, 1), 3, 2, ceil_mode=True),
        id="2 but by stride - 1 at most",
    ),
    param(
        lambda: nn.LPPool2d(2, 3, ceil_mode=True)(R(1, 1, 2, 7)),
        (1, 1, 1, 3),
        lambda: pool((2, 7), 3, ceil_mode=True, kind="lp"),
        id="2 a power-average pool too",
    ),
    param(
        lambda: nn.MaxPool2d(3, padding=2)(R(1, 1, 8, 8)),
        None,
        lambda: pool((8, 8), 3, padding=2),
        id="3 padding beyond half of the kernel",
    ),
    param(
        lambda: nn.MaxPool2d(3, stride=1, padding=2, dilation=2)(R(1, 1, 8, 8)),
        None,
        lambda: pool((8, 8), 3, 1, 2, 2),
        id="3 dilation does not widen the limit",
    ),
    param(
        lambda: nn.MaxPool2d(3, stride=1, padding=1, dilation=2)(R(1, 1, 8, 8)),
        (1, 1, 6, 6),
        lambda: pool((8, 8), 3, 1, 1, 2),
        id="3 padding of half the kernel with dilation",
    ),
    param(
        lambda: nn.AvgPool2d(3, padding=2)(R(1, 1, 8, 8)),
        None,
        lambda: pool((8, 8), 3, padding=2, kind="avg"),
        id="3 average pool",
    ),
    param(
        lambda: nn.AvgPool2d(2, padding=1)(R(1, 1, 8, 8)),
        (1, 1, 5, 5),
        lambda: pool((8, 8), 2, padding=1, kind="avg"),
        id="3 average pool, half of the kernel",
    ),
    param(
        lambda: F.max_pool2d(R(1, 1, 8, 8), 2, stride=[]),
        (1, 1, 4, 4),
        lambda: pool((8, 8), 2, []),
        id="4 an empty stride is the kernel size",
    ),
    param(
        lambda: F.avg_pool2d(R(1, 1, 8, 8), 3),
        (1, 1, 2, 2),
        lambda: pool((8, 8), 3, kind="avg"),
        id="4 no stride is the kernel size",
    ),
    param(
        lambda: nn.MaxPool2d(2, stride=0)(R(1, 1, 8, 8)),
        None,
        lambda: pool((8, 8), 2, 0),
        id="4 stride 0",
    ),
    param(
        lambda: nn.MaxPool2d(0)(R(1, 1, 8, 8)),
        None,
        lambda: pool((8, 8), 0),
        id="4 kernel 0",
    ),
    param(
        lambda: nn.LPPool2d(2, 3, stride=2, ceil_mode=True)(R(1, 1, 8, 8)),
        (1, 1, 4, 4),
        lambda: pool((8, 8), 3, 2, ceil_mode=True, kind="lp"),
        id="5 power average with ceil_mode",
    ),
    param(
        lambda: nn.LPPool2d(2, 3, stride=2)(R(1, 1, 8, 8)),
        (1, 1, 3, 3),
        lambda: pool((8, 8), 3, 2, kind="lp"),
        id="5 power average without",
    ),
    param(
        lambda: nn.LPPool2d(2, (3, 2), ceil_mode=True)(R(1, 1, 8, 8)),
        (1, 1, 3, 4),
        lambda: pool((8, 8), (3, 2), ceil_mode=True, kind="lp"),
        id="5 power average, a kernel per axis",
    ),
    param(
        lambda: nn.AvgPool1d(3, 2, padding=1, ceil_mode=True)(R(1, 1, 4)),
        (1, 1, 3),
        lambda: pool((4,), 3, 2, 1, ceil_mode=True, kind="avg"),
        id="6 the shape with and without count_include_pad",
    ),
    param(
        lambda: nn.AdaptiveAvgPool2d((None, 7))(R(1, 1, 10, 3)),
        (1, 1, 10, 7),
        lambda: adaptive((10, 3), (None, 7)),
        id="7 None keeps the axis, the output may be larger",
    ),
    param(
        lambda: nn.AdaptiveMaxPool2d((5, None))(R(1, 1, 2, 9)),
        (1, 1, 5, 9),
        lambda: adaptive((2, 9), (5, None), "max"),
        id="7 the same for max",
    ),
    param(
        lambda: nn.AdaptiveAvgPool2d(0)(R(1, 1, 4, 4)),
        (1, 1, 0, 0),
        lambda: adaptive((4, 4), 0),
        id="7 an output of 0",
    ),
    param(
        lambda: nn.AdaptiveAvgPool2d(1)(R(1, 1, 0, 3)),
        (1, 1, 1, 1),
        lambda: adaptive((0, 3), 1),
        id="8 the mean of nothing",
    ),
    param(
        lambda: nn.AdaptiveMaxPool2d(1)(R(1, 1, 0, 3)),
        None,
        lambda: adaptive((0, 3), 1, "max"),
        id="8 the maximum of nothing",
    ),
    param(
        lambda: nn.FractionalMaxPool2d(2, output_ratio=0.29)(R(1, 1, 100, 100)),
        (1, 1, 28, 28),
        lambda: fractional((100, 100), 2, output_ratio=0.29),
        id="9 100 * 0.29 is 28.999...",
    ),
    param(
        lambda: nn.FractionalMaxPool2d(3, output_size=8)(R(1, 1, 10, 10)),
        (1, 1, 8, 8),
        lambda: fractional((10, 10), 3, output_size=8),
        id="9 the largest output",
    ),
    param(
        lambda: nn.FractionalMaxPool2d(3, output_size=9)(R(1, 1, 10, 10)),
        None,
        lambda: fractional((10, 10), 3, output_size=9),
        id="9 one more",
    ),
    param(
        lambda: unpool(2, 2, 0, (7, 6)),
        (1, 1, 6, 6),
        lambda: our_unpool(2, 2, 0, (7, 6)),
        id="10 unpool drops the row that was floored",
    ),
    param(
        lambda: unpool(2, 2, 0, (7, 6), output_size=(7, 6)),
        (1, 1, 7, 6),
        lambda: our_unpool(2, 2, 0, (7, 6), (7, 6)),
        id="10 output_size brings it back",
    ),
    param(
        lambda: unpool(2, 2, 0, (7, 6), output_size=(8, 6)),
        None,
        lambda: our_unpool(2, 2, 0, (7, 6), (8, 6)),
        id="10 a whole stride away",
    ),
    param(
        lambda: unpool(2, 2, 0, (7, 6), output_size=(5, 6)),
        None,
        lambda: our_unpool(2, 2, 0, (7, 6), (5, 6)),
        id="10 the indices do not fit, which meta does not see",
    ),
    param(
        lambda: unpool(3, 2, 1, (8, 8)),
        None,
        lambda: our_unpool(3, 2, 1, (8, 8)),
        id="10 the indices do not fit the default size",
    ),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("call", "shape", "ours"), ROWS)
def test_pooling(
    call: Callable[[], Any],
    shape: Shape | None,
    ours: Callable[[], Shape | str | None],
    check_pitfall: Callable[..., None],
) -> None:
    check_pitfall(call, shape, ours())


@pytest.mark.parametrize(
    ("include", "values"), [(True, [2 / 3, 1.0, 0.5]), (False, [1.0, 1.0, 1.0])]
)
def test_the_divisor_leaves_out_what_ceil_mode_adds(include: bool, values: list[float]) -> None:
    layer = nn.AvgPool1d(3, 2, padding=1, ceil_mode=True, count_include_pad=include)
    observed = layer(torch.ones(1, 1, 4)).flatten().tolist()
    assert observed == pytest.approx(values)
    for i, value in enumerate(observed):
        inside = min(i * 2 - 1 + 3, 4) - max(i * 2 - 1, 0)
        assert inside / ar.avg_pool_divisor(i, 4, 3, 2, 1, include) == pytest.approx(value)
