"""Pitfalls of PyTorch's size arithmetic: slices, the batch axis and empty axes (29 to 34).

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
from tests.arithmetic.answers import Shape, cat, conv, interpolate, pool, reshape

R = torch.rand


ROWS = [
    param(
        lambda: R(1, 4, 4)[:, 3:-3],
        (1, 0, 4),
        lambda: (1, ar.slice_output(4, 3, -3), 4),
        id="29 a slice clamps to nothing",
    ),
    param(
        lambda: R(1, 4, 4)[:, ::3],
        (1, 2, 4),
        lambda: (1, ar.slice_output(4, None, None, 3), 4),
        id="29 a slice with a step",
    ),
    param(
        lambda: nn.Conv2d(8, 4, 3)(R(8, 28, 28)),
        (4, 26, 26),
        lambda: ar.channels_refusal(8, 8) or conv((28, 28), 3, front=(4,)),
        id="30 N x H x W is read as C x H x W",
    ),
    param(
        lambda: nn.Conv2d(1, 4, 3)(R(8, 28, 28)),
        None,
        lambda: ar.channels_refusal(8, 1),
        id="30 where N is not in_channels",
    ),
    param(
        lambda: nn.MaxPool2d(2)(R(3, 8, 8)),
        (3, 4, 4),
        lambda: pool((8, 8), 2, front=(3,)),
        id="30 a pool of an unbatched map",
    ),
    param(
        lambda: nn.BatchNorm2d(3)(R(3, 8, 8)),
        None,
        lambda: ar.rank_refusal(3, (4,)),
        id="30 batch norm takes no unbatched map",
    ),
    param(
        lambda: nn.Flatten()(R(3, 8, 8)),
        (3, 64),
        lambda: ar.flatten_shape((3, 8, 8), 1),
        id="30 flatten keeps axis 0",
    ),
    param(
        lambda: nn.Conv2d(3, 5, 3)(R(0, 3, 8, 8)),
        (0, 5, 6, 6),
        lambda: conv((8, 8), 3, front=(0, 5), batch=0, channels=3),
        id="31 a convolution of no sample",
    ),
    param(
        lambda: nn.MaxPool2d(2)(R(0, 3, 8, 8)),
        (0, 3, 4, 4),
        lambda: pool((8, 8), 2, front=(0, 3)),
        id="31 a pool of no sample",
    ),
    param(
        lambda: R(0, 4, 4).view(-1, 16),
        (0, 16),
        lambda: reshape((0, 4, 4), -1, 16),
        id="31 view(-1, 16) of no sample",
    ),
    param(
        lambda: R(0, 4, 4).view(0, -1),
        None,
        lambda: reshape((0, 4, 4), 0, -1),
        id="31 view(0, -1) of no sample",
    ),
    param(
        lambda: R(0, 4, 4).flatten(1),
        (0, 16),
        lambda: ar.flatten_shape((0, 4, 4), 1),
        id="31 flatten(1) of no sample",
    ),
    param(
        lambda: nn.PixelUnshuffle(2)(R(0, 1, 4, 4)),
        (0, 1, 4, 4),
        lambda: ar.pixel_unshuffle_shape((0, 1, 4, 4), 2),
        id="31 pixel unshuffle of no sample keeps the shape",
    ),
    param(
        lambda: F.interpolate(R(0, 1, 4, 4), scale_factor=2),
        (0, 1, 8, 8),
        lambda: interpolate((0, 1), (4, 4), scale_factor=2),
        id="31 interpolation of no sample",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, padding=2)(R(1, 1, 0, 5)),
        None,
        lambda: conv((0, 5), 3, 1, 2),
        id="32 padding does not save an empty map",
    ),
    param(
        lambda: F.interpolate(R(1, 1, 0, 4), size=(3, 3), mode="bilinear"),
        None,
        lambda: interpolate((1, 1), (0, 4), "bilinear", size=3),
        id="32 bilinear of an empty map",
    ),
    param(
        lambda: R(2, 0).max(1)[0],
        None,
        lambda: ar.maximum_refusal(0),
        id="32 the maximum of nothing",
    ),
    param(
        lambda: R(2, 0).mean(1),
        (2,),
        lambda: (2,),
        id="32 the mean of nothing",
    ),
    param(
        lambda: R(2, 12).view(-1, 8),
        (3, 8),
        lambda: reshape((2, 12), -1, 8),
        id="33 view(-1, K) folds the batch",
    ),
    param(
        lambda: R(2, 12).view(-1, 5),
        None,
        lambda: reshape((2, 12), -1, 5),
        id="33 where the count does not divide",
    ),
    param(
        lambda: torch.cat([R(2, 3, 4, 4), R(0)], 1),
        (2, 3, 4, 4),
        lambda: cat([(2, 3, 4, 4), (0,)], 1),
        id="34 cat skips a tensor of shape (0,)",
    ),
    param(
        lambda: torch.cat([R(2, 3, 4, 4), R(0, 1)], 1),
        None,
        lambda: cat([(2, 3, 4, 4), (0, 1)], 1),
        id="34 but not one of shape (0, 1)",
    ),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("call", "shape", "ours"), ROWS)
def test_batch(
    call: Callable[[], Any],
    shape: Shape | None,
    ours: Callable[[], Shape | str | None],
    check_pitfall: Callable[..., None],
) -> None:
    check_pitfall(call, shape, ours())
