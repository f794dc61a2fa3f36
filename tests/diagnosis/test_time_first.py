"""Models that have the time on axis 0 on purpose: no warning where they say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.diagnostic import Severity
from shapescope.session import Request, run_trace

MODEL = """\
import torch
import torch.nn as nn


class Commented(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        # x: (seq_len, batch, features)
        out, _ = self.lstm(x)
        return self.fc(out[-1])


class Unpacked(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        steps, batch = x.size(0), x.size(1)
        out, _ = self.lstm(x)
        return self.fc(out).view(steps, batch, 3)


class Described(nn.Module):
    '''Takes [seq_len, batch_size, features].'''

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 2)

    def forward(self, x):
        return self.attention(x, x, x)[0]


class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        _, (state, _) = self.lstm(x)
        return self.fc(state[-1])


class Contrary(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        batch_size = x.size(0)
        state = torch.zeros(1, x.size(1), 8), torch.zeros(1, x.size(1), 8)
        _, (last, _) = self.lstm(x, state)
        return self.fc(last[-1])


class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(12, 8, 2)
        self.fc = nn.Linear(8, 3)

    def forward(self, x, state):
        out, state = self.gru(x, state)
        return self.fc(out[-1])
"""


def warned(folder: Path, name: str, *shapes: str) -> list[str]:
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    result = run_trace(Request(f"model.py:{name}", shapes))
    return [one.rule for one in result.diagnostics if one.severity is Severity.WARNING]


@pytest.mark.parametrize("name", ["Commented", "Unpacked", "Described"])
def test_what_is_written_of_the_axes_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert warned(tmp_path, name, "20,6,12") == []


def test_a_state_that_is_fed_says_where_the_batch_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert warned(tmp_path, "Stateful", "20,6,12", "2,6,8") == []


@pytest.mark.parametrize("name", ["Silent", "Contrary"])
def test_rows_that_get_lost_are_warned_of(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert warned(tmp_path, name, "20,6,12") == ["batch-as-time"]


SCANS = """\
import torch
import torch.nn as nn


class Machine(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(12, 8)

    def forward(self, x):
        T, B, _ = x.shape
        state = (x.new_zeros(B, 8), x.new_zeros(B, 8))
        made = []
        for t in range(T):
            state = self.cell(x[t], state)
            made.append(state[0])
        return torch.stack(made)


class Segments(nn.Module):
    def __init__(self):
        super().__init__()
        self.scores = nn.Linear(12, 12)

    def forward(self, words, memory):
        qlen, bsz, _ = words.size()
        both = torch.cat([memory, words], 0)
        return torch.einsum("ibd,jbd->ijb", self.scores(words), both)


class Samples(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(12, 8)

    def forward(self, x):
        B, T, _ = x.shape
        state = (x.new_zeros(T, 8), x.new_zeros(T, 8))
        made = []
        for t in range(B):
            state = self.cell(x[t], state)
            made.append(state[0])
        return torch.stack(made)


class Rollout(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, seen, actions):
        state = torch.zeros(seen.size(1), 8)
        made = []
        for t in range(len(actions)):
            state = self.cell(torch.cat([seen[t], actions[t]], -1), state)
            made.append(state)
        return torch.stack(made)


class Dreamer(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, state, actions):
        T = actions.size(0) + 1
        states = [state] * T
        for t in range(T - 1):
            states[t + 1] = self.cell(actions[t], states[t])
        return torch.stack(states[1:], dim=0)


class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, x):
        state = x.new_zeros(x.shape[1], 8)
        rounds = range(x.size(0))
        made = []
        for i in rounds:
            state = self.cell(x[i], state)
            made.append(state)
        return torch.stack(made)


class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(12, 12)

    def forward(self, h, memory):
        both = torch.cat([memory, h], dim=0)
        scores = torch.einsum("ibd,jbd->ijb", self.query(h), both)
        return torch.einsum("ijb,jbd->ibd", scores.softmax(1), both)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, frames):
        return self._unroll(frames)

    def _unroll(self, frames):
        x = frames
        T, B, *_ = x.shape
        state = x.new_zeros(1, B, 8)
        made = []
        for frame in x.unbind():
            state = self.cell(frame, state[0])[None]
            made.append(state)
        return torch.cat(made)


class Wrong(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, x):
        state = x.new_zeros(x.size(1), 8)
        made = []
        for t in range(x.size(1)):
            state = self.cell(x[t], state)
            made.append(state)
        return torch.stack(made + [state] * (x.size(0) - x.size(1)))


class Turned(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(12, 8)

    def forward(self, x):
        state = x.new_zeros(x.size(1), 8)
        made = []
        for place in range(x.size(1)):
            state = self.cell(x[place], state)
            made.append(state)
        x = x.transpose(0, 1)
        T, B, _ = x.shape
        return torch.stack(made + [state] * (B - T))


class Positioned(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.randn(50, 1, 12))
        self.attention = nn.MultiheadAttention(12, 2)
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = x + self.table[: x.size(0)]
        return self.head(self.attention(x, x, x)[0])


class Averaged(Positioned):
    def forward(self, x):
        x = x + self.table[: x.size(0)]
        return self.head(self.attention(x, x, x)[0].mean(1))
"""


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("Machine", ("5,3,12",), []),
        ("Segments", ("5,3,12", "4,3,12"), []),
        ("Samples", ("5,3,12",), ["batch-picked"]),
        ("Rollout", ("5,3,7", "5,3,5"), []),
        ("Dreamer", ("5,8", "5,5,12"), []),
        ("Counted", ("5,3,12",), []),
        ("Memory", ("5,3,12", "5,3,12"), []),
        ("Inner", ("5,3,12",), []),
        ("Wrong", ("5,3,12",), ["batch-picked"]),
        ("Turned", ("5,3,12",), ["batch-picked"]),
        ("Positioned", ("5,3,12",), []),
        ("Averaged", ("5,3,12",), ["batch-as-time"]),
    ],
)
def test_names_of_sizes_say_that_the_batch_is_axis_1(
    tmp_path: Path, name: str, inputs: tuple[str, ...], said: list[str]
) -> None:
    (tmp_path / "scans.py").write_text(SCANS)
    found = run_trace(Request(model=f"{tmp_path}/scans.py:{name}", inputs=inputs)).diagnostics
    assert [it.rule for it in found if it.severity is not Severity.NOTE] == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Described", "`attention` reads axis 0, 20 long, as time"),
        ("Silent", "`lstm` reads axis 0, the batch of 20, as time"),
    ],
)
def test_the_axis_is_called_the_batch_only_where_a_run_shows_it(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    found = run_trace(Request(f"model.py:{name}", ("20,6,12",))).diagnostics
    assert [one.message for one in found if one.rule == "batch-as-time"] == [said]
