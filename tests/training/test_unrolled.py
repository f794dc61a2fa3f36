"""Unrolled convolutions give what PyTorch's give, forwards and backwards, or stand aside."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from shapescope.training.quick import QuickOperations
from shapescope.training.unrolled import unrolled_convolution


def drawn(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float32)


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("kernel", [(5, 5), (3, 1), (2, 4)])
@pytest.mark.parametrize("padding", [0, 2, (1, 0), (3,)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_results_and_gradients_are_those_of_pytorch(
    channels: int, kernel: tuple[int, int], padding: Any, dilation: Any, layout: Any
) -> None:
    inputs = (drawn(3, channels, 9, 11), drawn(7, channels, *kernel), drawn(7))
    found = []
    for function in (F.conv2d, unrolled_convolution):
        images, weight, bias = (value.clone().requires_grad_() for value in inputs)
        lying = images.contiguous(memory_format=layout)
        result = function(lying, weight, bias, padding=padding, dilation=dilation)
        assert result is not None
        gradients = torch.autograd.grad(result, (images, weight, bias), drawn(*result.shape))
        found.append((result, *gradients))
    for theirs, ours in zip(*found, strict=True):
        assert theirs.shape == ours.shape
        assert torch.allclose(theirs, ours, rtol=1e-4, atol=1e-4)


def test_the_images_of_a_batch_come_to_lie_next_to_each_other() -> None:
    result = unrolled_convolution(drawn(4, 1, 6, 6), drawn(2, 1, 3, 3))
    assert result is not None
    assert result.stride() == (1, 64, 16, 4)
    assert torch.allclose(
        result, F.conv2d(drawn(4, 1, 6, 6), drawn(2, 1, 3, 3)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"stride": 2},
        {"stride": (1, 2)},
        {"padding": "same"},
        {"groups": 2, "weight": drawn(4, 3, 3, 3)},
        {"weight": drawn(4, 6, 6, 6)},
        {"input": drawn(2, 16, 8, 8), "weight": drawn(4, 16, 3, 3)},
        {"input": drawn(6, 8, 8)},
        {"input": drawn(2, 6, 8, 8).double(), "weight": drawn(4, 6, 3, 3).double()},
    ],
)
def test_other_arguments_are_left_to_pytorch(arguments: dict[str, Any]) -> None:
    given = {"input": drawn(2, 6, 8, 8), "weight": drawn(4, 6, 3, 3)} | arguments
    assert unrolled_convolution(**given) is None
    with QuickOperations(compiled=True):
        assert F.conv2d(**given).equal(F.conv2d(**given))
    assert F.conv2d(**given).ndim in (3, 4)


def test_only_what_will_be_compiled_is_unrolled() -> None:
    images, weight = drawn(2, 6, 8, 8).requires_grad_(), drawn(4, 6, 3, 3)
    for compiled, kind in ((True, "_UnrolledBackward"), (False, "ConvolutionBackward0")):
        with QuickOperations(compiled=compiled):
            result = F.conv2d(images, weight)
        step = result.grad_fn
        assert step is not None
        names = {type(step).__name__}
        names |= {type(before).__name__ for before, _ in step.next_functions}
        assert kind in names


@pytest.mark.parametrize("function", [torch.tanh, torch.Tensor.tanh])
@pytest.mark.parametrize("compiled", [True, False])
def test_tanh_is_within_its_bound(function: Any, compiled: bool) -> None:
    numbers = torch.cat([torch.linspace(-12, 12, 100_001), torch.tensor([-1e30, 1e30, -0.0])])
    results = []
    for mode in (None, QuickOperations(compiled=compiled)):
        leaf = numbers.clone().requires_grad_()
        if mode is None:
            result = function(leaf)
        else:
            with mode:
                result = function(leaf)
        (gradient,) = torch.autograd.grad(result.sum(), leaf)
        results.append((result.detach(), gradient))
    (theirs, their_gradient), (ours, our_gradient) = results
    assert float((theirs - ours).abs().max()) <= 2e-7
    assert float((their_gradient - our_gradient).abs().max()) <= 4e-7
    assert not theirs.equal(ours)  # else it went PyTorch's way
