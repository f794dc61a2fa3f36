"""Comments as tutorials and course notebooks have them; verdicts were decided beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapescope.cli.app import run

HEAD = "import torch\nimport torch.nn as nn\n\n"

PAPER = """
class LeNet(nn.Module):
    def __init__(self, widths=(6, 16, 120)):  # widths of the layers (6, 16, 120)
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)   # 6 @ 28x28
        self.pool1 = nn.MaxPool2d(2)      # 14 x 14
        self.conv2 = nn.Conv2d(6, 16, 5)  # 16@11*11
        self.pool2 = nn.MaxPool2d(2)      # 2 x 2
        self.conv3 = nn.Conv2d(16, 8, 3)  # 13 x 13
        self.fc1 = nn.Linear(8*3*3, 120)  # 8*3*3 -> 120
        self.fc2 = nn.Linear(120, 10)     # 84 -> 12

    def forward(self, x):  # 32 x 32
        x = self.pool1(self.conv1(x))     # 14 x 14
        x = self.pool2(self.conv2(x))     # 14 x 14
        # x = x.mean([2, 3])  # (4, 16)
        # (h x w) per map, 5x5 -> 3x3 kernels
        x = self.conv3(x)                 # 7x7 -> 2x2 after pruning
        x = x.flatten(1)                  # N * 72
        return self.fc2(self.fc1(x))      # N * 12
"""

ATTENTION = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 12))
        self.qkv = nn.Linear(12, 36)

    def forward(self, x):
        b, n, d = x.shape                                   # (batch, n, d)
        cls = self.token.expand(b, -1, -1)                  # (batch, 1, d)
        x = torch.cat([cls, x], 1)
        x = x + self.token                                  # (batch, n+1, d) + (1, 1, d)
        q, k, v = self.qkv(x).view(b, -1, 3, 3, 4).permute(2, 0, 3, 1, 4)
        # (batch, len, 3 * d) -> (batch, h, len, d_k)
        w = (q @ k.transpose(-2, -1)).softmax(-1)
        return (w @ v).transpose(1, 2).flatten(2)
        # returns (batch, len, 13)
"""

ASIDE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x):
        # N x 3 x 32 x 32
        aux = None
        if self.training:
            aux = x
        # N x 3 x 32 x 32
        x = self.conv(x)
        # for example in windows: (N, 8, 64, 4)
        size = x.shape[2] // 4
        x = x.reshape(-1, 8, size * 16, size)
        return x
"""


def checked(
    text: str, inputs: str, capsys: pytest.CaptureFixture[str]
) -> list[tuple[str, str, str | None]]:
    Path("net.py").write_text(HEAD + text)
    run(["annotate", "net.py", "--input", inputs, "--check", "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    return [(one["status"], one["text"], one["replacement"]) for one in data["comments"]]


def test_maps_as_papers_write_them(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(PAPER, "4,1,32,32", capsys) == [
        ("right", "6 @ 28x28", None),
        ("right", "14 x 14", None),
        ("wrong", "16@11*11", "16@10*10"),
        # `2 x 2` is the window of the pool
        ("wrong", "13 x 13", "3 x 3"),
        ("right", "8*3*3", None),
        ("right", "120", None),
        ("wrong", "84", "120"),
        ("wrong", "12", "10"),
        ("right", "32 x 32", None),
        ("right", "14 x 14", None),
        # `14 x 14` went into the line: it may speak of that
        ("right", "N * 72", None),
        ("wrong", "N * 12", "N * 10"),
    ]


def test_tokens_and_heads(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(ATTENTION, "2,9,12", capsys) == [
        ("right", "(batch, n, d)", None),
        ("right", "(batch, 1, d)", None),
        ("right", "(batch, n+1, d)", None),
        ("right", "(1, 1, d)", None),
        ("right", "(batch, len, 3 * d)", None),
        ("right", "(batch, h, len, d_k)", None),
        ("wrong", "(batch, len, 13)", "(batch, len, 12)"),
    ]


def test_a_comment_above_speaks_of_what_is_at_hand(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(ASIDE, "2,3,32,32", capsys) == [
        ("right", "N x 3 x 32 x 32", None),
        ("right", "N x 3 x 32 x 32", None),
        ("right", "(N, 8, 64, 4)", None),
    ]
