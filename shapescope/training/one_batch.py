"""A single training step, looked at closely: loss before and after, and the gradients."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F

from shapescope.training.engine import make_optimizer
from shapescope.training.setup import Prepared


@dataclass(frozen=True, slots=True)
class GradientRow:
    """One parameter and its gradient.

    Attributes:
        name: of the parameter.
        shape: of the parameter.
        before: shape of its gradient before ``backward``; None while there is none.
        after: shape of its gradient after ``backward``.
        norm: length of the gradient.
    """

    name: str
    shape: tuple[int, ...]
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    norm: float


@dataclass(frozen=True, slots=True)
class OneBatch:
    """What one step does.

    Attributes:
        batch_size: images in the batch.
        optimizer: its name.
        lr: its learning rate.
        loss_before: mean cross entropy of the batch before the step.
        loss_after: the same batch after the step.
        correct_before: images of the batch that were right before the step.
        correct_after: and after it.
        gradients: a row per parameter.
    """

    batch_size: int
    optimizer: str
    lr: float
    loss_before: float
    loss_after: float
    correct_before: int
    correct_after: int
    gradients: tuple[GradientRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def one_batch(prepared: Prepared) -> OneBatch:
    """Take one step on the first batch of the training images, in their own order.

    Args:
        prepared: the network and its images; the network is changed by the step.
    """
    plan, model = prepared.plan, prepared.model.train()
    recipe = plan.recipe
    numbers = torch.arange(min(recipe.batch_size, len(plan.split)))
    images = plan.prepare(next(iter(plan.split.pixels.read([numbers])))).to(plan.device)
    labels = plan.split.labels[numbers].to(plan.device)
    optimizer = make_optimizer(recipe.optimizer, model.parameters())
    before = {name: _shape(weight.grad) for name, weight in model.named_parameters()}
    scores = model(images)
    loss = F.cross_entropy(scores, labels, label_smoothing=recipe.label_smoothing)
    torch.autograd.backward(loss)
    rows = tuple(
        GradientRow(
            name,
            tuple(weight.shape),
            before[name],
            _shape(weight.grad),
            0.0 if weight.grad is None else float(weight.grad.norm()),
        )
        for name, weight in model.named_parameters()
    )
    optimizer.step()
    with torch.no_grad():
        later = model(images)
        loss_after = F.cross_entropy(later, labels, label_smoothing=recipe.label_smoothing)
    return OneBatch(
        batch_size=len(labels),
        optimizer=recipe.optimizer.name,
        lr=recipe.optimizer.lr,
        loss_before=float(loss.detach()),
        loss_after=float(loss_after),
        correct_before=int((scores.detach().argmax(1) == labels).sum()),
        correct_after=int((later.argmax(1) == labels).sum()),
        gradients=rows,
    )


def _shape(gradient: torch.Tensor | None) -> tuple[int, ...] | None:
    return None if gradient is None else tuple(gradient.shape)
