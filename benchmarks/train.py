"""Training speed: each document's own loop against shapescope's, in turn, in one run.

The document's loop is a DataLoader over single images: every image becomes a PIL image, goes
through torchvision's transforms, and is collated into a batch; plain torch, plain optimizer,
float32. It runs in a process of its own, as a user's script would. The two loops use the same
network, batch size, images and number of steps. Rounds alternate, so that a machine that is busy
for a while slows both; the medians and their ratio are printed.

    python benchmarks/train.py --data-dir ~/data                    # some hundred steps each
    python benchmarks/train.py --data-dir ~/data --full --networks lenet5
    python benchmarks/train.py --data-dir ~/data --fast --seeds 5   # the fast recipes to the end
    python benchmarks/train.py --data-dir ~/data --profile --networks network
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.datasets.vision import VisionDataset

from shapescope.networks import NETWORKS
from shapescope.training.allocator import keep_freed_memory
from shapescope.training.config import environment
from shapescope.training.datasets.pixels import Split
from shapescope.training.distributed import Group
from shapescope.training.engine import make_optimizer
from shapescope.training.loop import Learner, Tally, Watcher, run_epoch
from shapescope.training.options import TrainOptions, new_request
from shapescope.training.plan import Plan
from shapescope.training.probe import choose
from shapescope.training.recipe import Recipe
from shapescope.training.run import Run
from shapescope.training.setup import Prepared, Request, prepare
from shapescope.training.train import train
from shapescope.training.wishes import Wishes

# What the documents' own loops reach on the test images here.
HEADLINE = {
    "lenet5": 98.8,
    "lenet5-tanh": 99.0,
    "mnist-cnn": 99.0,
    "network": 88.0,
    "cifar-cnn": 67.0,
}
IMAGES = {"mnist": 60_000, "fashion-mnist": 60_000, "cifar-10": 50_000}  # to train on


class Grey(datasets.MNIST):  # type: ignore[misc]  # torchvision is untyped here
    """MNIST and Fashion-MNIST as torchvision gives them, but for where they are read from."""

    def __init__(self, split: Split, transform: Any) -> None:
        VisionDataset.__init__(self, "", transform=transform)
        self.data = pixels_of(split).squeeze(1)
        self.targets = split.labels


class Coloured(datasets.CIFAR10):  # type: ignore[misc]
    """CIFAR-10 as torchvision gives it, but for where it is read from."""

    def __init__(self, split: Split, transform: Any) -> None:
        VisionDataset.__init__(self, "", transform=transform)
        self.data = pixels_of(split).permute(0, 2, 3, 1).contiguous().numpy()
        self.targets = split.labels.tolist()


def pixels_of(split: Split) -> torch.Tensor:
    """All images of a split, N x C x H x W."""
    return next(iter(split.pixels.read([torch.arange(len(split))])))


def single_images(split: Split, recipe: Recipe) -> VisionDataset:
    """A set of the documents: one PIL image at a time, transformed when it is asked for."""
    steps: list[Any] = []
    if recipe.transforms.resize is not None:
        steps.append(transforms.Resize(recipe.transforms.resize))
    steps.append(transforms.ToTensor())
    if recipe.transforms.mean:
        steps.append(transforms.Normalize(recipe.transforms.mean, recipe.transforms.std))
    kind = Grey if split.pixels.shape[0] == 1 else Coloured
    return kind(split, transforms.Compose(steps))


def plain_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer as the documents make it."""
    spec = recipe.optimizer
    if spec.name == "sgd":
        return torch.optim.SGD(
            model.parameters(), spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
    return torch.optim.Adam(model.parameters(), lr=spec.lr)


@dataclass
class DocumentLoop:
    """The documents' own loop, some steps at a time."""

    recipe: Recipe
    model: nn.Module
    loader: DataLoader[tuple[torch.Tensor, int]]

    def __post_init__(self) -> None:
        self.optimizer = plain_optimizer(self.recipe, self.model)

    def run(self, steps: int) -> tuple[float, int, int]:
        """Return seconds, images and images that were right while training."""
        self.model.train()
        images_seen = correct = 0
        start = time.perf_counter()
        for step, (images, labels) in enumerate(self.loader, 1):
            scores = self.model(images)
            loss = F.cross_entropy(scores, labels)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
            loss.item()
            images_seen += len(labels)
            correct += int((scores.argmax(1) == labels).sum())
            if step == steps:
                break
        return time.perf_counter() - start, images_seen, correct


def serve_document(name: str, data_dir: Path, threads: int, line: Connection) -> None:
    """Run the document's loop in a process of its own, as a user's script would.

    It answers a number of steps with the result of the loop, and 0 with the weights.
    """
    torch.set_num_threads(threads)
    request = request_for(name, data_dir)
    recipe = request.recipe
    data = single_images(request.data.load().train, recipe)
    loader = DataLoader(data, batch_size=recipe.batch_size, shuffle=True)
    loop = DocumentLoop(recipe, request.model.build(0), loader)
    while (steps := line.recv()) is not None:
        weights = {key: value.numpy() for key, value in loop.model.state_dict().items()}
        line.send(loop.run(steps) if steps else weights)


class Document:
    """The document's loop in another process: nothing that shapescope sets for itself helps it."""

    def __init__(self, name: str, data_dir: Path, threads: int) -> None:
        spawning = multiprocessing.get_context("spawn")
        self.line, other = spawning.Pipe()
        self.process = spawning.Process(
            target=serve_document, args=(name, data_dir, threads, other), daemon=True
        )
        self.process.start()
        other.close()

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.send(None)
        self.process.join()

    def run(self, steps: int) -> tuple[float, int, int]:
        """Return seconds, images and images that were right while training."""
        self.line.send(steps)
        seconds, images, correct = self.line.recv()
        return seconds, images, correct

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights as they are now."""
        self.line.send(0)
        return {key: torch.as_tensor(value) for key, value in self.line.recv().items()}


@dataclass
class OwnLoop:
    """shapescope's loop, some steps at a time."""

    prepared: Prepared

    def __post_init__(self) -> None:
        keep_freed_memory()
        recipe = self.prepared.plan.recipe
        optimizer = make_optimizer(recipe.optimizer, self.prepared.model.parameters())
        self.learner = Learner(self.prepared.model, optimizer)

    def run(self, steps: int) -> tuple[float, int, int]:
        """Return seconds, images and images that were right while training."""
        plan = self.prepared.plan
        torch.set_num_threads(plan.engine.way.threads)
        enough = Watcher(lambda tally, _: tally.step >= steps, lambda: False)
        start = time.perf_counter()
        run_epoch(plan, self.learner, enough)
        seconds = time.perf_counter() - start
        tally = self.learner.tally
        self.learner.tally = Tally()
        self.learner.epoch += 1
        return seconds, tally.count, tally.correct


def request_for(name: str, data_dir: Path, kind: str = "document", seed: int = 0) -> Request:
    """The request of a document network on the whole set."""
    return new_request(TrainOptions(name, data_dir=data_dir, recipe=kind, changes={"seed": seed}))


def compare(name: str, data_dir: Path, rounds: int, images: int, threads: int) -> dict[str, Any]:
    """Run both loops in turn for some rounds; return the medians and their ratio."""
    torch.set_num_threads(threads)  # the network before may have left fewer
    with Document(name, data_dir, threads) as document:
        document.run(5)  # it has loaded its data before the other way to compute is measured
        prepared = prepare(request_for(name, data_dir), Group())
        own = OwnLoop(prepared)
        recipe = prepared.plan.recipe
        steps = max(1, images // recipe.batch_size)
        own.run(5)
        rates: dict[str, list[float]] = {"document": [], "shapescope": []}
        for _ in range(rounds):
            for key, loop in (("document", document), ("shapescope", own)):
                seconds, count, _ = loop.run(steps)
                rates[key].append(count / seconds)
    medians = {key: statistics.median(values) for key, values in rates.items()}
    ratios = [a / b for a, b in zip(rates["shapescope"], rates["document"], strict=True)]
    whole = len(prepared.plan.split) * recipe.epochs
    return {
        "network": name,
        "engine": str(prepared.plan.engine.way),
        "document_images_per_second": round(medians["document"]),
        "shapescope_images_per_second": round(medians["shapescope"]),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "epochs": recipe.epochs,
        "document_seconds_for_all_epochs": round(whole / medians["document"], 1),
        "shapescope_seconds_for_all_epochs": round(whole / medians["shapescope"], 1),
        "rounds": rounds,
        "steps": steps,
    }


def full(name: str, data_dir: Path, threads: int, epochs: int | None) -> dict[str, Any]:
    """Train to the end with both loops; return accuracy and wall time of each."""
    from shapescope.training.evaluation import evaluate
    from shapescope.training.transforms import preparation

    seconds = {"document": 0.0, "shapescope": 0.0}
    correct = {"document": 0, "shapescope": 0}
    with Document(name, data_dir, threads) as document:
        document.run(5)
        prepared = prepare(request_for(name, data_dir), Group())
        own = OwnLoop(prepared)
        recipe = prepared.plan.recipe
        count = epochs or recipe.epochs
        for _ in range(count):
            for key, loop in (("document", document), ("shapescope", own)):
                spent, _, right = loop.run(10**9)
                seconds[key] += spent
                correct[key] = right
        theirs = request_for(name, data_dir).model.build(0)
        theirs.load_state_dict(document.weights())
    ready = preparation(recipe.transforms, prepared.test.pixels.shape[0], training=False)
    accuracy = {
        key: round(
            100
            * evaluate(
                model, prepared.test, ready, prepared.classes, batch_size=recipe.batch_size
            ).top1_accuracy,
            2,
        )
        for key, model in (("document", theirs), ("shapescope", prepared.model))
    }
    return {
        "network": name,
        "epochs": count,
        "seconds": {key: round(value, 1) for key, value in seconds.items()},
        "ratio": round(seconds["document"] / seconds["shapescope"], 2),
        "train_correct_last_epoch": correct,
        "test_accuracy": accuracy,
    }


def fast(name: str, data_dir: Path, seeds: int, threads: int) -> dict[str, Any]:
    """The fast recipe to the end, some seeds, against the time of the document's loop.

    The document's time is what its epochs would take at the rate of a short stretch just before,
    without loading and without tests. The fast recipe's is everything: loading the images,
    measuring how to compute, training, its tests, its checkpoints.
    """
    accuracies, times, shares, wholes = [], [], [], []
    with Document(name, data_dir, threads) as document:
        document.run(5)
        for seed in range(seeds):
            request = request_for(name, data_dir, "fast", seed)
            recipe = request_for(name, data_dir).recipe
            spent, count, _ = document.run(max(1, 6_000 // recipe.batch_size))
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                outcome = train(request, Run(Path(folder) / "run"))
            own = time.perf_counter() - start
            whole = recipe.epochs * IMAGES[recipe.dataset] * spent / count
            last = [line for line in outcome.metrics if line["split"] == "test"][-1]
            accuracies.append(100 * last["top1_accuracy"])
            times.append(own)
            wholes.append(whole)
            shares.append(own / whole)
    return {
        "network": name,
        "engine": str(outcome.engine.way),
        "seeds": seeds,
        "headline": HEADLINE[name],
        "test_accuracy_mean": round(statistics.mean(accuracies), 2),
        "test_accuracy_spread": round(statistics.stdev(accuracies), 2) if seeds > 1 else 0.0,
        "test_accuracies": [round(value, 2) for value in accuracies],
        "seconds_median": round(statistics.median(times), 1),
        "document_seconds_median": round(statistics.median(wholes), 1),
        "share_of_document_time": round(statistics.median(shares), 3),
        "shares": [round(share, 3) for share in shares],
    }


def profile(name: str, data_dir: Path) -> dict[str, Any]:
    """Where the time of shapescope's loop goes, by operator, in per cent of the CPU time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    request = request_for(name, data_dir)
    own = OwnLoop(prepare(request, Group()))
    own.run(20)
    with record(activities=[ProfilerActivity.CPU]) as recorded:
        own.run(200)
    rows = recorded.key_averages()
    total = sum(row.self_cpu_time_total for row in rows)
    top = sorted(rows, key=lambda row: -row.self_cpu_time_total)[:10]
    return {
        "network": name,
        "engine": str(own.prepared.plan.engine.way),
        "percent": {row.key: round(100 * row.self_cpu_time_total / total, 1) for row in top},
    }


def engines(name: str, data_dir: Path, threads: int) -> dict[str, Any]:
    """Every way to compute that is considered, compiled ones too, measured now."""
    request = request_for(name, data_dir)
    prepared = prepare(replace(request, deterministic=True), Group())
    plan: Plan = prepared.plan
    numbers = torch.arange(plan.recipe.batch_size)
    sample = plan.prepare(next(iter(plan.split.pixels.read([numbers]))))
    wishes = Wishes(compile=True, most_threads=threads)
    engine = choose(
        request.model.build(0), sample, prepared.classes, plan.recipe, wishes, fresh=True
    )
    return {
        "network": name,
        "chosen": str(engine.way),
        "images_per_second": dict(engine.images_per_second),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--networks", nargs="*", default=[entry.name for entry in NETWORKS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=12_000, help="per loop and round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--full", action="store_true", help="train to the end with both loops")
    parser.add_argument("--epochs", type=int, default=None, help="with --full")
    parser.add_argument("--fast", action="store_true", help="the fast recipes to the end")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    parser.add_argument("--engines", action="store_true", help="every way to compute, measured")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    jobs: dict[str, Callable[[str], dict[str, Any]]] = {
        "full": lambda name: full(name, options.data_dir, options.threads, options.epochs),
        "fast": lambda name: fast(name, options.data_dir, options.seeds, options.threads),
        "profile": lambda name: profile(name, options.data_dir),
        "engines": lambda name: engines(name, options.data_dir, options.threads),
        "compare": lambda name: compare(
            name, options.data_dir, options.rounds, options.images, options.threads
        ),
    }
    chosen = next((job for job in jobs if getattr(options, job, False)), "compare")
    print(json.dumps(environment() | {"threads": options.threads, "job": chosen}), flush=True)
    for name in options.networks:
        print(json.dumps(jobs[chosen](name)), flush=True)


if __name__ == "__main__":
    main()
