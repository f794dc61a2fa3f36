"""Bytes to numbers, a whole batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets.pixels import Split
from shapescope.training.recipe import Transforms


def resized(split: Split, size: tuple[int, int] | None) -> Split:
    """Return the split with images of H x W; in memory this is done once, not every epoch."""
    if size is None or split.pixels.shape[1:] == size:
        return split
    return replace(split, pixels=split.pixels.resized(size))


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Random choices for some images of a larger lot.

    They are drawn for the whole lot, so that an image gets the same choice whichever process has
    it.

    Attributes:
        generator: where they come from.
        total: images in the lot.
        picked: the places of our images in it; None for all of them.
    """

    generator: torch.Generator
    total: int
    picked: torch.Tensor | None = None

    def integers(self, below: int) -> torch.Tensor:
        """Return one number from 0 to ``below - 1`` for each of our images."""
        drawn = torch.randint(below, (self.total,), generator=self.generator)
        return drawn if self.picked is None else drawn[self.picked]


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """From uint8 images to what a network takes.

    Attributes:
        mean: per channel, float32, C x 1 x 1; None for no normalisation.
        std: likewise.
        augment: what to vary; empty for test images.
        memory_format: of the result.
    """

    mean: torch.Tensor | None
    std: torch.Tensor | None
    augment: tuple[str, ...]
    memory_format: torch.memory_format

    def __call__(self, images: torch.Tensor, draws: Draws | None = None) -> torch.Tensor:
        """Return float32 images, N x C x H x W, in 0 .. 1 or normalised.

        Args:
            images: uint8, N x C x H x W.
            draws: source of the variations; needed where there are any.
        """
        numbers = images.float().div_(255)
        if self.mean is not None and self.std is not None:
            numbers.sub_(self.mean).div_(self.std)
        for name in self.augment:
            assert draws is not None
            kind, _, amount = name.partition(":")
            if kind == "flip":
                numbers = flip(numbers, draws)
            else:
                numbers = shift(numbers, int(amount), draws)
        return numbers.contiguous(memory_format=self.memory_format)


def preparation(
    transforms: Transforms,
    channels: int,
    *,
    training: bool,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Preparation:
    """Return what a recipe does to images of so many channels.

    Raises:
        ShapescopeError: mean and std are for another number of channels.
    """
    mean, std = transforms.mean, transforms.std
    if not training:
        mean = transforms.test_mean if transforms.test_mean is not None else mean
        std = transforms.test_std if transforms.test_std is not None else std
    if mean and len(mean) not in (1, channels):
        raise ShapescopeError(
            f"the recipe normalises {len(mean)} channels and the images have {channels}"
        )

    def column(values: tuple[float, ...]) -> torch.Tensor | None:
        return torch.tensor(values).view(-1, 1, 1) if values else None

    augment = transforms.augment if training else ()
    return Preparation(column(mean), column(std), augment, memory_format)


def flip(images: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Return the images with about half of them mirrored left to right."""
    mirrored = draws.integers(2) == 1
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)


def shift(images: torch.Tensor, pixels: int, draws: Draws) -> torch.Tensor:
    """Return the images moved by up to so many pixels each way; the edge is mirrored inwards."""
    height, width = images.shape[2:]
    places = 2 * pixels + 1
    downs, rights = draws.integers(places), draws.integers(places)
    padded = F.pad(images, (pixels,) * 4, mode="reflect")
    result = torch.empty_like(images)
    for down in range(places):
        for right in range(places):
            chosen = (downs == down) & (rights == right)
            window = padded[:, :, down : down + height, right : right + width]
            result[chosen] = window[chosen]
    return result
