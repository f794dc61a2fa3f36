"""Whole runs on the shipped samples: what is written, what is best, resuming to the same bits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from shapescope.diagnostic import ShapescopeError
from shapescope.training import checkpoint
from shapescope.training.engine import Engine, Way
from shapescope.training.evaluation import Evaluation, evaluate
from shapescope.training.options import TrainOptions, new_request, resumed_request
from shapescope.training.report import Progress, Silent
from shapescope.training.run import Run
from shapescope.training.setup import Request
from shapescope.training.stopper import Stopper
from shapescope.training.train import Outcome, train


def request(name: str, **changes: Any) -> Request:
    return new_request(TrainOptions(name, sample=True, changes={"epochs": 2} | changes))


class Told(Silent):
    """Keeps what it is told; stops the run after some calls, if asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[tuple[int, int, float]] = []
        self.epochs: list[tuple[list[dict[str, Any]], bool]] = []
        self.seen: list[Progress] = []
        self.stop_after = stop_after

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)
        if self.stop_after is not None and len(self.seen) == self.stop_after:
            STOPPED.add(1)

    def step(self, epoch: int, step: int, loss: float) -> None:
        self.steps.append((epoch, step, loss))

    def epoch(self, lines: Sequence[Mapping[str, Any]], *, best: bool) -> None:
        self.epochs.append(([dict(line) for line in lines], best))


STOPPED: set[int] = set()


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a reporter ask for a stop, as a signal would."""
    STOPPED.clear()
    monkeypatch.setattr(Stopper, "__call__", lambda self: bool(STOPPED))


def weights(run: Run, name: str = "last_path") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(getattr(run, name))["weights"]
    return found


def same(left: Mapping[str, torch.Tensor], right: Mapping[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(left[name].equal(right[name]) for name in left)


def timeless(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    drop = ("seconds", "images_per_second")
    return [{key: line[key] for key in line if key not in drop} for line in lines]


def test_a_run_writes_what_the_contract_says(tmp_path: Path) -> None:
    run, told = Run(tmp_path / "run"), Told()
    outcome = train(request("network"), run, reporter=told)
    assert outcome.complete
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"config.json", "metrics.jsonl", "last.pt", "best.pt"}
    lines = [json.loads(line) for line in run.metrics_path.read_text().splitlines()]
    assert [(line["epoch"], line["split"]) for line in lines] == [
        (1, "train"),
        (1, "test"),
        (2, "train"),
        (2, "test"),
    ]
    for line in lines:
        assert set(line) == {
            "epoch",
            "split",
            "loss",
            "loss_sum",
            "top1_accuracy",
            "correct",
            "count",
            "seconds",
            "images_per_second",
        }
        assert line["count"] == (2_000 if line["split"] == "train" else 500)
        assert line["top1_accuracy"] == line["correct"] / line["count"]
        assert line["seconds"] > 0
    # batches of 100 divide both splits, so the sum of their means is the mean times their number
    assert lines[0]["loss_sum"] == pytest.approx(20 * lines[0]["loss"])
    assert lines[1]["loss_sum"] == pytest.approx(5 * lines[1]["loss"])
    assert lines[3]["top1_accuracy"] > 0.5
    config = run.config()
    assert config["model"] == "network"
    assert config["recipe"]["optimizer"]["lr"] == 0.01
    assert config["recipe"]["epochs"] == 2
    assert config["data"]["train_images"] == 2_000
    assert config["engine"]["chosen"] == "fixed"
    assert config["environment"]["torch"] == torch.__version__
    assert config["environment"]["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert told.seen[-1].step == 20
    assert [best for _, best in told.epochs] == [True, lines[3]["correct"] > lines[1]["correct"]]


def test_the_best_checkpoint_is_that_of_the_best_epoch(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    outcome = train(request("mnist-cnn", epochs=3, **{"optimizer.lr": 0.02}), run)
    accuracies = [line["top1_accuracy"] for line in outcome.metrics if line["split"] == "test"]
    best = checkpoint.load(run.best_path)
    assert best["epoch"] == accuracies.index(max(accuracies)) + 1
    assert best["best"]["top1_accuracy"] == max(accuracies)
    assert outcome.test is not None
    assert outcome.test.top1_accuracy == max(accuracies)


def test_what_the_best_epoch_gave_is_not_measured_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = []

    def counted(*args: Any, **options: Any) -> Evaluation:
        measured.append(args[1].name)
        return evaluate(*args, **options)

    monkeypatch.setattr("shapescope.training.session.evaluate", counted)
    outcome = train(request("network", epochs=2), Run(tmp_path / "run"))
    assert measured == ["test", "test"]
    lines = [line for line in outcome.metrics if line["split"] == "test"]
    assert outcome.test is not None
    assert outcome.test.correct == max(line["correct"] for line in lines)
    assert outcome.test.loss in [line["loss"] for line in lines]


def test_a_validation_part_is_held_out_and_chooses(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    wanted = request("network")
    wanted = replace(wanted, data=replace(wanted.data, validation=300))
    outcome = train(wanted, run)
    counts = {line["split"]: line["count"] for line in outcome.metrics}
    assert counts == {"train": 1_700, "validation": 300, "test": 500}
    assert checkpoint.load(run.best_path)["best"]["split"] == "validation"


def test_steps_are_told_as_the_recipe_wants(tmp_path: Path) -> None:
    told = Told()
    train(request("mnist-cnn", epochs=1), Run(tmp_path / "run"), reporter=told)
    assert [(epoch, step) for epoch, step, _ in told.steps] == [(1, 100), (1, 200)]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    runs = [Run(tmp_path / str(number)) for number in range(3)]
    for run, seed in zip(runs, (5, 5, 6), strict=True):
        train(request("lenet5", epochs=1, seed=seed), run)
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


def one_epoch_by_hand(wanted: Request) -> dict[str, torch.Tensor]:
    """The documents' loop written plainly, on the same images in the same order."""
    from shapescope.training.distributed import Group
    from shapescope.training.plan import epoch_order
    from shapescope.training.setup import prepare

    prepared = prepare(wanted, Group())
    recipe, model = wanted.recipe, wanted.model.build(wanted.recipe.seed).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.optimizer.lr, fused=True)
    order = epoch_order(2_000, recipe.seed, 0, shuffle=True)
    for numbers in torch.split(order, recipe.batch_size):
        images = next(iter(prepared.plan.split.pixels.read([numbers])))
        optimizer.zero_grad()
        scores = model(prepared.plan.prepare(images))
        loss = torch.nn.functional.cross_entropy(scores, prepared.plan.split.labels[numbers])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model.state_dict()


def test_the_loop_is_the_documents_loop(tmp_path: Path) -> None:
    wanted = request("lenet5", epochs=1)
    run = Run(tmp_path / "run")
    train(wanted, run)
    assert same(weights(run), one_epoch_by_hand(wanted))


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize(
    ("name", "calls"), [("lenet5", 1), ("lenet5", 3), ("network", 2), ("network", 3)]
)
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path: Path, name: str, calls: int) -> None:
    changes: dict[str, Any] = {
        "transforms.augment": ["flip", "shift:1"],
        "average": 0.9,
        "batch_size": 150,
        "schedule.name": "one_cycle",
    }
    whole, parts = Run(tmp_path / "whole"), Run(tmp_path / "parts")
    full = train(request(name, **changes), whole)
    stopped = train(request(name, **changes), parts, reporter=Told(stop_after=calls))
    assert not stopped.complete
    torch.rand(7)  # what others draw in between does not matter
    STOPPED.clear()
    wanted, engine = resumed_request(TrainOptions(), parts)
    outcome = train(wanted, parts, resume=True, engine=engine)
    assert outcome.complete
    assert same(weights(whole), weights(parts))
    assert same(weights(whole, "best_path"), weights(parts, "best_path"))
    assert timeless(full.metrics) == timeless(outcome.metrics)
    assert timeless(parts.metrics()) == timeless(full.metrics)


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize("recorded", [False, True])
def test_a_run_with_dropout_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    chosen = Engine(Way(recorded=recorded))
    monkeypatch.setattr("shapescope.training.setup._engine", lambda *_: chosen)
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Dropout(0.3), nn.Linear(784, 10))\n"
    )
    monkeypatch.chdir(tmp_path)
    options = TrainOptions(
        "net.py:Net", sample=True, changes={"dataset": "mnist", "epochs": 2, "batch_size": 50}
    )
    runs = [Run(tmp_path / "whole"), Run(tmp_path / "parts")]
    train(new_request(options), runs[0])
    stopped = train(new_request(options), runs[1], reporter=Told(stop_after=3))
    assert not stopped.complete
    STOPPED.clear()
    wanted, engine = resumed_request(TrainOptions(), runs[1])
    assert engine == chosen
    train(wanted, runs[1], resume=True, engine=engine)
    assert same(weights(runs[0]), weights(runs[1]))


def test_a_run_can_be_given_more_epochs(tmp_path: Path) -> None:
    short, long = Run(tmp_path / "short"), Run(tmp_path / "long")
    train(request("network", epochs=1), short)
    wanted, engine = resumed_request(TrainOptions(changes={"epochs": 2}), short)
    train(wanted, short, resume=True, engine=engine)
    train(request("network", epochs=2), long)
    assert same(weights(short), weights(long))


@pytest.mark.usefixtures("stoppable")
def test_a_run_that_was_given_more_epochs_is_resumed_to_all_of_them(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    train(request("network", epochs=1), run)
    before = run.config()
    longer, engine = resumed_request(TrainOptions(changes={"epochs": 3}), run)
    stopped = train(longer, run, reporter=Told(stop_after=1), resume=True, engine=engine)
    STOPPED.clear()
    assert (stopped.complete, stopped.epoch) == (False, 1)
    wanted, engine = resumed_request(TrainOptions(), run)
    outcome = train(wanted, run, resume=True, engine=engine)
    assert (outcome.complete, outcome.epoch) == (True, 3)
    before["recipe"]["epochs"] = 3
    assert run.config() == before


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    first = train(request("network", epochs=1), run)
    before = weights(run)
    wanted, engine = resumed_request(TrainOptions("fashion"), run)
    outcome: Outcome = train(wanted, run, resume=True, engine=engine)
    assert outcome.complete
    assert same(before, weights(run))
    assert outcome.test == replace(first.test, seconds=outcome.test.seconds)  # type: ignore[type-var, union-attr]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TrainOptions("lenet5"), "trains network"),
        (TrainOptions(recipe="fast"), "follows the recipe document"),
        (TrainOptions(changes={"batch_size": 7}), "started with other values: .* batch_size"),
    ],
)
def test_a_run_is_not_resumed_as_another(tmp_path: Path, options: TrainOptions, said: str) -> None:
    run = Run(tmp_path / "run")
    train(request("network", epochs=0), run)
    with pytest.raises(ShapescopeError, match=said):
        resumed_request(options, run)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    train(request("network", epochs=0), run)
    with pytest.raises(ShapescopeError, match="already holds a run"):
        train(request("network", epochs=0), run)


def test_other_images_than_the_run_began_with_are_noticed(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    train(request("network", epochs=0), run)
    config = run.config()
    config["data"]["fingerprint"] = "other"
    run.write_config(config)
    wanted, engine = resumed_request(TrainOptions(), run)
    with pytest.raises(ShapescopeError, match=r"are not those that the run in .* began with"):
        train(wanted, run, resume=True, engine=engine)


def test_a_full_disk_ends_a_run_clearly_and_the_last_checkpoint_is_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    train(request("network", epochs=1), run)
    before = weights(run)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    wanted, engine = resumed_request(TrainOptions(changes={"epochs": 2}), run)
    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(ShapescopeError, match=r"No space left on device; .* is intact"):
        train(wanted, run, resume=True, engine=engine)
    assert same(before, weights(run))


def test_threads_determinism_and_random_numbers_are_put_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    state = checkpoint.rng_state(torch.device("cpu"))
    wanted = replace(request("network", epochs=1), deterministic=True, threads=2)
    train(wanted, Run(tmp_path / "run"))
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()
    after = checkpoint.rng_state(torch.device("cpu"))
    assert after["python"] == state["python"]
