"""One pass over the training images, interruptible and resumable at any step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from shapescope.training.distributed import Group
from shapescope.training.engine import Step, make_step
from shapescope.training.plan import Batch, Plan, chunks, pieces
from shapescope.training.schedule import rate_at
from shapescope.training.weights import follow


@dataclass(slots=True)
class Tally:
    """What an epoch has added up so far.

    Attributes:
        step: steps done.
        loss_sum: sum of the batches' mean losses.
        loss_total: sum of the images' losses.
        correct: images whose highest score was their class, while training.
        count: images seen.
        seconds: wall time, without evaluation.
    """

    step: int = 0
    loss_sum: float = 0.0
    loss_total: float = 0.0
    correct: int = 0
    count: int = 0
    seconds: float = 0.0

    def metrics(self, epoch: int) -> dict[str, Any]:
        """Return the line of ``metrics.jsonl``."""
        return {
            "epoch": epoch,
            "split": "train",
            "loss": self.loss_total / self.count,
            "loss_sum": self.loss_sum,
            "top1_accuracy": self.correct / self.count,
            "correct": self.correct,
            "count": self.count,
            "seconds": self.seconds,
            "images_per_second": self.count / max(self.seconds, 1e-9),
        }


@dataclass(slots=True)
class Learner:
    """A model in training: what changes from step to step.

    Attributes:
        model: the network itself.
        optimizer: what changes its weights.
        average: running mean of the weights, if the recipe wants one.
        epoch: epochs done.
        tally: of the epoch under way.
        step: what computes a step, once it is made.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, torch.Tensor] | None = None
    epoch: int = 0
    tally: Tally = field(default_factory=Tally)
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks on while an epoch runs.

    Attributes:
        chunk: called after every chunk with the tally and the mean loss of each of its batches;
            True stops the epoch there.
        stopping: asked after every step whether to stop; only where one process trains.
    """

    chunk: Callable[[Tally, list[float]], bool]
    stopping: Callable[[], bool]


def run_epoch(plan: Plan, learner: Learner, watcher: Watcher) -> bool:
    """Train on every image once, beginning at the step the tally says.

    Args:
        plan: what to do.
        learner: what is trained; its tally is up to date at every call of ``watcher.chunk``.
        watcher: who looks on, and may stop the epoch.

    Returns:
        Whether the epoch is complete.
    """
    recipe, group, tally, engine = plan.recipe, plan.group, learner.tally, plan.engine
    step = _step(plan, learner)
    start, before = time.perf_counter(), tally.seconds
    for chunk in chunks(plan, learner.epoch, tally.step):
        seen = _Seen()
        for batch in chunk:
            _set_rate(plan, learner)
            learner.optimizer.zero_grad()
            for piece in pieces(batch, engine.parts if group.processes == 1 else 1):
                # by its images, so that the mean over processes is the mean over the batch
                weight = piece.own * group.processes / piece.count
                seen.add(piece, *step(piece.images, piece.labels, weight))
            learner.optimizer.step()
            if learner.average is not None:
                follow(learner.average, learner.model, recipe.average)
            seen.end(batch)
            tally.step += 1
            if group.processes == 1 and watcher.stopping():
                break
        means = seen.add_up(tally, group)
        tally.seconds = before + time.perf_counter() - start
        if watcher.chunk(tally, means) and tally.step < plan.steps:
            return False
    return True


def _step(plan: Plan, learner: Learner) -> Step:
    """Return what computes a step; it is made once, as recording and compiling take time."""
    model = learner.model.train()
    if learner.step is not None:
        return learner.step
    way = plan.engine.way
    if plan.group.processes > 1:
        model = nn.parallel.DistributedDataParallel(model)
        way = replace(way, recorded=False)  # a recording has no sums over processes in it
    learner.step = make_step(model, way, plan.engine.device, plan.recipe.label_smoothing)
    return learner.step


@dataclass(slots=True)
class _Seen:
    """What the steps of a chunk gave; it is added up once, because reading a number is slow."""

    losses: list[torch.Tensor] = field(default_factory=list)
    scores: list[torch.Tensor] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    pieces: list[int] = field(default_factory=lambda: [0])
    counts: list[int] = field(default_factory=list)

    def add(self, piece: Batch, scores: torch.Tensor, loss: torch.Tensor) -> None:
        """Keep the results of a piece of a batch."""
        self.losses.append(loss if piece.own else torch.zeros_like(loss))
        self.scores.append(scores[: piece.own])
        self.labels.append(piece.labels[: piece.own])

    def end(self, batch: Batch) -> None:
        """Note that a batch is done."""
        self.pieces.append(len(self.losses))
        self.counts.append(batch.count)

    def add_up(self, tally: Tally, group: Group) -> list[float]:
        """Add everything to the tally and return the mean loss of every batch."""
        own = torch.tensor([len(labels) for labels in self.labels], dtype=torch.float64)
        each = (torch.stack(self.losses).cpu().double() * own).tolist()
        spans = zip(self.pieces, self.pieces[1:], strict=False)
        losses = torch.tensor([sum(each[a:b]) for a, b in spans], dtype=torch.float64)
        hits = (torch.cat(self.scores).argmax(1) == torch.cat(self.labels)).sum().cpu()
        losses, hits = group.total(losses), group.total(hits)
        # one number after the other, so that the sums do not depend on where a run was interrupted
        totals = losses.tolist()
        means = [total / count for total, count in zip(totals, self.counts, strict=True)]
        for total, mean in zip(totals, means, strict=True):
            tally.loss_total += total
            tally.loss_sum += mean
        tally.correct += int(hits)
        tally.count += sum(self.counts)
        return means


def _set_rate(plan: Plan, learner: Learner) -> None:
    recipe = plan.recipe
    step = learner.epoch * plan.steps + learner.tally.step
    rate = rate_at(recipe.schedule, recipe.optimizer.lr, step, plan.steps, recipe.epochs)
    for parameters in learner.optimizer.param_groups:
        parameters["lr"] = rate
