"""Windows, resizing and norms as functions: rule against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional

AssertMatches = Callable[[str, Callable[[], Any]], None]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


CALLS: dict[str, list[Callable[[], Any]]] = {
    # windows
    "unfold": [
        lambda: F.unfold(rand(1, 3, 10, 9), (2, 3), dilation=2, padding=1, stride=2),
        lambda: F.unfold(rand(3, 8, 8), 3),
    ],
    "fold": [lambda: F.fold(rand(1, 12, 4), (5, 5), 2, stride=2)],
    "tensor_unfold": [lambda: rand(2, 3, 10).unfold(2, 4, 3)],
    "max_pool2d": [
        lambda: F.max_pool2d(rand(1, 2, 9, 9), 2),
        lambda: F.max_pool2d(rand(2, 9, 9), (3, 2), stride=(2, 1), padding=1, return_indices=True),
        lambda: F.max_pool2d(rand(1, 1, 8, 8), 2, stride=[]),
        lambda: torch.max_pool2d(rand(1, 2, 7, 7), 2, 2, 1, 1, True),
    ],
    "avg_pool1d": [lambda: F.avg_pool1d(rand(1, 2, 9), 3, ceil_mode=True)],
    "avg_pool3d": [lambda: F.avg_pool3d(rand(1, 2, 4, 5, 6), 2, count_include_pad=False)],
    "lp_pool2d": [lambda: F.lp_pool2d(rand(1, 2, 9, 9), 2, 3, stride=2)],
    "adaptive_avg_pool2d": [lambda: F.adaptive_avg_pool2d(rand(1, 2, 9, 9), (None, 3))],
    "adaptive_max_pool1d": [lambda: F.adaptive_max_pool1d(rand(1, 2, 9), 4, return_indices=True)],
    "fractional_max_pool2d": [
        lambda: F.fractional_max_pool2d(rand(1, 2, 9, 9), 2, output_ratio=(0.5, 0.6)),
        lambda: F.fractional_max_pool2d(rand(1, 2, 9, 9), 2, output_size=(4, 3)),
    ],
    "max_unpool2d": [
        lambda: F.max_unpool2d(*F.max_pool2d(rand(1, 1, 7, 6), 2, return_indices=True), 2),
        lambda: F.max_unpool2d(
            *F.max_pool2d(rand(1, 1, 7, 6), 2, return_indices=True), 2, output_size=(1, 1, 7, 6)
        ),
    ],
    "conv1d": [lambda: F.conv1d(rand(1, 4, 9), rand(6, 2, 3), groups=2, stride=2)],
    "conv2d": [
        lambda: F.conv2d(rand(1, 2, 8, 9), rand(4, 2, 2, 3), padding=(1, 0), dilation=2),
        lambda: F.conv2d(rand(2, 8, 9), rand(4, 2, 3, 3), rand(4), padding="same"),
    ],
    "conv3d": [lambda: F.conv3d(rand(1, 2, 4, 5, 6), rand(3, 2, 2, 2, 2), padding="valid")],
    "conv_transpose2d": [
        lambda: F.conv_transpose2d(
            rand(1, 2, 4, 5), rand(2, 3, 3, 3), stride=2, output_padding=(1, 0), groups=1
        ),
        lambda: F.conv_transpose2d(rand(1, 4, 4, 5), rand(4, 3, 2, 2), groups=2),
    ],
    "pad": [
        lambda: F.pad(rand(1, 1, 6, 8), (1, -2, -3, 0)),
        lambda: F.pad(rand(1, 1, 6), [2, 1], mode="reflect"),
        lambda: F.pad(rand(1, 1, 6), (torch.tensor(2), torch.tensor(1)), mode="reflect"),
        lambda: F.pad(rand(2, 3), (1, 1, 2, 2), value=1.0),
    ],
    "interpolate": [
        lambda: F.interpolate(rand(1, 1, 5, 7), scale_factor=1.5),
        lambda: F.interpolate(rand(1, 1, 5, 7), size=(3, 4), mode="bilinear"),
        lambda: F.interpolate(rand(1, 1, 5), 9),
        lambda: F.interpolate(rand(1, 1, 5, 5), size=7, mode="area"),
    ],
    "pixel_shuffle": [lambda: F.pixel_shuffle(rand(1, 8, 3, 4), 2)],
    "pixel_unshuffle": [lambda: F.pixel_unshuffle(rand(2, 6, 4), 2)],
    "channel_shuffle": [lambda: F.channel_shuffle(rand(1, 6, 2, 2), 3)],
    "grid_sample": [lambda: F.grid_sample(rand(2, 3, 5, 5), rand(2, 4, 6, 2), align_corners=False)],
    "affine_grid": [lambda: F.affine_grid(rand(2, 2, 3), [2, 3, 4, 5], align_corners=False)],
    "deform_conv2d": [lambda: _deformed()],
    "roi_align": [lambda: _regions()],
    "batch_norm": [lambda: F.batch_norm(rand(2, 3, 4), rand(3), rand(3))],
    "layer_norm": [lambda: F.layer_norm(rand(2, 3, 4), (3, 4))],
    "group_norm": [lambda: F.group_norm(rand(2, 6, 4), 3)],
    "rms_norm": [lambda: F.rms_norm(rand(2, 4), (4,))],
    "dropout": [lambda: F.dropout(rand(2, 3), 0.5, training=False)],
    "prelu": [lambda: F.prelu(rand(2, 3), rand(3))],
}


def _deformed() -> Any:
    from torchvision.ops import deform_conv2d

    return deform_conv2d(
        rand(1, 2, 8, 9), rand(1, 18, 3, 7), rand(4, 2, 3, 3), stride=(2, 1), padding=(0, 0)
    )


def _regions() -> Any:
    from torchvision.ops import roi_align

    return roi_align(rand(1, 2, 8, 8), [rand(3, 4)], (3, 2))


CASES = [
    pytest.param(op, call, id=f"{op}-{number}")
    for op, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("op", "call"), CASES)
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_windows(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)
