"""A run in its report: curves, confusion, mistakes, kernels and maps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapescope.render.images import Picture
from shapescope.render.report import Exhibit, RunView
from shapescope.render.report.run_view import Maps
from shapescope.result import TraceResult
from tests.pictures.report_page import quiet, write

pytestmark = pytest.mark.browser


def test_a_run_is_shown(
    desktop: Any, tmp_path: Path, result_of: Callable[..., TraceResult]
) -> None:
    grey = Picture(4, 4, 1, bytes(range(16)))
    colour = Picture(2, 2, 3, bytes(range(12)))
    run = RunView(
        title="LeNet-5",
        facts=(("epochs", "2"),),
        metrics=[
            {"epoch": epoch, "split": split, "loss": 2.0 / epoch, "top1_accuracy": 0.4 * epoch}
            for epoch in (1, 2)
            for split in ("train", "test")
        ],
        classes=("cat", "dog"),
        split="test",
        confusion=((8, 2), (1, 9)),
        mistakes=(Exhibit(colour, "cat taken for dog"),),
        kernels=(Exhibit(grey, "conv1.weight"),),
        maps=(Maps(Exhibit(colour, "image 0"), (Exhibit(grey, "conv1"),)),),
    )
    desktop.open(write(tmp_path, result_of("lenet5"), run))
    assert desktop.run("return document.querySelectorAll('.curve polyline').length") == 4
    cells = desktop.run(
        "return [...document.querySelectorAll('.confusion tbody td')].map(one => one.textContent)"
    )
    assert cells == ["8", "2", "1", "9"]
    pictures = "return [...document.images].every(one => one.complete && one.naturalWidth > 0)"
    assert desktop.run("return document.images.length") == 4
    assert desktop.run(pictures)
    quiet(desktop)


def test_the_report_of_a_real_run(desktop: Any, tmp_path: Path) -> None:
    run, page = tmp_path / "run", tmp_path / "report.html"
    few = ("--sample", "--epochs", "2", "--threads", "1", "--device", "cpu")
    for words in (
        ("train", "lenet5", *few, "--out", str(run)),
        ("report", "lenet5", "--run", str(run), "--sample", "-o", str(page)),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "shapescope", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    desktop.open(page)
    sections = "return [...document.querySelectorAll('#run h3')].map(one => one.textContent)"
    assert desktop.run(sections) == [
        "Curves",
        "Confusion matrix, test images",
        "Worst mistakes",
        "Kernels",
        "Feature maps",
    ]
    counts = desktop.run(
        "return [...document.querySelectorAll('.confusion tbody td')].map(one => +one.textContent)"
    )
    assert len(counts) == 100
    assert sum(counts) == 500  # every image of the sample's test split
    right = sum(counts[::11])
    told = desktop.run("return document.querySelector('#run .facts').innerText")
    assert f"{right / 5:.2f} % of 500" in told
    axis = "return [...document.querySelectorAll('.curve text')].map(one => one.textContent)"
    assert [word for word in desktop.run(axis) if word in ("1", "2", "epoch")].count("epoch") == 2
    drawn = "return [...document.images].filter(one => one.naturalWidth > 0).length"
    assert desktop.run(drawn) == desktop.run("return document.images.length") > 10
    for word in ("layer1.0.weight", "layer2.3 max_pool2d"):
        assert word in desktop.run("return document.getElementById('run').innerText")
    quiet(desktop)
