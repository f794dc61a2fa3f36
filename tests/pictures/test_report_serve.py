"""A page that is served follows every save of the model's file, in a browser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pictures.report_page import detail

pytestmark = pytest.mark.browser

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5)
        self.fc = nn.Linear({features}, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
PATIENCE = 60.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file with a model, and the address where its report is served."""
    file = tmp_path / "net.py"
    file.write_text(NET.format(features=2304))
    words = ("report", "net.py", "-i", "2,1,28,28", "--serve", "--port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "shapescope", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield file, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def verdict(browser: Any, wanted: str, file: Path, text: str) -> str:
    """What the page says of the model once `text` is saved, at the latest when patience ends."""
    deadline = time.monotonic() + PATIENCE
    saved = 0.0
    told = ""
    while wanted not in told and time.monotonic() < deadline:
        if time.monotonic() - saved > 5:  # once more: the first save may come before anybody looks
            file.write_text(text)
            saved = time.monotonic()
        told = browser.run("return document.querySelector('.verdict')?.textContent ?? ''")
        time.sleep(0.05)
    return told


def test_the_page_follows_a_save(desktop: Any, served: tuple[Path, str]) -> None:
    file, address = served
    desktop.visit(address)
    good, bad = NET.format(features=2304), NET.format(features=400)
    assert "checks match" in verdict(desktop, "checks match", file, good)
    assert "fails" in verdict(desktop, "fails", file, bad)
    assert "The model fails here." in detail(desktop)
    assert "checks match" in verdict(desktop, "checks match", file, good)
    assert desktop.errors() == []
    outside = [url for url in desktop.requests() if not url.startswith(address)]
    assert outside == []
