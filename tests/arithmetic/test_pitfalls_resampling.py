"""Pitfalls of PyTorch's size arithmetic: unfold, fold, shuffle, resize and pad (21 to 28).

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
from tests.arithmetic.answers import Shape, fold, interpolate, pad, unfold

R = torch.rand


ROWS = [
    param(
        lambda: nn.Unfold(2, padding=-1)(R(1, 1, 6, 6)),
        None,
        lambda: unfold((6, 6), (1,), 1, 2, 1, -1),
        id="15 negative padding of unfold",
    ),
    param(
        lambda: nn.Unfold((2, 3), dilation=2, padding=1, stride=2)(R(1, 3, 10, 9)),
        (1, 18, 20),
        lambda: unfold((10, 9), (1,), 3, (2, 3), 2, 1, 2),
        id="21 L is the product of the window counts",
    ),
    param(
        lambda: nn.Unfold(3)(R(3, 8, 8)),
        (27, 36),
        lambda: unfold((8, 8), (), 3, 3),
        id="21 unbatched",
    ),
    param(
        lambda: R(2, 3, 10).unfold(2, 4, 3),
        (2, 3, 3, 4),
        lambda: ar.tensor_unfold_refusal(10, 4, 3) or (2, 3, ar.tensor_unfold_output(10, 4, 3), 4),
        id="21 Tensor.unfold appends an axis",
    ),
    param(
        lambda: nn.Fold((4, 4), 2, stride=2)(R(1, 12, 4)),
        (1, 3, 4, 4),
        lambda: fold(12, 4, (4, 4), 2, 2),
        id="22 4 windows make 4 x 4",
    ),
    param(
        lambda: nn.Fold((5, 5), 2, stride=2)(R(1, 12, 4)),
        (1, 3, 5, 5),
        lambda: fold(12, 4, (5, 5), 2, 2),
        id="22 and 5 x 5",
    ),
    param(
        lambda: nn.Fold((4, 5), 2)(R(1, 12, 9)),
        None,
        lambda: fold(12, 9, (4, 5), 2),
        id="22 another count",
    ),
    param(
        lambda: nn.Fold((1, 1), 3)(R(1, 9, 1)),
        None,
        lambda: fold(9, 1, (1, 1), 3),
        id="22 two negative counts whose product is right",
    ),
    param(
        lambda: nn.PixelUnshuffle(3)(R(1, 2, 9, 6)),
        (1, 18, 3, 2),
        lambda: (
            ar.pixel_unshuffle_refusal((1, 2, 9, 6), 3) or ar.pixel_unshuffle_shape((1, 2, 9, 6), 3)
        ),
        id="23 pixel unshuffle",
    ),
    param(
        lambda: nn.PixelUnshuffle(2)(R(1, 2, 9, 6)),
        None,
        lambda: ar.pixel_unshuffle_refusal((1, 2, 9, 6), 2),
        id="23 an odd height",
    ),
    param(
        lambda: nn.PixelShuffle(2)(R(1, 8, 9, 6)),
        (1, 2, 18, 12),
        lambda: (
            ar.pixel_shuffle_refusal((1, 8, 9, 6), 2)
            or (
                1,
                ar.pixel_shuffle_channels(8, 2),
                ar.pixel_shuffle_output(9, 2),
                ar.pixel_shuffle_output(6, 2),
            )
        ),
        id="23 pixel shuffle",
    ),
    param(
        lambda: nn.PixelShuffle(2)(R(1, 6, 9, 6)),
        None,
        lambda: ar.pixel_shuffle_refusal((1, 6, 9, 6), 2),
        id="23 channels that r*r does not divide",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 5, 7), scale_factor=1.5),
        (1, 1, 7, 10),
        lambda: interpolate((1, 1), (5, 7), scale_factor=1.5),
        id="24 the size is floored",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 100, 100), scale_factor=1.15),
        (1, 1, 114, 114),
        lambda: interpolate((1, 1), (100, 100), scale_factor=1.15),
        id="24 100 * 1.15 is 114.99...",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 10, 10), scale_factor=1.1),
        (1, 1, 11, 11),
        lambda: interpolate((1, 1), (10, 10), scale_factor=1.1),
        id="24 10 * 1.1 is 11",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 1, 1), scale_factor=0.5),
        None,
        lambda: interpolate((1, 1), (1, 1), scale_factor=0.5),
        id="24 a result of 0",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 100, 100), scale_factor=0.29),
        (1, 1, 28, 28),
        lambda: interpolate((1, 1), (100, 100), scale_factor=0.29),
        id="25 without recompute_scale_factor",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 100, 100), scale_factor=0.29, recompute_scale_factor=True),
        (1, 1, 28, 28),
        lambda: interpolate((1, 1), (100, 100), scale_factor=0.29),
        id="25 with it",
    ),
    param(
        lambda: F.interpolate(R(3, 4, 4), scale_factor=2),
        (3, 4, 8),
        lambda: interpolate((3, 4), (4,), scale_factor=2),
        id="26 C x H x W is resized along W only",
    ),
    param(
        lambda: F.interpolate(R(3, 4, 4), scale_factor=2, mode="bilinear"),
        None,
        lambda: interpolate((3, 4), (4,), "bilinear", scale_factor=2),
        id="26 and refused by bilinear",
    ),
    param(
        lambda: F.grid_sample(R(2, 3, 10, 12), R(2, 4, 5, 2), align_corners=False),
        (2, 3, 4, 5),
        lambda: (
            ar.grid_sample_refusal((2, 3, 10, 12), (2, 4, 5, 2))
            or ar.grid_sample_shape((2, 3, 10, 12), (2, 4, 5, 2))
        ),
        id="27 the output has the grid's sizes",
    ),
    param(
        lambda: F.grid_sample(R(2, 3, 10, 12), R(1, 4, 5, 2), align_corners=False),
        None,
        lambda: ar.grid_sample_refusal((2, 3, 10, 12), (1, 4, 5, 2)),
        id="27 no batch is broadcast",
    ),
    param(
        lambda: F.pad(R(1, 1, 6, 8), (1, -2, -3, 0)),
        (1, 1, 3, 7),
        lambda: pad((1, 1), (6, 8), (-3, 0), (1, -2)),
        id="28 the last axis first, negative amounts crop",
    ),
    param(
        lambda: F.pad(R(1, 1, 6, 8), (-4, -4)),
        (1, 1, 6, 0),
        lambda: pad((1, 1, 6), (8,), (-4, -4)),
        id="28 crop to nothing",
    ),
    param(
        lambda: F.pad(R(1, 1, 6, 8), (-5, -4)),
        None,
        lambda: pad((1, 1, 6), (8,), (-5, -4)),
        id="28 crop below nothing",
    ),
    param(
        lambda: nn.ZeroPad2d((1, 2, 3, 4))(R(1, 1, 6, 8)),
        (1, 1, 13, 11),
        lambda: pad((1, 1), (6, 8), (3, 4), (1, 2)),
        id="28 ZeroPad2d is left, right, top, bottom",
    ),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("call", "shape", "ours"), ROWS)
def test_resampling(
    call: Callable[[], Any],
    shape: Shape | None,
    ours: Callable[[], Shape | str | None],
    check_pitfall: Callable[..., None],
) -> None:
    check_pitfall(call, shape, ours())
