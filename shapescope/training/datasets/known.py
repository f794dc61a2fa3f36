"""The data sets of the documents: what they are called, hold, and are licensed under."""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.training.datasets.idx import FASHION_MNIST, MNIST, IdxSet


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A data set that can be asked for by name.

    Attributes:
        name: the name in the documentation.
        aliases: other names it answers to.
        title: the name for people.
        classes: class names by number.
        shape: C, H, W of an image.
        idx: its files, if it is kept as idx files.
        torchvision: name of the class in ``torchvision.datasets`` that downloads it.
        sample: the file or folder of the shipped sample.
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    idx: IdxSet | None
    torchvision: str
    sample: str


_FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

KNOWN_SETS: tuple[KnownSet, ...] = (
    KnownSet(
        "mnist",
        (),
        "MNIST",
        tuple("0123456789"),
        (1, 28, 28),
        MNIST,
        "MNIST",
        "MNIST",
    ),
    KnownSet(
        "fashion-mnist",
        ("fashionmnist",),
        "Fashion-MNIST",
        _FASHION,
        (1, 28, 28),
        FASHION_MNIST,
        "FashionMNIST",
        "FashionMNIST",
    ),
    KnownSet(
        "cifar-10",
        ("cifar10",),
        "CIFAR-10",
        _CIFAR,
        (3, 32, 32),
        None,
        "CIFAR10",
        "cifar10.tar.gz",
    ),
)


def find_set(name: str) -> KnownSet | None:
    """Return the data set of this name or alias, in any letter case, or None."""
    wanted = name.strip().lower()
    return next((known for known in KNOWN_SETS if wanted in (known.name, *known.aliases)), None)


def set_names() -> list[str]:
    """Return every name and alias of a data set."""
    return [name for known in KNOWN_SETS for name in (known.name, *known.aliases)]
