"""A help inside a class that the model holds several times says so."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from shapescope.analysis.fixes.commands import command
from shapescope.session import Request, run_trace

TEXT = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)

    def forward(self, x):
        return x + self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(BLOCKS)

    def forward(self, x):
        return self.blocks(x)
"""


@pytest.mark.parametrize(
    ("count", "words"), [(1, ""), (2, " (in both `Block`s)"), (3, " (in all 3 `Block`s)")]
)
def test_every_place_that_changes_is_counted(
    count: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(TEXT.replace("BLOCKS", ", ".join(["Block(8)"] * count)))
    result = run_trace(Request("net.py:Net", ("2,8,16,16",)))
    (found,) = [one for one in result.diagnostics if one.rule == "add-shape"]
    assert found.help[0].message == f"let `blocks.0.conv` keep the size{words}"


def test_a_command_in_a_help_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my nets").mkdir()
    Path("my nets/net.py").write_text(TEXT.replace("BLOCKS", "Block(8)"))
    trace = run_trace(Request("my nets/net.py:Net", ("2,8,16,16",))).trace
    pasted = shlex.split(command(trace, [(2, 8, 16, 16)]))
    assert pasted == ["shapescope", "trace", "my nets/net.py:Net", "--input", "2,8,16,16"]
