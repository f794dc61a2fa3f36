"""Images as they lie in memory or on disk: bytes, N x C x H x W, with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn import functional as F

_ROWS = 4096  # images resized at once


class Pixels(Protocol):
    """A numbered collection of images of one size, read in any order."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W of every image."""

    def __len__(self) -> int:
        """Return the number of images."""

    def read(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield, for each tensor of numbers (int64), those images as uint8 N x C x H x W."""

    def resized(self, size: tuple[int, int]) -> Pixels:
        """Return the same images in H x W."""


@dataclass(frozen=True, slots=True, eq=False)
class MemoryPixels:
    """Images held as one uint8 tensor N x C x H x W."""

    data: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W of every image."""
        _, channels, height, width = self.data.shape
        return channels, height, width

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.data)

    def read(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield copies of the images each part names."""
        for numbers in parts:
            yield self.data.index_select(0, numbers)

    def resized(self, size: tuple[int, int]) -> MemoryPixels:
        """Return the same images in H x W."""
        data = torch.empty(*self.data.shape[:2], *size, dtype=torch.uint8)
        lots = zip(torch.split(self.data, _ROWS), torch.split(data, _ROWS), strict=True)
        for source, target in lots:
            # on bytes and with antialias this is PIL's own arithmetic, bit for bit
            target.copy_(F.interpolate(source, size=size, mode="bilinear", antialias=True))
        return MemoryPixels(data)


@dataclass(frozen=True, slots=True, eq=False)
class PartOfPixels:
    """Some images of another collection, in an order of their own."""

    whole: Pixels
    numbers: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W of every image."""
        return self.whole.shape

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.numbers)

    def read(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Yield the images each part names, counted within this collection."""
        return self.whole.read([self.numbers[part] for part in parts])

    def resized(self, size: tuple[int, int]) -> PartOfPixels:
        """Return the same images in H x W."""
        return PartOfPixels(self.whole.resized(size), self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        name: ``train``, ``test`` or ``validation``.
        pixels: the images.
        labels: int64, one class number per image.
        files: the file of each image, for people; empty where images have none of their own.
    """

    name: str
    pixels: Pixels
    labels: torch.Tensor
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def file(self, number: int) -> str:
        """Return the file of an image, or ``""`` where it has none of its own."""
        return self.files[number] if self.files else ""

    def take(self, numbers: torch.Tensor, name: str | None = None) -> Split:
        """Return the split of the images with these numbers (int64), in this order."""
        files = tuple(self.files[number] for number in numbers.tolist()) if self.files else ()
        pixels = PartOfPixels(self.pixels, numbers)
        return Split(name or self.name, pixels, self.labels[numbers], files)


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """A data set: what to train on, what to test on, and what the class numbers mean.

    Attributes:
        name: its registered name, or the folder's.
        title: the name for people.
        classes: class names, by number.
        train: the training split.
        test: the test split.
        source: where it was read from, for people and for the run's record.
        notes: what a reader of figures should know (a sample, not the original files).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    source: str
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[Split, Split]:
        """The training and the test split."""
        return self.train, self.test


def hold_out(split: Split, count: int, seed: int) -> tuple[Split, Split]:
    """Divide a training split into the part to train on and a validation part.

    Args:
        split: the split to divide.
        count: how many images to hold out; they are drawn at random.
        seed: of that draw.

    Returns:
        The training part and the validation part, each in the original order.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(split), generator=generator)
    held = order[:count].sort().values
    kept = order[count:].sort().values
    return split.take(kept), split.take(held, "validation")


def hold_out_of_each(split: Split, share: int, seed: int) -> tuple[Split, Split]:
    """Divide a split so that the test part has the classes in the proportions of the whole.

    Args:
        split: the split to divide, of two images at least.
        share: one image in so many of each class is held out, drawn at random; a class with fewer
            gives one, and one of a single image none. Where no class can spare any, one image of
            the whole is held out.
        seed: of that draw.

    Returns:
        The part to train on and the test part, each in the original order.
    """
    drawn = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    held = []
    for label in torch.unique(split.labels):
        of_class = drawn[split.labels[drawn] == label]
        held.append(of_class[: min(max(1, len(of_class) // share), len(of_class) - 1)])
    numbers = torch.cat(held)
    is_held = torch.zeros(len(split), dtype=torch.bool)
    is_held[numbers if len(numbers) else drawn[:1]] = True
    return split.take((~is_held).nonzero()[:, 0]), split.take(is_held.nonzero()[:, 0], "test")
