# ruff: noqa: E501
"""The worked messages, whole: frame, arithmetic and helps of models written for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.session import Request, run_trace

CHANNELS = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3, padding=1),
        )

    def forward(self, x):
        return self.features(x)
"""

EMPTY = """\
import torch.nn as nn
import torch.nn.functional as F


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(64, 192, 5, padding=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(192, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(x, 3, 2)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(x, 3, 2)
        return self.fc(self.pool(x).flatten(1))
"""

ADD = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(x)
        out = out + x
        return out
"""

FLATTEN = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(2048, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.fc(x)
"""

FOLD = """\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 400)
        return self.fc1(x)
"""


def told(folder: Path, source: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is printed for a model, wide enough that nothing wraps."""
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(source)
    result = run_trace(Request("net.py", (shape,)))
    return plain_text(diagnostics_lines(result.diagnostics, Surface(width=200))).rstrip("\n")


def test_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, CHANNELS, "1,3,32,32", monkeypatch) == EXPECTED["channels"]


def test_empty_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, EMPTY, "1,3,32,32", monkeypatch) == EXPECTED["empty"]


def test_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, ADD, "1,64,32,32", monkeypatch) == EXPECTED["add"]


def test_missing_flatten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, FLATTEN, "2,3,16,16", monkeypatch) == EXPECTED["flatten"]


def test_folded_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, FOLD, "32,3,52,52", monkeypatch) == EXPECTED["fold"]


EXPECTED = {
    "channels": """\
error[conv-in-channels]: `features.3` takes 64 channels, but 32 arrive
  --> net.py:11:23 in Net.__init__
   |
 8 |             nn.Conv2d(3, 32, 3, padding=1),
   |                          -- `features.0` makes 32 channels
11 |             nn.Conv2d(64, 128, 3, padding=1),
   |                       ^^ in_channels = 64
   |
   = where: called through `self.features(x)`, net.py:15:16
   = why: features.0  1 x 32 x 32 x 32
          features.2  1 x 32 x 16 x 16   (ReLU and MaxPool2d keep the channels)
          features.3  weight 128 x 64 x 3 x 3 needs 64 * groups(1) = 64
help: take the 32 that arrive (changes the shape of features.3.weight; verified)
11 ~             nn.Conv2d(32, 128, 3, padding=1),
help: or make 64 in `features.0`: nn.Conv2d(3, 64, 3, padding=1)  (changes the shape of features.0.weight; verified)""",
    "empty": """\
error[empty-output]: a 3 x 3 window does not fit on a 1 x 1 map
  --> net.py:18:13 in AlexNet.forward
   |
18 |         x = F.max_pool2d(x, 3, 2)
   |             ^^^^^^^^^^^^^^^^^^^^^ `x` is 1 x 192 x 1 x 1
   |
   = why: 32 -> conv1 (k11 s4 p2) 7 -> pool (k3 s2) 3 -> conv2 (k5 s1 p2) 3 -> pool (k3 s2) 1
          pool (k3 s2): (1 - 3 + 2*0)/2 + 1 = 0
   = note: here the receptive field is 99 and the jump 32; the smallest input that passes is 63 x 63
help: feed at least 63 x 63: shapescope trace net.py:AlexNet --input 1,3,63,63  (verified)
help: or shrink less at the start (changes the shape of conv1.weight): 32 -> 32 -> 15 -> 15 -> 7 -> 3  (verified)
 8 ~         self.conv1 = nn.Conv2d(3, 64, 3, padding=1)""",
    "add": """\
error[add-shape]: cannot add 1 x 128 x 16 x 16 and 1 x 64 x 32 x 32
  --> net.py:11:15 in Block.forward
   |
11 |         out = out + x
   |               ^^^^^^^ `out` is 1 x 128 x 16 x 16, `x` is 1 x 64 x 32 x 32
  ::: net.py:7:22 in Block.__init__
   |
 7 |         self.conv1 = nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)
   |                      ------------------------------------------------------ 64 -> 128 channels, 32 -> 16
   |
   = why: axis 1: 128 != 64; axes 2 and 3: 16 != 32; no side is 1, so nothing broadcasts
   = note: `conv1` changed both; the shortcut `x` goes around it
help: project the shortcut with a 1 x 1 convolution (adds 8,192 parameters; verified)
 8 +         self.shortcut = nn.Conv2d(64, 128, 1, stride=2, bias=False)
11 ~         out = out + self.shortcut(x)""",
    "flatten": """\
error[missing-flatten]: `fc` takes 2048 features, but the last axis has 16
  --> net.py:12:16 in Net.forward
   |
12 |         return self.fc(x)
   |                ^^^^^^^^^^ `x` is 2 x 8 x 16 x 16, never flattened
   |
   = why: 8 * 16 * 16 = 2048 is just what `fc` takes
   = note: torch says "256x16 and 2048x10": 256 = 2 * 8 * 16 is batch, channels and height folded together, no size of yours
help: flatten all but the batch (no weight changes; verified)
12 ~         return self.fc(x.flatten(1))""",
    "fold": """\
warning[batch-folded]: the batch of 32 becomes 128 at this line
  --> net.py:15:13 in Net.forward
   |
15 |         x = x.view(-1, 400)
   |             ^^^^^^^^^^^^^^^ `x` is 32 x 16 x 10 x 10 here: 1600 values a sample, written as 4 rows of 400
   |
   = why: 32 * 1600 = 51,200 = 128 * 400, so view finds 128 rows and nothing raises
   = note: the loss will say "Expected input batch_size (128) to match target batch_size (32)", far from here
   = note: 400 = 16 * 5 * 5 is what a 32 x 32 input gives; yours is 52 x 52
help: keep the batch and take what arrives (changes the shape of fc1.weight; verified)
15 ~         x = x.flatten(1)
10 ~         self.fc1 = nn.Linear(16 * 10 * 10, 120)""",
}
