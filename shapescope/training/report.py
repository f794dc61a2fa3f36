"""What a run tells whoever started it, as it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shapescope.training.engine import Engine


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is about to be trained.

    Attributes:
        title: the network's name.
        recipe: its recipe's name and main values, by name.
        data: name and source of the images.
        train_count: images to train on.
        validation_count: images held out to choose the best weights by.
        test_count: images to test on.
        params: trainable numbers in the network.
        engine: how it computes.
        folder: where the run is recorded.
        notes: what a reader of the figures should know.
        epochs: epochs of the whole run.
        epochs_done: epochs done before, if the run is resumed.
    """

    title: str
    recipe: Mapping[str, Any]
    data: str
    train_count: int
    validation_count: int
    test_count: int
    params: int
    engine: Engine
    folder: str
    notes: tuple[str, ...]
    epochs: int
    epochs_done: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        epoch: the epoch under way, from 1.
        epochs: epochs of the whole run.
        step: steps done in this epoch.
        steps: steps in an epoch.
        loss: mean loss of this epoch's images so far.
        top1_accuracy: share of them that were right while training.
        images_per_second: in this epoch.
        seconds_left: of the run, without evaluation, at this speed.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    top1_accuracy: float
    images_per_second: float
    seconds_left: float


class Reporter(Protocol):
    """Who is told."""

    def begin(self, beginning: Beginning) -> None:
        """Training is about to start."""

    def progress(self, progress: Progress) -> None:
        """Some steps were done."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """A step that the recipe wants printed was done; ``loss`` is its batch's."""

    def epoch(self, lines: Sequence[Mapping[str, Any]], *, best: bool) -> None:
        """An epoch was done and tested; these are its lines of ``metrics.jsonl``."""


class Silent:
    """A reporter that says nothing."""

    def begin(self, beginning: Beginning) -> None:
        """Say nothing."""

    def progress(self, progress: Progress) -> None:
        """Say nothing."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Say nothing."""

    def epoch(self, lines: Sequence[Mapping[str, Any]], *, best: bool) -> None:
        """Say nothing."""
