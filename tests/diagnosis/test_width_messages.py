"""What is said of the width behind a recurrent layer, and of a decoder that ends short."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace

BOTH_WAYS = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 64, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(64, 2)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])
"""
BOTH_WAYS_TEXT = """\
error[linear-in-features]: `fc` takes 64 features, but 128 arrive
  --> net.py:12:16 in Net.forward
   |
12 |         return self.fc(out[:, -1])
   |                ^^^^^^^^^^^^^^^^^^^ `out[:, -1]` is 4 x 128 here
  ::: net.py:8:29 in Net.__init__
   |
 7 |         self.lstm = nn.LSTM(8, 64, batch_first=True, bidirectional=True)
   |                                -- `lstm` makes 128
 8 |         self.fc = nn.Linear(64, 2)
   |                             -- in_features = 64
   |
   = why: fc: 4 x 128 has 128 on its last axis, not 64
   = note: bidirectional: 64 forward and 64 backward are 128
help: nn.Linear(128, 2)  (changes the shape of fc.weight; verified)
"""

SHORT = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.more = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1)

    def forward(self, x):
        return self.last(self.up(self.more(self.down(x)))) - x
"""
SHORT_HELP = """\
help: output_padding=1 in `up` and `last` ends at 28 x 28  (verified)
 9 ~         self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
10 ~         self.last = nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1)
"""


def said(folder: Path, text: str, shape: str) -> str:
    (folder / "net.py").write_text(text, encoding="utf-8")
    result = run_trace(Request("net.py:Net", (shape,)))
    return plain_text(diagnostics_lines(result.diagnostics, Surface()))


def test_both_directions_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(tmp_path, BOTH_WAYS, "4,7,8").strip() == BOTH_WAYS_TEXT.strip()


def test_rows_that_several_layers_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SHORT_HELP in said(tmp_path, SHORT, "2,1,28,28")
