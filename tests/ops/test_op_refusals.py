"""What torch's CPU refuses, a rule refuses with this call's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional
from torch import nn

from shapescope.ops import lookup
from shapescope.trace import Step

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional
StepOf = Callable[..., Step]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


def ints(*shape: int, below: int = 2) -> Any:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % below


def stft(shape: tuple[int, ...], **settings: Any) -> Any:
    return torch.stft(rand(*shape), 16, 4, window=torch.ones(16), return_complex=True, **settings)


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: stft((2, 8)), "a reflection of 8 values needs more than 8, but 8 arrive"),
    (
        lambda: stft((2, 15), center=False),
        "a window of 16 values is longer than the 15 that arrive",
    ),
    (
        lambda: stft((2, 1, 99)),
        "a signal has one axis, or a batch in front of it, not 2 x 1 x 99",
    ),
    (
        lambda: F.conv2d(rand(1, 3, 8, 8), rand(4, 2, 3, 3)),
        "the layer takes 2 channels, but 3 arrive",
    ),
    (
        lambda: F.conv2d(rand(1, 2, 2, 2), rand(4, 2, 3, 3), stride=2),
        "a 3 x 3 window does not fit on a 2 x 2 map",
    ),
    (
        lambda: F.conv2d(rand(2, 8), rand(4, 2, 3, 3)),
        "the input has rank 2, but 3 or 4 is needed",
    ),
    (
        lambda: F.conv2d(rand(1, 8, 8, 8), rand(6, 2, 3, 3), groups=4),
        "out_channels 6 is not divisible by groups 4",
    ),
    (
        lambda: F.conv_transpose2d(rand(1, 1, 7, 7), rand(1, 1, 3, 3), stride=2, output_padding=2),
        "output_padding 2 x 2 has to be smaller than the stride 2 x 2 or than the dilation 1 x 1",
    ),
    (
        lambda: F.max_pool2d(rand(1, 1, 8, 8), 3, padding=2),
        "padding 2 x 2 is more than half of the kernel size 3 x 3",
    ),
    (
        lambda: F.adaptive_max_pool2d(rand(1, 1, 0, 3), 1),
        "the 0 x 3 map is empty along spatial axis 0",
    ),
    (
        lambda: F.fractional_max_pool2d(rand(1, 1, 10, 10), 3, output_size=(9, 9)),
        "output 9 x 9 + kernel size 3 x 3 - 1 has to be at most the 10 x 10 map",
    ),
    (
        lambda: F.fold(rand(1, 12, 9), (4, 5), 2),
        "an output of 4 x 5 takes 3 x 4 = 12 windows, but 9 arrive",
    ),
    (lambda: rand(2, 3).unfold(1, 4, 1), "a window of 4 does not fit on an axis of 3"),
    (lambda: rand(2, 3).unfold(5, 4, 1), "2 x 3 has no axis 5"),
    (
        lambda: F.pad(rand(1, 1, 4), (4, 0), mode="reflect"),
        "reflect padding 4, 0 has to be smaller than the size 4",
    ),
    (
        lambda: F.interpolate(rand(3, 4, 4), scale_factor=2, mode="bilinear"),
        "mode 'bilinear' takes an input of rank 4, not 3",
    ),
    (
        lambda: F.pixel_shuffle(rand(1, 6, 9, 6), 2),
        "6 channels are not divisible by 2^2 = 4",
    ),
    (
        lambda: F.pixel_unshuffle(rand(1, 2, 9, 6), 2),
        "height 9 is not divisible by 2",
    ),
    (
        lambda: F.grid_sample(rand(2, 3, 5, 5), rand(1, 4, 5, 2), align_corners=False),
        "the batch is 2, but the grid's is 1; nothing broadcasts",
    ),
    (lambda: F.linear(rand(2, 3), rand(5, 4)), "the layer takes 4 features, but 3 arrive"),
    (
        lambda: F.bilinear(rand(2, 3), rand(2, 5), rand(5, 3, 4)),
        "in2_features is 4, but 5 arrive",
    ),
    (lambda: rand(2, 3) @ rand(4, 5), "2 x 3 @ 4 x 5: the inner sizes 3 and 4 differ"),
    (
        lambda: torch.bmm(rand(2, 3, 4), rand(3, 4, 5)),
        "2 x 3 x 4 and 3 x 4 x 5 are batches of different size",
    ),
    (
        lambda: torch.mm(rand(2, 3, 4), rand(4, 5)),
        "mm takes ranks 2 and 2, not 2 x 3 x 4 and 4 x 5",
    ),
    (
        lambda: torch.addmm(rand(3), rand(2, 3), rand(3, 4)),
        "3 cannot be added to the product, which is 2 x 4",
    ),
    (
        lambda: rand(32, 256).view(-1, 400),
        "32 x 256 = 8192 values cannot be cut into pieces of 400",
    ),
    (lambda: rand(2, 3).reshape(4, 2), "2 x 3 = 6 values are not 4 x 2 = 8"),
    (lambda: rand(2, 3).flatten(2), "axis 2 is outside a tensor of rank 2"),
    (
        lambda: rand(1, 128, 16, 16) + rand(1, 64, 32, 32),
        "1 x 128 x 16 x 16 and 1 x 64 x 32 x 32 do not broadcast; axis 1: 128 != 64, "  # noqa: ISC004
        "axis 2: 16 != 32, axis 3: 16 != 32",
    ),
    (
        lambda: torch.cat([rand(2, 3, 4), rand(2, 3, 5)], 1),
        "2 x 3 x 4 and 2 x 3 x 5 differ along axis 2",
    ),
    (
        lambda: torch.stack([rand(2, 3), rand(2, 4)]),
        "2 x 3 and 2 x 4 differ; stack takes equal shapes",
    ),
    (lambda: rand(2, 6).split([2, 3], 1), "2 + 3 = 5, but axis 1 has 6"),
    (lambda: rand(2, 3).permute(0, 0), "permute(0, 0) does not name each of the 2 axes once"),
    (lambda: rand(2, 3).expand(2, 4), "axis 1 is 3, which does not expand to 4"),
    (lambda: rand(2, 3).repeat(2), "1 counts are given for the 2 axes of 2 x 3"),
    (lambda: rand(2, 3)[:, 3], "index 3 is out of range for axis 1 with size 3"),
    (lambda: rand(2, 3)[0, 0, 0], "the index has more items than 2 x 3 has axes"),
    (lambda: rand(2, 3)[torch.ones(3, dtype=torch.bool)], "a mask of 3 does not cover 2"),
    (
        lambda: rand(4, 2, 3)[:, torch.ones(2, 4, dtype=torch.bool)],
        "a mask of 2 x 4 does not cover 2 x 3",
    ),
    (
        lambda: rand(8, 3, 3).__setitem__(torch.ones(16, 3, 3, dtype=torch.bool), 0),
        "a mask of 16 x 3 x 3 does not cover 8 x 3 x 3",
    ),
    (lambda: rand(2, 3).select(1, 3), "index 3 is out of range for axis 1 with size 3"),
    (lambda: rand(2, 3).narrow(1, 2, 2), "2 values from 2 on are not in axis 1 of size 3"),
    (lambda: rand(2, 3).topk(4), "the largest 4 of the 3 along axis 1 do not exist"),
    (
        lambda: rand(2, 3).gather(1, ints(3, 1)),
        "the index 3 x 1 is larger than 2 x 3 along axis 0",
    ),
    (lambda: rand(2, 3).sum(2), "2 x 3 has no axis 2"),
    (
        lambda: rand(2, 0).max(1),
        "axis 1 is empty: over nothing there is no maximum and no minimum",
    ),
    (lambda: F.softmax(rand(2, 3), dim=2), "2 x 3 has no axis 2"),
    (lambda: F.glu(rand(2, 3)), "axis 1 is 3, which cannot be halved"),
    (
        lambda: F.batch_norm(rand(2, 3, 4), rand(5), rand(5)),
        "the layer takes 5 channels, but 3 arrive",
    ),
    (
        lambda: F.batch_norm(rand(1, 3, 1, 1), None, None, training=True),
        "a mean over one value a channel says nothing: batch 1 and a map of 1 in train mode",
    ),
    (lambda: F.group_norm(rand(2, 6, 4), 4), "6 channels cannot be cut into 4 groups"),
    (
        lambda: torch.kthvalue(rand(2, 3), 4),
        "of the 3 along axis 1 there is no smallest number 4",
    ),
    (lambda: torch.topk(rand(()), 2), "the largest 2 of the 1 along axis 0 do not exist"),
    (
        lambda: torch.chunk(rand(4), 0),
        "0 pieces are asked for, but it has to be at least 1",
    ),
    (
        lambda: F.layer_norm(rand(2, 3), ()),
        "normalized_shape names no axis, but one at least is normalised",
    ),
    (lambda: F.group_norm(rand(6), 2), "6 has 1 axes, but at least 2 are needed"),
    (lambda: F.channel_shuffle(rand(2, 6), 2), "2 x 6 has 2 axes, but at least 3 are needed"),
    (
        lambda: F.interpolate(rand(1, 3, 4, 4), size=(8, 8, 8)),
        "3 sizes are given for 2 spatial axes",
    ),
    (
        lambda: torch.cross(rand(2, 4), rand(2, 4)),
        "2 x 4 and 2 x 4: no axis of size 3, for 3 coordinates",
    ),
    (lambda: rand(2, 3).transpose(0, 2), "2 x 3 has no axis 2"),
    (
        lambda: torch.einsum("bij,bjk->bik", rand(2, 3, 4), rand(2, 5, 6)),
        "axis j is 4 in one operand, but 5 in another",
    ),
    (
        lambda: F.prelu(rand(2, 3, 4), rand(4)),
        "there are 4 slopes, but 3 channels in 2 x 3 x 4",
    ),
    (
        lambda: F.mse_loss(rand(4, 2), rand(3, 2)),
        "4 x 2 and 3 x 2 do not broadcast; axis 0: 4 != 3",
    ),
    (
        lambda: rand(3, 4).scatter(1, ints(3, 5), rand(3, 4)),
        "the index 3 x 5 is larger than 3 x 4 along axis 1",
    ),
    (
        lambda: F.layer_norm(rand(2, 3, 4), (3,)),
        "the layer takes 3 as last axes, but 2 x 3 x 4 arrives",
    ),
    (
        lambda: F.scaled_dot_product_attention(rand(2, 5, 8), rand(2, 7, 6), rand(2, 7, 6)),
        "the query has 8 features a head, but the key has 6",
    ),
    (
        lambda: F.cross_entropy(rand(4, 3), ints(5)),
        "there are scores of 4 samples, but targets of 5",
    ),
    (
        lambda: F.binary_cross_entropy(rand(4, 1), rand(4)),
        "input 4 x 1 and target 4 differ",
    ),
]


@pytest.mark.parametrize(("call", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
def test_both_refuse(step_of: StepOf, call: Callable[[], Any], reason: str) -> None:
    with pytest.raises((RuntimeError, ValueError, IndexError, NotImplementedError)):
        call()
    step = step_of(call)
    assert step.outputs == ()
    assert lookup(step.op).refusal(step) == reason


LAYERS: list[tuple[nn.Module, tuple[Any, ...], str]] = [
    (nn.Linear(400, 120), (rand(1, 256),), "the layer takes 400 features, but 256 arrive"),
    (nn.BatchNorm2d(3), (rand(1, 4, 2, 2),), "the layer takes 3 channels, but 4 arrive"),
    (nn.LSTM(3, 4), (rand(5, 2, 4),), "the layer takes 3 features, but 4 arrive"),
    (
        nn.LSTM(3, 4, batch_first=True),
        (rand(5, 2, 3), (rand(1, 2, 4), rand(1, 2, 4))),
        "the hidden state is 1 x 2 x 4, but 1 x 5 x 4 is needed",
    ),
    (nn.GRUCell(3, 4), (rand(2, 5),), "the layer takes 3 features, but 5 arrive"),
    (
        nn.MultiheadAttention(8, 2),
        (rand(5, 2, 8), rand(6, 3, 8), rand(6, 3, 8)),
        "the batch is 2 in the query, but 3 in the key",
    ),
    (
        nn.MultiheadAttention(8, 2),
        (rand(5, 2, 6), rand(5, 2, 8), rand(5, 2, 8)),
        "the query has 6 features, but 8 are taken",
    ),
    (
        nn.Conv2d(1, 1, 3, dilation=0),
        (rand(1, 1, 8, 8),),
        "dilation is 0 x 0, but has to be at least 1",
    ),
]


@pytest.mark.parametrize(("layer", "inputs", "reason"), LAYERS, ids=[one[-1] for one in LAYERS])
def test_both_refuse_a_layer(
    step_of: StepOf, layer: nn.Module, inputs: tuple[Any, ...], reason: str
) -> None:
    step = step_of(layer, *inputs)
    assert step.outputs == ()
    assert lookup(step.op).refusal(step) == reason


def test_a_count_that_is_a_tensor_is_not_taken_for_none(step_of: StepOf) -> None:
    step = step_of(lambda: torch.rand(1, 1, 8).repeat(2, torch.tensor(3), 1), mode="fake")
    assert step.op == "repeat"
    assert lookup(step.op).refusal(step) is None
