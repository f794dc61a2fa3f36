"""The state of a run from its first step to its last: what is trained, tested, kept and told."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training import checkpoint
from shapescope.training.config import fingerprint
from shapescope.training.datasets.pixels import Split
from shapescope.training.engine import make_optimizer
from shapescope.training.evaluation import Evaluation, evaluate
from shapescope.training.events import EventWriter
from shapescope.training.loop import Learner, Tally, Watcher, run_epoch
from shapescope.training.outcome import Outcome
from shapescope.training.report import Beginning, Progress, Reporter
from shapescope.training.run import Run
from shapescope.training.setup import Prepared, Request, record
from shapescope.training.stopper import Stopper
from shapescope.training.transforms import preparation
from shapescope.training.weights import borrowed, start_average


class Session:
    """A run under way.

    Args:
        request: what is wanted.
        prepared: the request made ready.
        run: the folder that records it.
        told: who is told.
        stop: whether somebody asked to stop.
    """

    def __init__(
        self, request: Request, prepared: Prepared, run: Run, told: Reporter, stop: Stopper
    ) -> None:
        self.request, self.prepared, self.run = request, prepared, run
        self.told, self.stop = told, stop
        self.plan = prepared.plan
        recipe = self.plan.recipe
        self.learner = Learner(
            prepared.model,
            make_optimizer(recipe.optimizer, prepared.model.parameters()),
            start_average(prepared.model) if recipe.average else None,
        )
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.best_test: Evaluation | None = None  # of the best epoch, if it was in this session
        self.saved_at = time.monotonic()
        self.events: EventWriter | None = None
        self.prepare_test = preparation(
            recipe.transforms,
            self.plan.split.pixels.shape[0],
            training=False,
            memory_format=self.plan.engine.way.memory_format,
        )

    def begin(self, *, resume: bool) -> None:
        """Record the run, or read where it stopped, and tell."""
        group, recipe = self.plan.group, self.plan.recipe
        # for what the model itself draws, as dropout does; a checkpoint restores it
        torch.manual_seed(recipe.seed + group.rank)
        random.seed(recipe.seed + group.rank)
        if resume:
            self._check_data()
            if self.run.last_path.exists():
                self._restore(checkpoint.load(self.run.last_path))
            if group.leads:
                self.run.clean()
                self.run.record_anew(recipe.epochs, self.request.data.data_dir)
                self.run.write_metrics(self.history)
        elif group.leads:
            self.run.create(record(self.request, self.prepared))
        if self.request.events and group.leads:
            self.events = EventWriter(self.run.folder)
        image_set = self.prepared.image_set
        self.told.begin(
            Beginning(
                title=self.request.model.title,
                recipe=recipe.to_dict(),
                data=f"{image_set.title} ({image_set.source})",
                train_count=len(self.plan.split),
                validation_count=len(self.prepared.validation or ()),
                test_count=len(self.prepared.test),
                params=sum(p.numel() for p in self.learner.model.parameters() if p.requires_grad),
                engine=self.plan.engine,
                folder=str(self.run.folder),
                notes=image_set.notes + self.prepared.notes,
                epochs=recipe.epochs,
                epochs_done=self.learner.epoch,
            )
        )

    def run_all(self) -> Outcome:
        """Train what is left."""
        complete = True
        while self.learner.epoch < self.plan.recipe.epochs:
            watcher = Watcher(self._after_chunk, self.stop)
            if not run_epoch(self.plan, self.learner, watcher):
                self._save()
                complete = False
                break
            self._finish_epoch()
            if self._agree(self.stop()) and self.learner.epoch < self.plan.recipe.epochs:
                complete = False
                break
        if self.events is not None:
            self.events.close()
        return Outcome(
            run=self.run,
            complete=complete,
            epoch=self.learner.epoch,
            step=self.learner.tally.step,
            metrics=tuple(self.history),
            test=self._final_test() if complete else None,
            classes=self.prepared.image_set.classes,
            engine=self.plan.engine,
        )

    def _after_chunk(self, tally: Tally, means: list[float]) -> bool:
        plan, recipe = self.plan, self.plan.recipe
        if recipe.print_every:
            for step, loss in enumerate(means, tally.step - len(means) + 1):
                if step % recipe.print_every == 0:
                    self.told.step(self.learner.epoch + 1, step, loss)
        rate = tally.count / max(tally.seconds, 1e-9)
        left = (recipe.epochs - self.learner.epoch) * len(plan.split) - tally.count
        self.told.progress(
            Progress(
                epoch=self.learner.epoch + 1,
                epochs=recipe.epochs,
                step=tally.step,
                steps=plan.steps,
                loss=tally.loss_total / tally.count,
                top1_accuracy=tally.correct / tally.count,
                images_per_second=rate,
                seconds_left=left / rate,
            )
        )
        due = time.monotonic() - self.saved_at > self.request.checkpoint_seconds
        if self._agree(due) and tally.step < plan.steps:
            self._save()
        return self._agree(self.stop())

    def _agree(self, wish: bool) -> bool:
        """Return whether any process has a wish, so that all do the same."""
        if self.plan.group.processes == 1:
            return wish
        return bool(self.plan.group.total(torch.tensor(int(wish))))

    def _finish_epoch(self) -> None:
        """Test, record, and write the checkpoints of an epoch that is done."""
        self.learner.epoch += 1
        epoch = self.learner.epoch
        lines = [self.learner.tally.metrics(epoch)]
        self.learner.tally = Tally()
        with self._tested_weights():
            splits = (self.prepared.validation, self.prepared.test)
            tested = [self._evaluate(split) for split in splits if split]
            lines += [figures.metrics(epoch) for figures in tested]
            judged = next(line for line in lines if line["split"] == self.prepared.judge.name)
            self.history.extend(lines)
            accuracy = judged["top1_accuracy"]
            is_best = self.best is None or accuracy > self.best["top1_accuracy"]
            if is_best:
                self.best = {
                    "epoch": epoch,
                    "split": judged["split"],
                    "top1_accuracy": accuracy,
                }
                self.best_test = tested[-1]
                if self.plan.group.leads:
                    # before the newest checkpoint: a run killed between the two does this again
                    checkpoint.save(
                        self.run.best_path,
                        {**self._identity(), "weights": self.learner.model.state_dict()},
                    )
        self._save()
        if self.plan.group.leads:
            self.run.write_metrics(self.history)
        if self.events is not None:
            self.events.add(lines)
        self.told.epoch(lines, best=is_best)

    def _evaluate(self, split: Split) -> Evaluation:
        plan = self.plan
        return evaluate(
            self.learner.model,
            split,
            self.prepare_test,
            self.prepared.classes,
            batch_size=plan.recipe.batch_size,
            group=plan.group,
            device=plan.device,
        )

    def _final_test(self) -> Evaluation | None:
        """Return the figures of the best weights; None if no epoch was trained."""
        if self.best_test is not None:
            return self.best_test
        if not self.run.best_path.exists():
            return None
        best = checkpoint.load(self.run.best_path)
        with borrowed(self.learner.model, best["weights"]):
            return self._evaluate(self.prepared.test)

    @contextmanager
    def _tested_weights(self) -> Iterator[None]:
        """Put the running mean of the weights in place, if there is one."""
        if self.learner.average is None:
            yield
            return
        with borrowed(self.learner.model, self.learner.average):
            yield

    def _identity(self) -> dict[str, Any]:
        """Return what every checkpoint says about itself."""
        return {
            "model": self.request.model.spec,
            "recipe": self.plan.recipe.to_dict(),
            "data": self.request.data.to_dict(),
            "classes": list(self.prepared.image_set.classes),
            "shape": list(self.plan.split.pixels.shape),
            "epoch": self.learner.epoch,
            "step": self.learner.tally.step,
            "best": self.best,
        }

    def _save(self) -> None:
        """Write the newest checkpoint; every process takes part, the leading one writes."""
        group = self.plan.group
        rng = group.gather(checkpoint.rng_state(self.plan.device))
        self.saved_at = time.monotonic()
        if not group.leads:
            return
        content = {
            **self._identity(),
            "weights": self.learner.model.state_dict(),
            "average": self.learner.average,
            "optimizer": self.learner.optimizer.state_dict(),
            "tally": asdict(self.learner.tally),
            "history": self.history,
            "rng": rng,
        }
        checkpoint.save(self.run.last_path, content)

    def _restore(self, content: dict[str, Any]) -> None:
        """Go back to where a checkpoint was written."""
        path = str(self.run.last_path)
        missing = {"optimizer", "tally", "history", "rng"} - content.keys()
        if missing:
            raise ShapescopeError(f"{path} has weights but not what going on needs: {missing}")
        checkpoint.apply_weights(self.learner.model, content["weights"], path)
        if self.learner.average is not None and content["average"] is not None:
            self.learner.average = dict(content["average"])
        self.learner.optimizer.load_state_dict(content["optimizer"])
        self.learner.epoch = content["epoch"]
        self.learner.tally = Tally(**content["tally"])
        self.history, self.best = list(content["history"]), content["best"]
        rank = self.plan.group.rank
        if rank < len(content["rng"]):
            checkpoint.restore_rng(content["rng"][rank], self.plan.device)

    def _check_data(self) -> None:
        recorded = self.run.config()["data"]["fingerprint"]
        if fingerprint(self.prepared.image_set) != recorded:
            raise ShapescopeError(
                f"the images in {self.prepared.image_set.source} are not those that the run in "
                f"{self.run.folder} began with"
            )
