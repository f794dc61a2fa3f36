"""One pass over the training images, interruptible and resumable at any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from shapescope.training.datasets.pixels import Split
from shapescope.training.distributed import Group
from shapescope.training.engine import Engine, Step, make_step
from shapescope.training.order import epoch_order, generator_for
from shapescope.training.recipe import Recipe
from shapescope.training.schedule import rate_at
from shapescope.training.transforms import Draws, Preparation
from shapescope.training.weights import follow

_CHUNK_IMAGES = 1024
_CHUNK_BYTES = 64 << 20


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
    for chunk in _chunks(plan, learner.epoch, tally.step):
        seen = _Seen()
        for batch in chunk:
            _set_rate(plan, learner)
            learner.optimizer.zero_grad()
            for piece in _pieces(batch, engine.parts if group.processes == 1 else 1):
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


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """One process's part of a batch: ``own`` of its ``count`` images.

    A process without a part gets one image that counts for nothing, because all of them have to
    take part in the sums.
    """

    images: torch.Tensor
    labels: torch.Tensor
    own: int
    count: int


def _chunks(plan: Plan, epoch: int, first_step: int) -> Iterator[list[_Batch]]:
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
            _Batch(image, label, min(len(label), _own(count, group)), count)
            for image, label, count in zip(images, labels, counts, strict=True)
        ]
        yield batches[max(first_step - begun, 0) :]


def _pieces(batch: _Batch, parts: int) -> list[_Batch]:
    """Return a batch in pieces, divided as it would be between so many processes."""
    if parts == 1:
        return [batch]
    pieces = zip(
        torch.tensor_split(batch.images, parts),
        torch.tensor_split(batch.labels, parts),
        strict=True,
    )
    return [
        _Batch(images, labels, len(labels), batch.count) for images, labels in pieces if len(labels)
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


@dataclass(slots=True)
class _Seen:
    """What the steps of a chunk gave; it is added up once, because reading a number is slow."""

    losses: list[torch.Tensor] = field(default_factory=list)
    scores: list[torch.Tensor] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    pieces: list[int] = field(default_factory=lambda: [0])
    counts: list[int] = field(default_factory=list)

    def add(self, piece: _Batch, scores: torch.Tensor, loss: torch.Tensor) -> None:
        """Keep the results of a piece of a batch."""
        self.losses.append(loss if piece.own else torch.zeros_like(loss))
        self.scores.append(scores[: piece.own])
        self.labels.append(piece.labels[: piece.own])

    def end(self, batch: _Batch) -> None:
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
