"""Figures of an evaluation against torchmetrics."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from shapescope.training.datasets.pixels import MemoryPixels, Split
from shapescope.training.evaluation import evaluate
from shapescope.training.recipe import Transforms
from shapescope.training.transforms import preparation

CLASSES = 4


class Net(nn.Module):
    """Dropout and batch norm would show if eval mode were forgotten."""

    def __init__(self, outputs: int = CLASSES) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(12), nn.Dropout(0.5), nn.Linear(12, outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.body(x)
        return scores


def images_of(count: int) -> Split:
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, 1, 3, 4), generator=generator, dtype=torch.uint8)
    return Split("test", MemoryPixels(images), torch.randint(0, CLASSES, (count,)))


@pytest.mark.parametrize("count", [1, 7, 500, 1203])
def test_figures_are_those_of_torchmetrics(count: int) -> None:
    torch.manual_seed(0)
    model, split = Net(), images_of(count)
    prepare = preparation(Transforms(), 1, training=False)
    found = evaluate(model, split, prepare, CLASSES, batch_size=64, worst=5)
    with torch.no_grad():
        scores = model.eval()(prepare(next(iter(split.pixels.read([torch.arange(count)])))))
    table = MulticlassConfusionMatrix(CLASSES)(scores, split.labels)
    assert torch.tensor(found.confusion).equal(table)
    accuracy = MulticlassAccuracy(CLASSES, average="micro")(scores, split.labels)
    assert found.top1_accuracy == pytest.approx(float(accuracy))
    each = MulticlassAccuracy(CLASSES, average="none")(scores, split.labels)
    for number, share in enumerate(found.class_accuracy):
        if share is not None:
            assert share == pytest.approx(float(each[number]))
    losses = F.cross_entropy(scores, split.labels, reduction="none")
    assert found.loss == pytest.approx(float(losses.mean()), rel=1e-5)
    sums = sum(float(part.mean()) for part in torch.split(losses, 64))
    assert found.loss_sum == pytest.approx(sums, rel=1e-5)
    assert (found.count, found.correct) == (count, int(table.trace()))


def test_worst_mistakes_come_first_and_are_mistakes() -> None:
    torch.manual_seed(0)
    split = images_of(200)
    prepare = preparation(Transforms(), 1, training=False)
    found = evaluate(Net(), split, prepare, CLASSES, batch_size=64, worst=10_000)
    assert len(found.mistakes) == found.count - found.correct
    assert [m.loss for m in found.mistakes] == sorted(m.loss for m in found.mistakes)[::-1]
    assert all(mistake.actual != mistake.predicted for mistake in found.mistakes)
    assert all(int(split.labels[m.number]) == m.actual for m in found.mistakes)


def test_the_models_mode_is_put_back() -> None:
    model = Net().train()
    prepare = preparation(Transforms(), 1, training=False)
    evaluate(model, images_of(3), prepare, CLASSES, batch_size=2)
    assert model.training
    evaluate(model.eval(), images_of(3), prepare, CLASSES, batch_size=2)
    assert not model.training


def test_more_outputs_than_classes_never_win() -> None:
    model, split = Net(outputs=9), images_of(50)
    prepare = preparation(Transforms(), 1, training=False)
    found = evaluate(model, split, prepare, CLASSES, batch_size=10)
    assert sum(map(sum, found.confusion)) == 50
