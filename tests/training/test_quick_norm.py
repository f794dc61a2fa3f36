"""Batch normalisation by whole planes against PyTorch's own, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from shapescope.training.quick import QuickOperations


def trained(layer: nn.BatchNorm2d, images: torch.Tensor, *, quick: bool) -> list[torch.Tensor]:
    """Result, gradients of images, weight and bias, and the statistics after one step."""
    leaf = images.clone(memory_format=torch.preserve_format).requires_grad_()
    if quick:
        with QuickOperations():
            result = layer(leaf)
    else:
        result = layer(leaf)
    weights = torch.linspace(-1, 2, result.numel(), dtype=result.dtype).view(result.shape)
    torch.autograd.backward(result, weights)
    assert leaf.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
    kept = [layer.running_mean, layer.running_var]
    found = [result.detach(), leaf.grad, layer.weight.grad, layer.bias.grad]
    return found + [value.clone() for value in kept if value is not None]


def layer_of(channels: int, **options: float | bool) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2, channels))
        layer.bias.copy_(torch.linspace(-1, 1, channels))
    return layer


@pytest.mark.parametrize("mean", [0.0, 300.0])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 6, 12, 10), {}),
        ((64, 16, 5, 5), {"momentum": 0.3, "eps": 1e-3}),
        ((2, 1, 1, 1), {}),
        ((4, 3, 7, 7), {"track_running_stats": False}),
    ],
)
def test_it_is_as_exact_as_pytorch(
    shape: tuple[int, ...], options: dict[str, float | bool], mean: float
) -> None:
    images = torch.randn(shape, generator=torch.Generator().manual_seed(3)) * 2 + mean
    exact = trained(layer_of(shape[1], **options).double(), images.double(), quick=False)
    theirs = trained(layer_of(shape[1], **options), images, quick=False)
    ours = trained(layer_of(shape[1], **options), images, quick=True)
    assert len(ours) == (4 if options.get("track_running_stats") is False else 6)
    for true, reference, found in zip(exact, theirs, ours, strict=True):
        rounding = (reference.double() - true).abs().max()
        allowed = 4 * rounding + 1e-5 * true.abs().max() + 1e-7
        assert (found.double() - true).abs().max() <= allowed


def test_it_is_taken_for_contiguous_images_in_training() -> None:
    layer, images = layer_of(3), torch.rand(4, 3, 6, 6)
    with QuickOperations():
        assert type(layer(images).grad_fn).__name__ == "_BatchNormBackward"


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(4, 3, 6, 6).contiguous(memory_format=torch.channels_last),
        torch.rand(4, 3, 6, 6, dtype=torch.float64),
    ],
)
def test_other_images_are_left_to_pytorch(images: torch.Tensor) -> None:
    theirs = trained(layer_of(3).to(images.dtype), images, quick=False)
    ours = trained(layer_of(3).to(images.dtype), images, quick=True)
    assert all(torch.equal(a, b) for a, b in zip(theirs, ours, strict=True))


def test_what_is_not_trained_is_left_to_pytorch() -> None:
    images, layer = torch.rand(4, 3, 6, 6), layer_of(3).eval()
    before = layer(images)
    with QuickOperations():
        assert torch.equal(layer(images), before)
        plain = F.batch_norm(images, None, None, training=True)
    assert torch.equal(plain, F.batch_norm(images, None, None, training=True))


def test_one_number_a_channel_is_refused_as_by_pytorch() -> None:
    layer = layer_of(3)
    with QuickOperations(), pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(torch.rand(1, 3, 1, 1))
