"""Whoever waits in front of a terminal is told why; a pipe is told nothing."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from shapescope.capture.loader import load
from shapescope.cli.patience import said_after, said_of_long_files


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "waits", "said"),
    [
        (Terminal(), 0.5, "wait a little\n"),
        (Terminal(), 0.0, ""),
        (io.StringIO(), 0.5, ""),
    ],
)
def test_what_is_said(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, waits: float, said: str
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with said_after(0.05 if waits else 60.0, "wait a little"):
        time.sleep(waits)
    assert stream.getvalue() == said


def test_nothing_is_said_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(ValueError, match="it failed"), said_after(0.1, "wait a little"):
        raise ValueError("it failed")
    time.sleep(0.3)
    assert stream.getvalue() == ""


SLOW = """
import time
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x

def prepare():
    time.sleep(0.6)

{statement}
"""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "prepare()",
            (
                "still at {file}:12, which runs whenever the file is read; below `if __name__ == "
                '"__main__":` it would not run here\n'
            ),
        ),
        ("import slow", "still at {file}:12, an import\n"),
        ("if __name__ == '__main__':\n    prepare()", ""),
    ],
)
def test_a_file_that_takes_long_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, statement: str, said: str
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.6)\n")
    file = tmp_path / "net.py"
    file.write_text(SLOW.format(statement=statement))
    with said_of_long_files(0.2):
        load(f"{file}:Net")
    assert stream.getvalue() == said.format(file=file)


def test_a_pipe_is_told_nothing_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    file = tmp_path / "net.py"
    file.write_text(SLOW.format(statement="prepare()"))
    with said_of_long_files(0.1):
        load(f"{file}:Net")
    assert stream.getvalue() == ""
