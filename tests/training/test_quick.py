"""The quicker operations give what PyTorch's give, forwards and backwards, or stand aside."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from shapescope.networks import CNN, ConvNeuralNet, LeNet5, MyLeNet5, Network
from shapescope.training.allocator import keep_freed_memory
from shapescope.training.datasets.pixels import MemoryPixels, Split
from shapescope.training.engine import Way, make_step
from shapescope.training.evaluation import evaluate
from shapescope.training.quick import AnyLayout, QuickOperations, ReducedPooling
from shapescope.training.recipes import recipe_for
from shapescope.training.transforms import preparation

LENET = LeNet5()
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def both(
    function: Any, images: torch.Tensor, **options: Any
) -> tuple[tuple[torch.Tensor, torch.Tensor, str], ...]:
    """PyTorch's result, gradient and kind of step, and the quicker ones."""
    found = []
    for mode in (None, QuickOperations()):
        leaf = images.clone(memory_format=torch.preserve_format).requires_grad_()
        if mode is None:
            result = function(leaf, **options)
        else:
            with mode:
                result = function(leaf, **options)
        weights = torch.linspace(-1, 1, result.numel(), dtype=torch.float64).view(result.shape)
        torch.autograd.backward(result, weights.to(result.dtype))
        assert leaf.grad is not None
        found.append((result.detach(), leaf.grad, type(result.grad_fn).__name__))
    return tuple(found)


def ties(shape: tuple[int, ...], layout: torch.memory_format) -> torch.Tensor:
    """Images of the numbers 0, 1 and 2: most windows have their maximum more than once."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(3, shape, generator=generator).float()
    return drawn.contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 6, 16, 20])
def test_max_pooling_gives_the_same_bits(
    layout: torch.memory_format, dtype: torch.dtype, channels: int
) -> None:
    images = ties((3, channels, 8, 10), layout).to(dtype)
    theirs, ours = both(F.max_pool2d, images, kernel_size=2)
    assert torch.equal(theirs[0], ours[0])
    assert torch.equal(theirs[1], ours[1])
    assert theirs[0].stride() == ours[0].stride()
    few = channels < 16 or images.is_contiguous()
    assert (ours[2] == "_MaxPoolBackward") == few


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 6])
def test_average_pooling_is_equal_but_for_rounding(
    layout: torch.memory_format, channels: int
) -> None:
    images = torch.rand(3, channels, 8, 10).contiguous(memory_format=layout)
    theirs, ours = both(F.avg_pool2d, images, kernel_size=(2, 2), stride=(2, 2))
    assert ours[2] == "_AveragePoolBackward"
    torch.testing.assert_close(theirs[0], ours[0], rtol=1e-6, atol=1e-7)
    assert torch.equal(theirs[1], ours[1])
    assert theirs[0].stride() == ours[0].stride()


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((2, 3, 8, 8), {"kernel_size": 3}),
        ((2, 3, 8, 8), {"kernel_size": (2, 3)}),
        ((2, 3, 8, 8), {"kernel_size": 2, "stride": 1}),
        ((2, 3, 8, 8), {"kernel_size": 2, "padding": 1}),
        ((2, 3, 7, 8), {"kernel_size": 2}),
        ((2, 3, 7, 7), {"kernel_size": 2, "ceil_mode": True}),
        ((3, 8, 8), {"kernel_size": 2}),
    ],
)
@pytest.mark.parametrize("function", [F.max_pool2d, F.avg_pool2d])
def test_other_pooling_is_left_to_pytorch(
    function: Any, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    theirs, ours = both(function, torch.rand(shape), **options)
    assert theirs[2] == ours[2]
    assert torch.equal(theirs[0], ours[0])
    assert torch.equal(theirs[1], ours[1])


def test_special_pooling_is_left_to_pytorch() -> None:
    images = torch.rand(2, 3, 8, 8)
    with QuickOperations():
        _, places = F.max_pool2d(images, 2, return_indices=True)
        summed = F.avg_pool2d(images, 2, divisor_override=1)
        dilated = F.max_pool2d(images, 2, dilation=2)
    assert torch.equal(places, F.max_pool2d(images, 2, return_indices=True)[1])
    assert torch.equal(summed, F.avg_pool2d(images, 2, divisor_override=1))
    assert torch.equal(dilated, F.max_pool2d(images, 2, dilation=2))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_kernel_as_large_as_the_image_is_a_linear_layer(
    layout: torch.memory_format, bias: bool
) -> None:
    convolution = nn.Conv2d(4, 7, (5, 3), bias=bias).to(memory_format=layout)
    images = torch.rand(2, 4, 5, 3).contiguous(memory_format=layout)
    theirs, ours = both(convolution, images)
    assert "Conv" in theirs[2]
    assert "Conv" not in ours[2]
    assert ours[0].shape == (2, 7, 1, 1)
    torch.testing.assert_close(theirs[0], ours[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(theirs[1], ours[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 7, 5, padding=1),
        nn.Conv2d(4, 8, 5, groups=2),
        nn.Conv2d(4, 7, 3),
        nn.Conv2d(4, 7, 5, padding="same"),
    ],
)
def test_other_convolutions_are_left_to_pytorch(convolution: nn.Conv2d) -> None:
    theirs, ours = both(convolution, torch.rand(2, 4, 5, 5))
    assert theirs[2] == ours[2]
    assert torch.equal(theirs[0], ours[0])


def test_bfloat16_is_for_convolutions_of_some_channels() -> None:
    images = torch.rand(2, 4, 6, 6)
    many, few = nn.Conv2d(4, 3, 3), nn.Conv2d(3, 3, 3)
    with QuickOperations(reduced=True):
        rough, exact = many(images), few(images[:, :3])
    assert rough.dtype == torch.float32
    assert torch.equal(exact, few(images[:, :3]))
    assert not torch.equal(rough, many(images))
    torch.testing.assert_close(rough, many(images), rtol=0.02, atol=0.02)


def test_channels_last_images_are_viewed_in_another_shape() -> None:
    images = torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    expected = images.reshape(2, -1)
    with pytest.raises(RuntimeError):
        images.view(2, -1)
    with AnyLayout():
        assert torch.equal(images.view(2, -1), expected)
        assert torch.equal(images.view((2, 60)), expected)
        assert torch.equal(images.view(torch.Size([2, 60])), expected)
        assert images.view(torch.int32).dtype == torch.int32
        assert images.view(dtype=torch.int32).dtype == torch.int32


def test_a_view_that_pytorch_can_give_shares_its_memory() -> None:
    images = torch.rand(2, 3, 4, 5)
    with AnyLayout():
        assert images.view(2, -1).data_ptr() == images.data_ptr()
        with pytest.raises(RuntimeError, match="invalid for input of size"):
            images.view(7, -1)


def test_a_network_that_views_its_maps_is_evaluated_in_channels_last() -> None:
    torch.manual_seed(0)
    model = CNN()
    images = torch.randint(256, (12, 1, 28, 28), dtype=torch.uint8)
    split = Split("test", MemoryPixels(images), torch.arange(12) % 10)
    ready = preparation(recipe_for("mnist-cnn").transforms, 1, training=False)
    figures = [
        evaluate(network, split, ready, 10, batch_size=4)
        for network in (model, model.to(memory_format=torch.channels_last))
    ]
    assert figures[0].loss == pytest.approx(figures[1].loss, rel=1e-5)
    assert figures[0].confusion == figures[1].confusion


@pytest.mark.parametrize(
    "way",
    [
        Way(quick=True),
        Way("bfloat16", quick=True),
        Way(channels_last=True),
        Way("bfloat16", channels_last=True),
    ],
)
@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (CNN, (1, 28, 28)),
        (ConvNeuralNet, (3, 32, 32)),
        (LeNet5, (1, 32, 32)),
        (MyLeNet5, (1, 28, 28)),
        (Network, (1, 28, 28)),
    ],
)
def test_a_step_of_a_document_network_has_the_same_gradients(
    network: type[nn.Module], shape: tuple[int, ...], way: Way
) -> None:
    torch.manual_seed(0)
    model = network().train()
    images, labels = torch.rand(8, *shape), torch.arange(8)
    gradients = []
    for each in (Way(), way):
        model.zero_grad()
        model.to(memory_format=each.memory_format)
        scores, loss = make_step(model, each, "cpu")(images, labels, 1.0)
        assert scores.dtype == loss.dtype == torch.float32
        each_weight = [weight.grad for weight in model.parameters() if weight.grad is not None]
        assert len(each_weight) == len(list(model.parameters()))
        gradients.append(torch.cat([gradient.flatten() for gradient in each_weight]))
    theirs, ours = gradients
    # in bfloat16, rounding decides which of two nearly equal numbers is a window's maximum
    bound = 1e-5 if way.precision == "float32" else 0.3
    assert float((theirs - ours).norm() / theirs.norm()) < bound


def test_freed_memory_is_kept_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (F.conv2d, {"weight": torch.ones(4, 3, 8, 8)}),
        (F.avg_pool2d, {"kernel_size": 2}),
        (F.max_pool2d, {"kernel_size": 2}),
        (torch.max_pool2d, {"kernel_size": 2}),
    ],
)
@pytest.mark.parametrize("reduced", [False, True])
def test_the_input_may_be_given_by_name(function: Any, options: Any, reduced: bool) -> None:
    images = torch.linspace(0, 1, 2 * 3 * 8 * 8).view(2, 3, 8, 8)
    expected = function(images, **options)
    with QuickOperations(reduced=reduced):
        assert torch.allclose(function(input=images, **options), expected, rtol=1e-5)


def test_steps_in_bfloat16_pool_by_whole_rows_to_the_same_bits() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(8, 1, 32, 32), torch.arange(8)
    found = []
    for recorded in (False, True):
        model = copy.deepcopy(LENET).train()
        step = make_step(model, Way("bfloat16", recorded=recorded), "cpu")
        scores, loss = step(images, labels, 1.0)
        found.append((scores, loss, [weight.grad for weight in model.parameters()]))
    model = copy.deepcopy(LENET).train()
    with torch.autocast("cpu", torch.bfloat16):
        scores = model(images)
    loss = F.cross_entropy(scores.float(), labels)
    torch.autograd.backward(loss)
    expected = (scores.float(), loss, [weight.grad for weight in model.parameters()])
    for scores, loss, gradients in found:
        assert torch.equal(scores, expected[0])
        assert torch.equal(loss, expected[1])
        for ours, theirs in zip(gradients, expected[2], strict=True):
            assert ours is not None
            assert theirs is not None
            assert torch.equal(ours, theirs)
    with ReducedPooling():
        leaf = images.bfloat16().requires_grad_()
        assert type(F.max_pool2d(leaf, 2).grad_fn).__name__ == "_MaxPoolBackward"
