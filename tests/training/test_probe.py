"""Choosing how to compute: by measurement, without touching the model, and remembered."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from platformdirs import user_cache_path
from torch import nn

from shapescope.networks import CNN, LeNet5
from shapescope.training import probe
from shapescope.training.engine import Engine, Step, Way, make_optimizer, make_step
from shapescope.training.probe import best_of, choose
from shapescope.training.recipe import OptimizerSpec
from shapescope.training.recipes import recipe_for
from shapescope.training.wishes import Wishes

PLAIN = Way()
BUSY_ELSEWHERE = probe._busy_elsewhere


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "_SECONDS", 0.005)
    monkeypatch.setattr(probe, "_busy_elsewhere", lambda: 0.0)
    monkeypatch.setattr(probe, "_memory", lambda: tmp_path / "engines")


def measured(model: nn.Module, wishes: Wishes, fresh: bool = False) -> Engine:
    side = 28 if isinstance(model, CNN) else 32
    sample = torch.linspace(0, 1, 8 * side * side).reshape(8, 1, side, side)
    return choose(model, sample, 7, recipe_for("lenet5"), wishes, fresh=fresh)


def test_neither_model_nor_random_numbers_nor_threads_are_touched() -> None:
    model = LeNet5().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    measured(model, Wishes(most_threads=2))
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert torch.get_rng_state().equal(state)
    assert torch.get_num_threads() == threads
    assert not model.training
    assert all(weight.grad is None for weight in model.parameters())


def test_every_way_is_measured_and_recorded() -> None:
    engine = measured(LeNet5(), Wishes(most_threads=2))
    assert engine.chosen == "measured"
    assert len(engine.images_per_second) == 17
    assert sum("recorded" in name for name in engine.images_per_second) == 1  # the best of 16
    assert str(engine.way) in engine.images_per_second
    assert all(rate > 0 for rate in engine.images_per_second.values())


class Contiguous(CNN):
    """It takes its maps by where they lie in memory."""

    def forward(self, x: torch.Tensor) -> Any:
        maps = self.conv1(x)
        if not maps.is_contiguous():
            raise RuntimeError("these maps lie otherwise")
        return super().forward(x)


def test_a_network_that_views_its_maps_can_go_every_way() -> None:
    engine = measured(CNN(), Wishes())
    assert all(rate > 0 for rate in engine.images_per_second.values())


def test_a_way_the_network_cannot_go_is_never_taken() -> None:
    engine = measured(Contiguous(), Wishes())
    assert engine.images_per_second["channels_last float32, 1 thread"] == 0
    assert not engine.way.channels_last


@pytest.mark.parametrize(
    ("wishes", "count"),
    [
        (Wishes("float32"), 4),
        (Wishes("bfloat16", threads=1), 4),
        (Wishes(threads=3, most_threads=8), 8),
        (Wishes("float32", most_threads=4), 8),
        (Wishes("float32", compile=True), 6),
    ],
)
def test_only_what_is_free_is_considered(wishes: Wishes, count: int) -> None:
    ways = wishes.ways()
    assert len(ways) == len(set(ways)) == count
    assert ways[0] == wishes.plain
    if wishes.precision != "auto":
        assert {way.precision for way in ways} == {wishes.precision}
    if wishes.threads is not None:
        assert {way.threads for way in ways} == {wishes.threads}


@pytest.mark.parametrize("error", [RuntimeError, AttributeError])
def test_a_way_that_fails_once_it_is_warm_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def failing(model: nn.Module, way: Way, device: str, smoothing: float = 0.0) -> Step:
        step = make_step(model, replace(way, compiled=False), device, smoothing)
        taken = 0

        def third_fails(images: torch.Tensor, labels: torch.Tensor, factor: float) -> Any:
            nonlocal taken
            taken += 1
            if way.compiled and taken > 2:
                raise error("compiled once more, and in vain")
            return step(images, labels, factor)

        return third_fails

    monkeypatch.setattr(probe, "make_step", failing)
    engine = measured(LeNet5(), Wishes("float32", compile=True))
    rates = engine.images_per_second
    assert not engine.way.compiled
    assert all((rate == 0) == ("compiled" in name) for name, rate in rates.items())


def test_an_error_of_the_network_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(LeNet5):
        def forward(self, x: torch.Tensor) -> Any:
            raise KeyError("no such part")

    with pytest.raises(KeyError, match="no such part"):
        measured(Wrong(), Wishes("float32"))


def test_a_small_gain_is_not_worth_fewer_digits_or_more_threads() -> None:
    digits, threads = Way("bfloat16"), Way(threads=2)
    assert best_of({PLAIN: 100, digits: 104}, PLAIN) == PLAIN
    assert best_of({PLAIN: 100, digits: 106}, PLAIN) == digits
    assert best_of({PLAIN: 100, threads: 109}, PLAIN) == PLAIN
    assert best_of({PLAIN: 100, threads: 111}, PLAIN) == threads
    assert best_of({PLAIN: 100, digits: 0}, PLAIN) == PLAIN


def test_a_result_is_remembered_unless_the_machine_is_much_slower_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = measured(LeNet5(), Wishes())
    again = measured(LeNet5(), Wishes())
    assert again.chosen in ("remembered", "measured")
    monkeypatch.setattr(probe, "_SLOWED", 0.0)
    again = measured(LeNet5(), Wishes())
    assert again.chosen == "remembered"
    monkeypatch.setattr(probe, "_SLOWED", 1000.0)
    assert measured(LeNet5(), Wishes()).chosen == "measured"
    assert measured(LeNet5(), Wishes(), fresh=True).chosen == "measured"
    assert unrecorded(first) == unrecorded(again)


def unrecorded(engine: Engine) -> set[str]:
    """What is measured whichever way is best: only that one is recorded."""
    return {name for name in engine.images_per_second if "recorded" not in name}


def test_what_was_measured_beside_other_work_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # one of two cores is busy all the time: a thread alone has the other, two have not
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(probe, "_busy_elsewhere", time.perf_counter)
    measured(LeNet5(), Wishes(most_threads=2))
    assert not (tmp_path / "engines").exists()
    measured(LeNet5(), Wishes(most_threads=1))
    assert len(list((tmp_path / "engines").iterdir())) == 1
    monkeypatch.setattr(probe, "_busy_elsewhere", lambda: 0.0)
    measured(LeNet5(), Wishes(most_threads=2))
    assert len(list((tmp_path / "engines").iterdir())) == 2


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells of other processes")
def test_work_of_other_processes_is_seen() -> None:
    before = BUSY_ELSEWHERE()
    subprocess.run([sys.executable, "-c", "sum(range(50_000_000))"], check=True)
    assert BUSY_ELSEWHERE() - before > 0.2  # a second or so on any machine of today


class Deciding(LeNet5):
    """It cannot be recorded."""

    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x if x.sum() > 0 else -x)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Way]:
    """Ways that steps were made for, on a machine with a compiler that takes no time."""
    made: list[Way] = []

    def plainly(model: nn.Module, way: Way, device: str, smoothing: float = 0.0) -> Step:
        made.append(way)
        return make_step(model, replace(way, compiled=False), device, smoothing)

    monkeypatch.setattr(probe, "make_step", plainly)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return made


def test_a_long_run_tries_a_compiled_recording(
    asked: list[Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(LeNet5(), Wishes(images=999_999))
    assert not any(way.compiled for way in asked)
    measured(LeNet5(), Wishes(images=1_000_000))
    compiled = Way(compiled=True, quick=True, recorded=True)
    assert [way for way in asked if way.compiled] == [compiled]
    asked.clear()
    monkeypatch.setattr("shutil.which", lambda name: None)
    measured(LeNet5(), Wishes(images=1_000_000), fresh=True)
    assert not any(way.compiled for way in asked)


@pytest.mark.parametrize(
    ("model", "wishes"),
    [
        (Deciding(), Wishes(images=1_000_000)),
        (LeNet5(), Wishes(images=1_000_000, alone=False)),
        (LeNet5(), Wishes("bfloat16", images=1_000_000)),
    ],
)
def test_a_long_run_that_cannot_be_recorded_tries_its_best_way_compiled(
    asked: list[Way], model: nn.Module, wishes: Wishes
) -> None:
    engine = measured(model, wishes)
    tried = [way for way in asked if way.compiled and not way.recorded]
    assert [way.quick for way in tried] == [False]
    assert asked[-1] in tried
    assert wishes.alone or not any(way.recorded for way in asked)
    if isinstance(model, Deciding):
        recorded = [rate for name, rate in engine.images_per_second.items() if "recorded" in name]
        assert recorded == [0.0, 0.0]


def test_a_compiled_recording_has_the_threads_of_the_best_way() -> None:
    wishes = Wishes(compile=True, most_threads=4)
    assert [way.threads for way in wishes.compiled_recordings(Way(threads=1))] == [1]
    assert [way.threads for way in wishes.compiled_recordings(Way(threads=4))] == [1, 4]
    assert Wishes(most_threads=4).compiled_recordings(Way(threads=4)) == []
    assert wishes.compiled_recordings(Way())[0].precision == "float32"


def test_another_network_is_measured_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_SLOWED", 0.0)
    measured(LeNet5(), Wishes())
    assert measured(LeNet5(7), Wishes()).chosen == "measured"


def test_a_damaged_memory_is_measured_again(tmp_path: Path) -> None:
    measured(LeNet5(), Wishes())
    (file,) = (tmp_path / "engines").glob("*.json")
    file.write_text("{")
    assert measured(LeNet5(), Wishes()).chosen == "measured"


def test_memory_lies_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert probe._memory() == user_cache_path("shapescope") / "engines"


def test_an_engine_survives_its_record() -> None:
    engine = Engine(Way("bfloat16", True, 2), "cpu", True, 2, "measured", {"x": 1.0})
    assert Engine.from_dict(engine.to_dict()) == engine


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_gives_float32_scores_and_loss_and_gradients(precision: str) -> None:
    model = LeNet5()
    scores, loss = make_step(model, Way(precision), "cpu")(
        torch.rand(4, 1, 32, 32), torch.arange(4), 1.0
    )
    assert scores.dtype == loss.dtype == torch.float32
    assert not scores.requires_grad and not loss.requires_grad
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (OptimizerSpec("sgd", 0.1, 0.9, True, 0.01), torch.optim.SGD),
        (OptimizerSpec("adam", 0.1, betas=(0.8, 0.99)), torch.optim.Adam),
        (OptimizerSpec("adamw", 0.1, weight_decay=0.5), torch.optim.AdamW),
    ],
)
def test_optimizers_have_the_recipes_values(spec: OptimizerSpec, kind: type) -> None:
    model = LeNet5()
    model.fc.weight.requires_grad_(False)
    optimizer = make_optimizer(spec, model.parameters())
    assert type(optimizer) is kind
    values = optimizer.param_groups[0]
    assert (values["lr"], values["weight_decay"]) == (spec.lr, spec.weight_decay)
    assert values["fused"]
    if spec.name == "sgd":
        assert (values["momentum"], values["nesterov"]) == (0.9, True)
    else:
        assert values["betas"] == spec.betas
    assert len(values["params"]) == len(list(model.parameters())) - 1


def test_a_fixed_number_of_threads_is_remembered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = Wishes(threads=2, most_threads=2)
    assert measured(LeNet5(), wishes).chosen == "measured"
    monkeypatch.setattr(probe, "_SLOWED", 0.0)
    assert measured(LeNet5(), wishes).chosen == "remembered"
