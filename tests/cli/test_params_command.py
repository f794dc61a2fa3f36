from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from shapescope.cli import params as command

NAMES = [
    "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias",
    "fc2.weight", "fc2.bias", "out.weight", "out.bias",
]  # fmt: skip


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def test_the_documents_rows(program: Run) -> None:
    ran = program("params", "network")
    assert ran.code == 0
    names = [line.split()[0] for line in ran.out.splitlines() if line[:1].isalpha()]
    assert [name for name in names if name in NAMES] == NAMES
    assert "6 kernels x 1 input channel x 5 x 5 (height x width)" in ran.out
    assert "10 parameters, 32,998 values, all trainable" in ran.out


def test_formats(program: Run) -> None:
    data = json.loads(program("params", "network", "--format", "json").out)
    assert [row["name"] for row in data["params"]] == NAMES
    table = csv.DictReader(io.StringIO(program("params", "network", "--format", "csv").out))
    assert [row["name"] for row in table] == NAMES
    assert "| conv1.weight |" in program("params", "network", "--format", "markdown").out


def test_values_depend_on_the_seed_alone(program: Run) -> None:
    first = program("params", "network").out
    assert program("params", "network", "--seed", "0").out == first
    assert program("params", "network", "--seed", "1").out != first


def test_without_statistics_nothing_is_built(program: Run) -> None:
    out = program("params", "network", "--no-statistics").out
    assert "mean" not in out
    assert "32,998 values" in out


def test_what_is_too_large_is_not_built(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "AFFORDABLE_VALUES", 1000)
    ran = program("params", "network")
    assert "note: 32,998 values are too many to build; no statistics" in ran.out
    shown = program("params", "network", "--show", "out.bias")
    assert shown.code == 2
    assert "too large to build" in shown.err


def test_one_parameter_with_its_kernels(program: Run) -> None:
    ran = program("params", "network", "--show", "conv1.weight")
    lines = ran.out.splitlines()
    assert lines[0].startswith("conv1.weight  6 x 1 x 5 x 5  6 kernels x 1 input channel")
    assert lines[2].startswith("[[[[")
    assert any("█" in line for line in lines)
    bias = program("params", "network", "--show", "out.bias")
    assert "█" not in bias.out
    assert bias.out.count(",") == 9


def test_kernels_that_see_several_channels_are_named_by_both(program: Run) -> None:
    out = program("params", "network", "--show", "conv2.weight").out
    assert "0, 0" in out
    assert "0, 5" in out
    assert "the first 64 of 72 kernels" in out


def test_an_unknown_name(program: Run) -> None:
    ran = program("params", "network", "--show", "conv1.weigth")
    assert ran.code == 2
    assert "no parameter is called `conv1.weigth`; did you mean `conv1.weight`?" in ran.err
    layer = program("params", "network", "--show", "conv1")
    assert layer.err.splitlines()[0] == (
        "error: no parameter is called `conv1`; did you mean `conv1.weight` or `conv1.bias`?"
    )


LAZY = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(3)

    def forward(self, x):
        if x.shape[-1] > 100:
            raise ValueError("too wide")
        return self.fc(x)
"""


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_a_lazy_model_needs_an_input(in_folder: Path, program: Run) -> None:
    Path("lazy.py").write_text(LAZY)
    without = program("params", "lazy.py")
    assert without.code == 2
    assert "lazy" in without.err
    assert "--input" in without.err
    ran = program("params", "lazy.py", "--input", "2,7")
    assert ran.code == 0
    assert "3 out_features x 7 in_features" in ran.out
    wide = program("params", "lazy.py", "--input", "2,700")
    assert wide.code == 1
    assert "too wide" in wide.out


def test_a_file_may_be_written(in_folder: Path, program: Run) -> None:
    assert program("params", "network", "-o", "params.txt").out == ""
    assert "conv1.weight" in Path("params.txt").read_text()
