"""What a help says against what its edits do: every change is named, and time is no feature."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.diagnostic import Help
from shapescope.session import Request, run_trace

REVIEWS = """\
import torch.nn as nn


class Reviews(nn.Module):
    def __init__(self, hidden=9):
        super().__init__()
        self.table = nn.Embedding(40, 5)
        self.memory = nn.LSTM(5, hidden, bidirectional=True)
        self.head = nn.Linear(hidden, 2)

    def forward(self, words):
        out, _ = self.memory(self.table(words))
        return self.head(out[:, -1])
"""

SOUNDS = """\
import torch
import torch.nn as nn


class Sounds(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(6, 24, 5, stride=2)
        self.layer = LAYER

    def forward(self, x):
        steps = torch.relu(self.conv(x))
        RETURN
"""

RECURRENT = ("out, _ = self.layer(steps)", "return out[:, -1]")


def helps(folder: Path, text: str, given: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Help, ...]:
    """The helps of the first error of a file."""
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(text)
    return run_trace(Request("net.py", (given,))).diagnostics[0].help


def sounds(layer: str, *lines: str) -> str:
    """A convolution along time with another layer behind it."""
    return SOUNDS.replace("LAYER", layer).replace("RETURN", "\n        ".join(lines))


def test_the_title_names_every_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = helps(tmp_path, REVIEWS, "4,11:int64", monkeypatch)[0]
    assert first.message == (
        "nn.Linear(hidden * 2, 2); then read axis 0 as the batch: batch_first=True  "
        "(changes the shape of head.weight; verified)"
    )
    assert len(first.edits) == 2


@pytest.mark.parametrize("width", [24, 12])
def test_the_steps_of_a_sequence_are_not_taken_for_features(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sounds(f"nn.GRU({width}, 8, batch_first=True)", *RECURRENT)
    found = helps(tmp_path, text, "3,6,61", monkeypatch)
    turn = "bring the features to the end"
    more = "; then take the 24 that arrive (changes the shape of layer.weight_ih_l0)"
    assert [one.message for one in found] == [turn if width == 24 else turn + more]
    assert found[0].edits[0].replacement.endswith(".transpose(1, 2)")
    assert found[0].verified


def test_nor_by_a_linear_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = sounds("nn.Linear(24, 2)", "return self.layer(steps)")
    messages = [one.message for one in helps(tmp_path, text, "3,6,61", monkeypatch)]
    assert "bring the features to the end" in messages
    assert all("24 channels" in one or "features" in one for one in messages)
