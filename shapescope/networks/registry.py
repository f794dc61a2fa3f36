"""What the document networks are called, what they take, and where their classes live.

Importable without torch: a network is named by a ``"module:Class"`` string until someone builds it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """One network that a user can name.

    Attributes:
        name: the name in the documentation.
        aliases: other names it answers to.
        factory: ``"module:Class"``; calling it without arguments builds the network.
        input_shape: N, C, H, W of the input it was made for, with N = 1.
        summary: one line for people.
        recipe: name of its training recipe.
    """

    name: str
    aliases: tuple[str, ...]
    factory: str
    input_shape: tuple[int, int, int, int]
    summary: str
    recipe: str


NETWORKS: tuple[NetworkEntry, ...] = (
    NetworkEntry(
        name="cifar-cnn",
        aliases=("convneuralnet", "cifar10"),
        factory="shapescope.networks.cifar_cnn:ConvNeuralNet",
        input_shape=(1, 3, 32, 32),
        summary="four convolutions and two linear layers on CIFAR-10",
        recipe="cifar-cnn",
    ),
    NetworkEntry(
        name="lenet5",
        aliases=("lenet5-bn",),
        factory="shapescope.networks.lenet5:LeNet5",
        input_shape=(1, 1, 32, 32),
        summary="LeNet-5 with batch norm and ReLU on MNIST at 32 x 32",
        recipe="lenet5",
    ),
    NetworkEntry(
        name="lenet5-tanh",
        aliases=("mylenet5",),
        factory="shapescope.networks.lenet5_tanh:MyLeNet5",
        input_shape=(1, 1, 28, 28),
        summary="the 1998 layout, tanh and average pooling, on MNIST at 28 x 28",
        recipe="lenet5-tanh",
    ),
    NetworkEntry(
        name="network",
        aliases=("fashion", "fashion-cnn"),
        factory="shapescope.networks.network:Network",
        input_shape=(1, 1, 28, 28),
        summary="two convolutions with functional pooling on Fashion-MNIST",
        recipe="network",
    ),
    NetworkEntry(
        name="mnist-cnn",
        aliases=("cnn",),
        factory="shapescope.networks.mnist_cnn:CNN",
        input_shape=(1, 1, 28, 28),
        summary="two convolutions and one linear layer on MNIST at 28 x 28",
        recipe="mnist-cnn",
    ),
)


def _by_name(entries: tuple[NetworkEntry, ...]) -> dict[str, NetworkEntry]:
    """Return every name and alias with its entry; the same name twice is an error."""
    table: dict[str, NetworkEntry] = {}
    for entry in entries:
        for name in (entry.name, *entry.aliases):
            if name in table:
                raise ValueError(f"two networks are called {name!r}")
            table[name] = entry
    return table


_TABLE = _by_name(NETWORKS)


def find(name: str) -> NetworkEntry | None:
    """Return the network of this name or alias, in any letter case, or None."""
    return _TABLE.get(name.strip().lower())


def names() -> list[str]:
    """Return every name and alias, in the order of ``NETWORKS``."""
    return list(_TABLE)
