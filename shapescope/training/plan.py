"""What an epoch consists of: all images in its order, those of some steps at a time.

Everything is a function of seed, epoch and step, so that any step can be done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from shapescope.training.datasets.pixels import Split
from shapescope.training.distributed import Group
from shapescope.training.engine import Engine
from shapescope.training.recipe import Recipe
from shapescope.training.transforms import Draws, Preparation

_CHUNK_IMAGES = 1024
_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change from step to step.

    Attributes:
        recipe: what to do.
        split: the training images.
        prepare: the training transforms.
        engine: how to compute.
        group: the processes that share the work.
    """

    recipe: Recipe
    split: Split
    prepare: Preparation
    engine: Engine
    group: Group

    @property
    def steps(self) -> int:
        """Steps in an epoch; the last batch may be smaller."""
        return -(-len(self.split) // self.recipe.batch_size)

    @property
    def chunk_steps(self) -> int:
        """Steps whose images are prepared at once: a small batch then costs no preparation each."""
        channels, height, width = self.split.pixels.shape
        fitting = _CHUNK_BYTES // (4 * channels * height * width)
        return max(1, min(_CHUNK_IMAGES, fitting) // self.recipe.batch_size)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        if self.engine.device == "cuda":
            return torch.device("cuda", self.group.local_rank)
        return torch.device(self.engine.device)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One process's part of a batch: ``own`` of its ``count`` images.

    A process without a part gets one image that counts for nothing, because all of them have to
    take part in the sums.
    """

    images: torch.Tensor
    labels: torch.Tensor
    own: int
    count: int


def chunks(plan: Plan, epoch: int, first_step: int) -> Iterator[list[Batch]]:
    """Yield the batches of an epoch from a step on, prepared some at a time.

    Chunks begin at fixed steps, and what varies in a chunk depends on seed, epoch and that step
    only: a step is the same whether or not the run was interrupted before it.
    """
    recipe, group = plan.recipe, plan.group
    order = epoch_order(len(plan.split), recipe.seed, epoch, shuffle=recipe.shuffle)
    size = plan.chunk_steps
    first = first_step - first_step % size
    lots = torch.split(order[first * recipe.batch_size :], size * recipe.batch_size)
    shares = [_share(lot, recipe.batch_size, group) for lot in lots]
    reading = plan.split.pixels.read(
        [lot[torch.cat(places)] for lot, places in zip(lots, shares, strict=True)]
    )
    for number, (lot, places, pixels) in enumerate(zip(lots, shares, reading, strict=True)):
        picked = torch.cat(places)
        begun = first + number * size
        draws = Draws(generator_for(recipe.seed, "vary", epoch, begun), len(lot), picked)
        sizes = [len(part) for part in places]
        images = torch.split(plan.prepare(pixels, draws).to(plan.device), sizes)
        labels = torch.split(plan.split.labels[lot[picked]].to(plan.device), sizes)
        counts = [len(part) for part in torch.split(lot, recipe.batch_size)]
        batches = [
            Batch(image, label, min(len(label), _own(count, group)), count)
            for image, label, count in zip(images, labels, counts, strict=True)
        ]
        yield batches[max(first_step - begun, 0) :]


def pieces(batch: Batch, parts: int) -> list[Batch]:
    """Return a batch in pieces, divided as it would be between so many processes."""
    if parts == 1:
        return [batch]
    parted = zip(
        torch.tensor_split(batch.images, parts),
        torch.tensor_split(batch.labels, parts),
        strict=True,
    )
    return [
        Batch(images, labels, len(labels), batch.count) for images, labels in parted if len(labels)
    ]


def _share(lot: torch.Tensor, batch_size: int, group: Group) -> list[torch.Tensor]:
    """Return, for each batch of a lot, the places of this process's part of it."""
    batches = torch.split(torch.arange(len(lot)), batch_size)
    if group.processes == 1:
        return list(batches)
    parts = [torch.tensor_split(batch, group.processes)[group.rank] for batch in batches]
    return [part if len(part) else batch[:1] for part, batch in zip(parts, batches, strict=True)]


def _own(count: int, group: Group) -> int:
    """Return how many images of a batch are this process's, as ``tensor_split`` divides them."""
    return count // group.processes + (group.rank < count % group.processes)


def generator_for(seed: int, *parts: int | str) -> torch.Generator:
    """Return a generator of its own for one purpose, epoch and place of a run."""
    digest = hashlib.sha256(repr((seed, parts)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def epoch_order(count: int, seed: int, epoch: int, *, shuffle: bool) -> torch.Tensor:
    """Return the numbers of all images in the order of one epoch, int64."""
    if not shuffle:
        return torch.arange(count)
    return torch.randperm(count, generator=generator_for(seed, "order", epoch))
