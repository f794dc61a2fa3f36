"""The facts about a data set that one looks at before training on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from shapescope.training.datasets.pixels import ImageSet, Split

_BATCH = 10
_ENDS = 3


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """What one split holds.

    Attributes:
        name: ``train`` or ``test``.
        length: how many images.
        shape: C, H, W of each.
        first_label: class of the first image.
        first_targets: classes of the first images.
        last_targets: classes of the last images.
        bincount: images per class.
        mean: per channel, on a scale of 0 to 1.
        std: likewise.
        batch_labels: classes of the first batch of ten, in order.
    """

    name: str
    length: int
    shape: tuple[int, int, int]
    first_label: int
    first_targets: tuple[int, ...]
    last_targets: tuple[int, ...]
    bincount: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    batch_labels: tuple[int, ...]

    @property
    def balanced(self) -> bool:
        """Whether every class has the same number of images."""
        return len(set(self.bincount)) == 1

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "balanced": self.balanced}


def facts_of(split: Split, classes: int) -> SplitFacts:
    """Return what a split holds.

    Args:
        split: the images.
        classes: how many classes there are.
    """
    labels = [int(label) for label in split.labels]
    mean, std = statistics(split)
    return SplitFacts(
        split.name,
        len(split),
        split.pixels.shape,
        labels[0],
        tuple(labels[:_ENDS]),
        tuple(labels[-_ENDS:]),
        tuple(torch.bincount(split.labels, minlength=classes).tolist()),
        mean,
        std,
        tuple(labels[:_BATCH]),
    )


def statistics(
    split: Split, most: int | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel over all pixels, on a scale of 0 to 1.

    Args:
        split: the images.
        most: look at about so many images, evenly spread; None looks at all.
    """
    stride = 1 if most is None else -(-len(split) // most)
    numbers = torch.arange(0, len(split), stride)
    total = torch.zeros(split.pixels.shape[0], dtype=torch.float64)
    squares, count = torch.zeros_like(total), 0
    for images in split.pixels.read(torch.split(numbers, 512)):
        values = images.transpose(0, 1).flatten(1).long()
        total += values.sum(1)
        squares += values.square().sum(1)
        count += values.shape[1]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    return tuple((mean / 255).tolist()), tuple((deviation / 255).tolist())


def facts(image_set: ImageSet) -> tuple[SplitFacts, SplitFacts]:
    """Return what the training and the test split hold."""
    classes = len(image_set.classes)
    return facts_of(image_set.train, classes), facts_of(image_set.test, classes)
