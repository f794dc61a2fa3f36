"""Each document network has the layers, names and sizes its document gives."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import nn

from shapescope.networks import NETWORKS, NetworkEntry, find

SHAPES = {
    "cifar-cnn": [
        (32, 30, 30),
        (32, 28, 28),
        (32, 14, 14),
        (64, 12, 12),
        (64, 10, 10),
        (64, 5, 5),
    ],
    "lenet5": [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)],
    "lenet5-tanh": [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1)],
    "network": [(6, 24, 24), (12, 8, 8)],
    "mnist-cnn": [(16, 28, 28), (16, 14, 14), (32, 14, 14), (32, 7, 7)],
}
PARAMS = {
    "cifar-cnn": 896 + 9248 + 18496 + 36928 + 1600 * 128 + 128 + 1290,
    "lenet5": 156 + 12 + 2416 + 32 + 400 * 120 + 120 + 120 * 84 + 84 + 850,
    "lenet5-tanh": 156 + 2416 + 16 * 120 * 25 + 120 + 120 * 84 + 84 + 850,
    "network": 156 + 6 * 12 * 25 + 12 + 192 * 120 + 120 + 120 * 60 + 60 + 610,
    "mnist-cnn": 416 + 16 * 32 * 25 + 32 + 1568 * 10 + 10,
}


def build(name: str, **arguments: int) -> nn.Module:
    entry = find(name)
    assert entry is not None
    module, _, attribute = entry.factory.partition(":")
    model = getattr(import_module(module), attribute)(**arguments)
    assert isinstance(model, nn.Module)
    return model


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_its_own_input_gives_ten_scores(entry: NetworkEntry) -> None:
    model = build(entry.name).eval()
    batch = torch.zeros(3, *entry.input_shape[1:])
    assert model(batch).shape == (3, 10)


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_along_the_way(name: str) -> None:
    model = build(name).eval()
    entry = find(name)
    assert entry is not None
    seen: list[tuple[int, ...]] = []

    def note(module: nn.Module, _: object, output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            seen.append(tuple(output.shape[1:]))

    for module in model.modules():
        module.register_forward_hook(note)
    model(torch.zeros(entry.input_shape))
    assert seen == SHAPES[name]


@pytest.mark.parametrize("name", PARAMS)
def test_number_of_parameters(name: str) -> None:
    assert sum(p.numel() for p in build(name).parameters()) == PARAMS[name]


def test_network_has_ten_named_parameters_in_the_documents_order() -> None:
    found = [(name, tuple(p.shape)) for name, p in build("network").named_parameters()]
    assert found == [
        ("conv1.weight", (6, 1, 5, 5)),
        ("conv1.bias", (6,)),
        ("conv2.weight", (12, 6, 5, 5)),
        ("conv2.bias", (12,)),
        ("fc1.weight", (120, 192)),
        ("fc1.bias", (120,)),
        ("fc2.weight", (60, 120)),
        ("fc2.bias", (60,)),
        ("out.weight", (10, 60)),
        ("out.bias", (10,)),
    ]


@pytest.mark.parametrize(
    ("name", "children"),
    [
        (
            "cifar-cnn",
            "conv_layer1 conv_layer2 max_pool1 conv_layer3 conv_layer4 max_pool2 fc1 relu1 fc2",
        ),
        ("lenet5", "layer1 layer2 fc relu fc1 relu1 fc2"),
        ("lenet5-tanh", "net"),
        ("network", "conv1 conv2 fc1 fc2 out"),
        ("mnist-cnn", "conv1 conv2 out"),
    ],
)
def test_attribute_names(name: str, children: str) -> None:
    assert [child for child, _ in build(name).named_children()] == children.split()


@pytest.mark.parametrize("name", ["cifar-cnn", "lenet5"])
def test_number_of_classes_can_be_chosen(name: str) -> None:
    entry = find(name)
    assert entry is not None
    assert build(name, num_classes=7).eval()(torch.zeros(entry.input_shape)).shape == (1, 7)


def test_lenet5_refuses_28_by_28() -> None:
    with pytest.raises(RuntimeError, match="256"):
        build("lenet5").eval()(torch.zeros(1, 1, 28, 28))


def test_convolutions_of_the_cifar_network_have_no_activation_between_them() -> None:
    model = build("cifar-cnn")
    assert sum(isinstance(module, nn.ReLU) for module in model.modules()) == 1
