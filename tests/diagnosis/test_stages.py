"""A U-Net whose stages are made in loops: what all of them need, and where a layer was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.diagnostic import Diagnostic
from shapescope.session import Request, run_trace

UNET = """\
import torch
import torch.nn as nn


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, 4, 8, 16]
        self.downs = nn.ModuleList()
        for a, b in zip(widths, widths[1:]):
            self.downs.append(nn.Conv2d(a, b, 3, padding=1))
        self.pool = nn.MaxPool2d(2)
        self.middle = nn.Conv2d(16, 32, 3, padding=1)
        self.ups = nn.ModuleList()
        self.convs = nn.ModuleList()
        for width in (16, 8, 4):
            self.ups.append(nn.ConvTranspose2d(2 * width, width, 2, stride=2))
            self.convs.append(nn.Conv2d(2 * width, width, 3, padding=1))

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = self.pool(x)
        x = self.middle(x)
        for up, conv, skip in zip(self.ups, self.convs, reversed(skips)):
            x = up(x)
            x = conv(torch.cat([skip, x], dim=1))
        return x
"""


def first(side: int, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = UNET) -> Diagnostic:
    """The first diagnostic for a square input."""
    monkeypatch.chdir(folder)
    (folder / "unet.py").write_text(text)
    return run_trace(Request("unet.py", (f"2,3,{side},{side}",))).diagnostics[0]


@pytest.mark.parametrize(
    ("side", "end"),
    [
        (65, "not divisible by 2, and all stages together need a multiple of 8: 64 or 72"),
        (66, "not divisible by 4, and all stages together need a multiple of 8: 64 or 72"),
        (68, "not divisible by 8"),
    ],
)
def test_the_note_says_what_all_stages_need(
    side: int, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (note,) = first(side, tmp_path, monkeypatch).notes
    assert note.endswith(f"{side} is {end}")


def test_no_multiple_is_asked_for_by_stages_that_are_told_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = UNET.replace(
        "            x = up(x)\n",
        "            x = up(x) if x.shape[1] == 8 else nn.functional.interpolate(\n"
        "                up(x), size=skip.shape[2:])\n",
    )
    (note,) = first(65, tmp_path, monkeypatch, told).notes
    assert note.endswith("65 is not divisible by 2")


def test_the_label_stands_where_the_layer_was_appended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = UNET.splitlines()
    found = first(65, tmp_path, monkeypatch)
    marked = [lines[label.span.line - 1].strip() for label in found.labels]
    assert "self.ups.append(nn.ConvTranspose2d(2 * width, width, 2, stride=2))" in marked
    assert not [line for line in marked if "ModuleList()" in line]
