"""The five document networks; importing this package does not import torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shapescope.networks.registry import NETWORKS, NetworkEntry, find, names

if TYPE_CHECKING:
    from shapescope.networks.cifar_cnn import ConvNeuralNet
    from shapescope.networks.lenet5 import LeNet5
    from shapescope.networks.lenet5_tanh import MyLeNet5
    from shapescope.networks.mnist_cnn import CNN
    from shapescope.networks.network import Network

__all__ = [
    "CNN",
    "NETWORKS",
    "ConvNeuralNet",
    "LeNet5",
    "MyLeNet5",
    "Network",
    "NetworkEntry",
    "find",
    "names",
]

_CLASSES = {entry.factory.rpartition(":")[2]: entry.factory for entry in NETWORKS}


def __getattr__(name: str) -> Any:
    """Import a network's class when it is first asked for."""
    factory = _CLASSES.get(name)
    if factory is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = factory.partition(":")
    return getattr(import_module(module), attribute)
