"""Inputs that lack axes or whole numbers: the input is mended, and the model left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import shapescope
from shapescope.cli.app import run
from shapescope.diagnostic import Help
from shapescope.session import Request, run_trace

PETS = """\
import torch.nn as nn


class Pets(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(4),
        )
        self.head = nn.Linear(8 * 6 * 6, 5)

    def forward(self, picture):
        maps = self.features(picture)
        return self.head(maps.flatten(1))
"""

WORDS = """\
import torch.nn as nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 6)
        self.memory = nn.LSTM(6, 7, batch_first=True)
        self.head = nn.Linear(7, 3)

    def forward(self, words):
        out, _ = self.memory(self.table(words))
        return self.head(out[:, -1])
"""


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pets.py"
    file.write_text(PETS)
    (tmp_path / "words.py").write_text(WORDS)
    return file


def helps(model: str, given: str) -> tuple[Help, ...]:
    """The helps of the first error."""
    return run_trace(Request(model, (given,))).diagnostics[0].help


@pytest.mark.parametrize(
    ("given", "message", "meant"),
    [
        ("3,24,24", "add the batch axis to the input: --input 1,3,24,24", "1,3,24,24"),
        ("24,24", "add the batch and channel axes to the input: --input 1,3,24,24", "1,3,24,24"),
        ("2,3,24", "give the input height and width: --input 2,3,24,24", "2,3,24,24"),
    ],
)
def test_axes_left_out_are_added_to_the_input(
    pets: Path, given: str, message: str, meant: str
) -> None:
    (only,) = helps("pets.py", given)
    assert only == Help(message, verified=True)
    assert only.inputs == (meant,)


@pytest.mark.parametrize("given", ["3,24,24", "24,24", "2,3,24"])
def test_a_right_model_is_not_written_to(
    pets: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "pets.py", "--input", given, "--write"]) == 1
    assert pets.read_text() == PETS
    out = capsys.readouterr().out
    assert "wrote" not in out
    assert out.rstrip().endswith("24,24")
    assert "next: shapescope trace pets.py --input" in out


def test_another_fault_is_mended_for_the_input_that_was_meant(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (only,) = helps("pets.py", "3,32,32")
    assert only.message == (
        "add the batch axis to the input: --input 1,3,32,32; then nn.Linear(8 * 8 * 8, 5)  "
        "(changes the shape of head.weight; verified)"
    )
    assert run(["fix", "pets.py", "--input", "3,32,32", "--write"]) == 1
    assert pets.read_text() == PETS.replace("8 * 6 * 6", "8 * 8 * 8")
    assert "next: shapescope trace pets.py --input 1,3,32,32" in capsys.readouterr().out
    assert run(["fix", "pets.py", "--input", "1,3,32,32"]) == 0


@pytest.mark.parametrize("given", ["2,2", "9,3"])
def test_convolutions_are_never_left_out_for_what_may_be_a_map(
    pets: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # 2 x 2 is too small for the pool even when complete, 9 x 3 may be nine rows of 3 channels.
    run(["fix", "pets.py", "--input", given, "--write"])
    assert "maps = self.features(" in pets.read_text()
    assert "go around" not in capsys.readouterr().out


def test_an_embedding_is_fed_whole_numbers(pets: Path) -> None:
    (only,) = helps("words.py", "4,12")
    assert only == Help("feed int64: --input 4,12:int64", verified=True)
    before = Path("words.py").read_text()
    assert run(["fix", "words.py", "--input", "4,12", "--write"]) == 1
    assert Path("words.py").read_text() == before


def test_one_sentence_gets_its_batch_axis(pets: Path) -> None:
    (only,) = helps("words.py", "12:int64<50")
    assert only == Help("add the batch axis to the input: --input '1,12:int64<50'", verified=True)


class Digits(nn.Module):
    """Right for a batch of digits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 6 * 6, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A digit's scores."""
        scores: torch.Tensor = self.head(self.norm(self.conv(x)).flatten(1))
        return scores


def test_a_live_model_is_asked_for_as_python_does() -> None:
    wanted = Help("add the batch axis to the input: input_size=(1, 1, 8, 8)", verified=True)
    assert shapescope.trace(Digits(), (1, 8, 8)).diagnostics[0].help == (wanted,)
    tensor = torch.zeros(1, 8, 8)
    assert shapescope.trace(Digits(), input_data=tensor).diagnostics[0].help == (wanted,)


def test_rows_of_features_go_around_convolutions_that_have_no_room(pets: Path) -> None:
    pets.write_text(PETS.replace("Conv2d(3, 8, 3, padding=1)", "Conv2d(3, 8, 8)"))
    (first, *_) = helps("pets.py", "1,4")
    assert first.message.startswith("a row of 4 values is no map: go around the convolutions")


HALF = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)

net = Net().half()
mixed = nn.Sequential(nn.Conv2d(3, 3, 1), Net().half())
"""


def test_a_model_of_less_precision_is_fed_as_much(pets: Path) -> None:
    Path("half.py").write_text(HALF)
    first, second = helps("half.py:net", "2,3,8,8")
    assert first == Help("feed float16: --input 2,3,8,8:float16", verified=True)
    assert second.message == "make it float16"


def test_a_model_of_two_precisions_is_fed_neither(pets: Path) -> None:
    Path("half.py").write_text(HALF)
    assert [one.message for one in helps("half.py:mixed", "2,3,8,8")] == ["make it float16"]
