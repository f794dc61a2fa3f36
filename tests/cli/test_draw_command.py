"""`draw`: files of every form, stdout, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import pytest


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", b"<svg "),
        ("a.png", b"\x89PNG"),
        ("a.pdf", b"%PDF"),
        ("a.mmd", b"flowchart TD"),
        ("a.dot", b'digraph "network"'),
        ("a.gv", b"digraph"),
        ("A.SVG", b"<svg "),
    ],
)
def test_the_ending_tells_the_form(name: str, start: bytes, program: Run, in_folder: Path) -> None:
    done = program("draw", "network", "-o", name)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("wrote ")
    assert (in_folder / name).read_bytes().startswith(start)


def test_the_form_can_be_named(program: Run, in_folder: Path) -> None:
    assert program("draw", "network", "-o", "picture", "--format", "dot").code == 0
    assert (in_folder / "picture").read_text().startswith("digraph")


def test_without_a_file_the_picture_is_the_result(program: Run) -> None:
    done = program("draw", "lenet5")
    assert done.code == 0
    assert ElementTree.fromstring(done.out).tag.endswith("svg")


def test_styles_and_themes_differ(program: Run) -> None:
    pictures = {
        program("draw", "lenet5", "--style", style, "--theme", theme).out
        for style in ("maps", "graph")
        for theme in ("light", "dark")
    }
    assert len(pictures) == 4


def test_blocks_are_drawn_in_the_terminal(program: Run) -> None:
    done = program("draw", "lenet5", "--blocks")
    assert done.code == 0
    assert "6@28x28" in done.out
    assert "┌" in done.out


def test_a_failing_model_is_drawn_and_told(program: Run, in_folder: Path) -> None:
    done = program("draw", "lenet5", "-i", "1,1,28,28", "-o", "failed.svg")
    assert done.code == 1
    assert "error[linear-in-features]" in done.out
    assert "fails here" in (in_folder / "failed.svg").read_text()


def test_on_stdout_the_picture_stays_whole(program: Run) -> None:
    done = program("draw", "lenet5", "-i", "1,1,28,28")
    assert done.code == 1
    assert ElementTree.fromstring(done.out) is not None
    assert "error[linear-in-features]" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("lenet5", "-o", "x.jpeg"), "the ending of x.jpeg tells no form"),
        (("lenet5", "--style", "cubes"), "`--style cubes` is not known"),
        (("lenet5", "--theme", "pink"), "`--theme pink` is not known"),
        (("lenet5", "--format", "png"), "a png needs a file"),
        (("lenet5", "--blocks", "-o", "x.svg"), "`--blocks` draws in the terminal"),
        (("lenet6",), "lenet6"),
        (("lenet5", "-o", "absent/x.svg"), "cannot write absent/x.svg"),
    ],
)
def test_wrong_requests(args: tuple[str, ...], said: str, program: Run, in_folder: Path) -> None:
    done = program("draw", *args)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert list(in_folder.iterdir()) == []


def test_a_model_of_the_users(program: Run, net: Path) -> None:
    done = program("draw", "net.py", "-i", "2,1,28,28", "-o", "net.svg")
    assert done.code == 0
    assert "6 @ 24 x 24" in (net / "net.svg").read_text()
