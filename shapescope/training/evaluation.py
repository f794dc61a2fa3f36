"""How good a model is on a split: loss, accuracy, confusion, and its worst mistakes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from shapescope.training.datasets.pixels import Split
from shapescope.training.distributed import Group
from shapescope.training.quick import AnyLayout
from shapescope.training.transforms import Preparation

_ROWS = 250  # images evaluated at once


@dataclass(frozen=True, slots=True)
class Mistake:
    """One image that was taken for something else.

    Attributes:
        number: its place in the split.
        actual: its class.
        predicted: the class with the highest score.
        probability: softmax of the predicted class.
        loss: cross entropy of this image.
        file: where it lies; "" in a set whose images have no file of their own.
    """

    number: int
    actual: int
    predicted: int
    probability: float
    loss: float
    file: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a model on a split, in eval mode.

    Attributes:
        split: its name.
        loss: mean cross entropy per image.
        loss_sum: sum over batches (of the recipe's size) of their mean loss.
        correct: images whose highest score is their class.
        count: all images.
        confusion: rows are actual classes, columns predicted ones.
        mistakes: those with the highest loss, worst first.
        seconds: wall time.
    """

    split: str
    loss: float
    loss_sum: float
    correct: int
    count: int
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    seconds: float

    @property
    def top1_accuracy(self) -> float:
        """Share of images whose highest score is their class, 0 to 1."""
        return self.correct / self.count

    @property
    def class_accuracy(self) -> tuple[float | None, ...]:
        """Share of correct images by actual class; None for a class without images."""
        return tuple(
            row[number] / sum(row) if sum(row) else None
            for number, row in enumerate(self.confusion)
        )

    def metrics(self, epoch: int) -> dict[str, Any]:
        """Return the line of ``metrics.jsonl``."""
        return {
            "epoch": epoch,
            "split": self.split,
            "loss": self.loss,
            "loss_sum": self.loss_sum,
            "top1_accuracy": self.top1_accuracy,
            "correct": self.correct,
            "count": self.count,
            "seconds": self.seconds,
            "images_per_second": self.count / max(self.seconds, 1e-9),
        }


def evaluate(
    model: nn.Module,
    split: Split,
    prepare: Preparation,
    classes: int,
    *,
    batch_size: int,
    worst: int = 0,
    group: Group | None = None,
    device: torch.device | None = None,
) -> Evaluation:
    """Measure a model on a split, in eval mode and float32; its mode is put back after.

    Args:
        model: N x C x H x W to N x classes scores.
        split: the images.
        prepare: the test transforms.
        classes: how many classes the confusion matrix has.
        batch_size: of the recipe; it decides ``loss_sum`` only.
        worst: how many mistakes to list.
        group: the processes that share the work; each gets the whole result.
        device: where the model is.
    """
    group = group or Group()
    start = time.perf_counter()
    losses = torch.zeros(len(split), dtype=torch.float64)
    predicted = torch.zeros(len(split), dtype=torch.int64)
    probability = torch.zeros(len(split), dtype=torch.float64)
    # the same chunks however many processes share them: the same bits
    chunks = torch.split(torch.arange(len(split)), _ROWS)[group.rank :: group.processes]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), AnyLayout():  # the model may have been trained in channels_last
            for chunk, images in zip(chunks, split.pixels.read(chunks), strict=True):
                scores = model(prepare(images).to(device)).float().cpu()
                losses[chunk] = F.cross_entropy(
                    scores, split.labels[chunk], reduction="none"
                ).double()
                top = scores.softmax(1)[:, :classes].max(1)
                probability[chunk] = top.values.double()
                predicted[chunk] = top.indices
    finally:
        model.train(was_training)
    losses, predicted = group.total(losses), group.total(predicted)
    probability = group.total(probability)
    right = predicted == split.labels
    pairs = split.labels * classes + predicted
    table = torch.bincount(pairs, minlength=classes * classes).view(classes, classes)
    wrong = torch.where(right, -1.0, losses)
    order = wrong.argsort(descending=True, stable=True)[: min(worst, int((~right).sum()))]
    return Evaluation(
        split=split.name,
        loss=float(losses.mean()),
        loss_sum=float(sum(part.mean() for part in torch.split(losses, batch_size))),
        correct=int(right.sum()),
        count=len(split),
        confusion=tuple(tuple(row) for row in table.tolist()),
        mistakes=tuple(
            Mistake(
                number,
                int(split.labels[number]),
                int(predicted[number]),
                float(probability[number]),
                float(losses[number]),
                split.file(number),
            )
            for number in order.tolist()
        ),
        seconds=time.perf_counter() - start,
    )
