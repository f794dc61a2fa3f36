"""Pitfalls of PyTorch's size arithmetic: convolution (11 to 20).

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
from tests.arithmetic.answers import Shape, conv, transposed

R = torch.rand


ROWS = [
    param(
        lambda: nn.Conv2d(1, 1, 3, stride=2)(R(1, 1, 2, 2)),
        None,
        lambda: conv((2, 2), 3, 2),
        id="11 a window larger than the map",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, stride=2, dilation=3)(R(1, 1, 7, 6)),
        None,
        lambda: conv((7, 6), 3, 2, 0, 3),
        id="11 dilation counts",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, stride=2, dilation=3)(R(1, 1, 8, 7)),
        (1, 1, 1, 1),
        lambda: conv((8, 7), 3, 2, 0, 3),
        id="11 it just fits",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 4, padding="same")(R(1, 1, 9, 10)),
        (1, 1, 9, 10),
        lambda: conv((9, 10), 4, 1, "same"),
        id="12 same with an even kernel",
    ),
    param(
        lambda: nn.Conv2d(1, 1, (2, 3), padding="same", dilation=(3, 2))(R(1, 1, 9, 10)),
        (1, 1, 9, 10),
        lambda: conv((9, 10), (2, 3), 1, "same", (3, 2)),
        id="12 same with dilation",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"),
        None,
        lambda: conv((9, 10), 3, 2, "same"),
        id="12 same with a stride",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 5, padding=3, padding_mode="reflect")(R(1, 1, 3, 9)),
        None,
        lambda: conv((3, 9), 5, 1, 3, padding_mode="reflect"),
        id="13 reflect needs padding < size",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 5, padding=3, padding_mode="reflect")(R(1, 1, 4, 9)),
        (1, 1, 6, 11),
        lambda: conv((4, 9), 5, 1, 3, padding_mode="reflect"),
        id="13 reflect",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 5, padding=3, padding_mode="circular")(R(1, 1, 3, 9)),
        (1, 1, 5, 11),
        lambda: conv((3, 9), 5, 1, 3, padding_mode="circular"),
        id="13 circular allows padding = size",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 5, padding=3, padding_mode="circular")(R(1, 1, 2, 9)),
        None,
        lambda: conv((2, 9), 5, 1, 3, padding_mode="circular"),
        id="13 circular needs padding <= size",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 5, padding=3, padding_mode="replicate")(R(1, 1, 1, 9)),
        (1, 1, 3, 11),
        lambda: conv((1, 9), 5, 1, 3, padding_mode="replicate"),
        id="13 replicate has no limit",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, padding=(1,))(R(1, 1, 8, 8)),  # type: ignore[arg-type]
        (1, 1, 8, 8),
        lambda: conv((8, 8), 3, 1, (1,)),
        id="14 padding of one entry is spread",
    ),
    param(
        lambda: nn.MaxPool2d((3,))(R(1, 1, 8, 8)),
        (1, 1, 2, 2),
        lambda: (1, 1, *map(ar.pool_output, (8, 8), ar.per_axis((3,), 2))),
        id="14 a pool's kernel too",
    ),
    param(
        lambda: nn.Conv2d(1, 1, (3,))(R(1, 1, 8, 8)),  # type: ignore[arg-type]
        None,
        lambda: ar.rank_refusal(4, (len((3,)) + 1, len((3,)) + 2)),
        id="14 a convolution's kernel makes a weight of rank 3",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, stride=0)(R(1, 1, 8, 8)),
        None,
        lambda: conv((8, 8), 3, 0),
        id="15 stride 0",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, dilation=0)(R(1, 1, 8, 8)),
        None,
        lambda: conv((8, 8), 3, 1, 0, 0),
        id="15 dilation 0",
    ),
    param(
        lambda: F.conv2d(R(1, 1, 8, 8), R(1, 1, 0, 0)),
        None,
        lambda: conv((8, 8), 0),
        id="15 kernel 0",
    ),
    param(
        lambda: nn.Conv2d(1, 1, 3, padding=-1)(R(1, 1, 8, 8)),
        None,
        lambda: conv((8, 8), 3, 1, -1),
        id="15 negative padding",
    ),
    param(
        lambda: nn.Conv2d(6, 8, 3, groups=4),
        None,
        lambda: ar.groups_refusal(6, 8, 4),
        id="16 groups that do not divide in_channels",
    ),
    param(
        lambda: nn.Conv2d(8, 6, 3, groups=4),
        None,
        lambda: ar.groups_refusal(8, 6, 4),
        id="16 groups that do not divide out_channels",
    ),
    param(
        lambda: F.conv2d(R(1, 8, 8, 8), R(6, 2, 3, 3), groups=4),
        None,
        lambda: ar.groups_refusal(8, 6, 4),
        id="16 as a function, which meta accepts",
    ),
    param(
        lambda: nn.ConvTranspose2d(
            1, 1, 3, stride=2, padding=(1, 0), output_padding=(1, 0), dilation=(1, 2)
        )(R(1, 1, 5, 5)),
        (1, 1, 10, 13),
        lambda: transposed((5, 5), 3, 2, (1, 0), (1, 0), (1, 2)),
        id="17 transposed, an argument per axis",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 3, stride=2, dilation=3, output_padding=2)(R(1, 1, 7, 7)),
        (1, 1, 21, 21),
        lambda: transposed((7, 7), 3, 2, 0, 2, 3),
        id="18 output_padding below the dilation",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 3, stride=1, padding=2, dilation=2, output_padding=1)(
            R(1, 1, 7, 7)
        ),
        (1, 1, 8, 8),
        lambda: transposed((7, 7), 3, 1, 2, 1, 2),
        id="18 output_padding equal to the stride, below the dilation",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 3, stride=2, output_padding=2)(R(1, 1, 7, 7)),
        None,
        lambda: transposed((7, 7), 3, 2, 0, 2),
        id="18 output_padding below neither, which meta accepts",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)(
            R(1, 1, 7, 7), output_size=(14, 13)
        ),
        (1, 1, 14, 13),
        lambda: transposed(
            (7, 7), 3, 2, 1, ar.transposed_output_padding((7, 7), (14, 13), 3, 2, 1)
        ),
        id="19 output_size chooses output_padding",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)(
            R(1, 1, 7, 7), output_size=(15, 13)
        ),
        None,
        lambda: str(ar.transposed_output_padding((7, 7), (15, 13), 3, 2, 1)),
        id="19 up to stride - 1",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 2, padding=1)(R(1, 1, 1, 1)),
        None,
        lambda: transposed((1, 1), 2, 1, 1),
        id="20 an output of 0 on ATen's kernel",
    ),
    param(
        lambda: nn.ConvTranspose2d(3, 4, 2, padding=1)(R(2, 3, 1, 1)),
        (2, 4, 0, 0),
        lambda: transposed((1, 1), 2, 1, 1, front=(2, 4), batch=2, channels=3),
        id="20 an output of 0 on oneDNN",
    ),
    param(
        lambda: F.conv_transpose2d(R(1, 2, 1, 1), R(2, 1, 2, 2), padding=1, groups=2),
        (1, 2, 0, 0),
        lambda: transposed((1, 1), 2, 1, 1, front=(1, 2), channels=2, groups=2),
        id="20 groups run on oneDNN",
    ),
    param(
        lambda: F.conv_transpose2d(R(16, 4, 2, 2), R(4, 1, 1, 1), padding=1),
        (16, 1, 0, 0),
        lambda: transposed((2, 2), 1, 1, 1, front=(16, 1), batch=16, channels=4),
        id="20 a 1 x 1 window runs on oneDNN from batch 16",
    ),
    param(
        lambda: F.conv_transpose2d(R(1, 20481, 1, 1), R(20481, 1, 2, 2), padding=1),
        (1, 1, 0, 0),
        lambda: transposed((1, 1), 2, 1, 1, channels=20481),
        id="20 a single sample on oneDNN",
    ),
    param(
        lambda: F.conv_transpose2d(R(1, 20480, 1, 1), R(20480, 1, 2, 2), padding=1),
        None,
        lambda: transposed((1, 1), 2, 1, 1, channels=20480),
        id="20 a single sample that is one value too small for it",
    ),
    param(
        lambda: nn.ConvTranspose2d(1, 1, 2, padding=1)(R(1, 1, 1, 5)),
        None,
        lambda: transposed((1, 5), 2, 1, 1),
        id="20 one axis of 0",
    ),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("call", "shape", "ours"), ROWS)
def test_convolution(
    call: Callable[[], Any],
    shape: Shape | None,
    ours: Callable[[], Shape | str | None],
    check_pitfall: Callable[..., None],
) -> None:
    check_pitfall(call, shape, ours())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_puts_the_odd_zero_on_the_right() -> None:
    impulse = torch.tensor([[[1.0, 0, 0, 0, 0]]])
    made = F.conv1d(impulse, torch.ones(1, 1, 4), padding="same").flatten().tolist()
    assert made == [1, 1, 0, 0, 0]
    before, after = ar.same_padding(4)
    assert (before, after) == (1, 2)
    assert [float(o - before <= 0 <= o + after) for o in range(5)] == made


def test_a_transposed_convolution_knows_no_same() -> None:
    with pytest.raises(TypeError):
        nn.ConvTranspose2d(1, 1, 3, padding="same")(R(1, 1, 4, 4))  # type: ignore[arg-type]
