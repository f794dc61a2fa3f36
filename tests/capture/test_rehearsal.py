"""A real step of an edited model: what only real tensors and the backward pass show."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shapescope.capture.further.rehearsal import is_short, runs_for_real
from shapescope.capture.inputs import make_target, parse_input, parse_inputs
from shapescope.capture.traced import Target
from shapescope.capture.tracer import trace_model
from shapescope.session import Request, run_trace

SPECS = parse_inputs(["4,8"])


class Spoiled(nn.Module):
    """Forward runs; backward needs what the last line overwrites."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        made = torch.sigmoid(self.fc(x))
        made += 1
        return made


def test_forward_and_backward_are_run() -> None:
    assert runs_for_real(nn.Linear(8, 4), SPECS)
    assert not runs_for_real(nn.Linear(9, 4), SPECS)
    assert not runs_for_real(Spoiled(), SPECS)


def test_the_loss_is_part_of_it() -> None:
    good = Target(parse_input("4:int64<4"), "cross_entropy")
    short = Target(parse_input("3:int64<4"), "cross_entropy")
    assert runs_for_real(nn.Linear(8, 4), SPECS, target=good)
    assert not runs_for_real(nn.Linear(8, 4), SPECS, target=short)


def test_training_mode_counts() -> None:
    model = nn.BatchNorm1d(8)
    one = parse_inputs(["1,8"])
    assert runs_for_real(model, one)
    assert not runs_for_real(model, one, train=True)


def test_nothing_of_the_users_changes() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    assert runs_for_real(model, SPECS, train=True)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(param.grad is None for param in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_large_model_is_left_alone() -> None:
    assert is_short(trace_model(nn.Linear(8, 4), SPECS).trace)
    assert not is_short(trace_model(nn.Linear(8, 500_000), SPECS).trace)


BROKEN = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        made = torch.sigmoid(self.fc(x))
        {last}
        return made
"""


@pytest.mark.parametrize(("last", "count"), [("made = made + 1", 1), ("made += 1", 0)])
def test_a_help_that_does_not_train_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str, count: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(BROKEN.format(last=last))
    (found,) = run_trace(Request("net.py", ("4,8",))).diagnostics
    assert found.rule == "linear-in-features"
    assert sum(bool(entry.edits) for entry in found.help) == count


def test_targets_without_a_bound_are_classes_that_every_classification_has() -> None:
    """A table of 50 words says nothing about the 3 classes of the scores."""
    model = nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.Linear(32, 3))
    ids = parse_inputs(["6,4:int64"])
    assert runs_for_real(model, ids, target=Target(parse_input("6:int64"), "cross_entropy"))
    assert set(make_target(parse_input("64:int64"), device="cpu").tolist()) == {0, 1}
    assert make_target(parse_input("64:int64<9"), device="cpu").max() == 8
