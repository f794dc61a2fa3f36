"""Whoever waits in front of a terminal is told why; a pipe is told nothing."""

from __future__ import annotations

import io
import sys
import time

import pytest

from shapescope.cli.patience import said_after


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
