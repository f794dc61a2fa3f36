"""What nobody should type, and what files should not hold: one clear line, never a fault of ours.

A fault of the program itself is printed as `shapescope itself failed`; nothing here may reach it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from shapescope.cli.app import app
from shapescope.cli.catalog import COMMANDS
from tests.cli.conftest import Ran, Run

SMALL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(2 * 6 * 6, 3)

    def forward(self, x):
        return self.fc(self.conv(x).relu().flatten(1))
"""

OF_A_MODEL = ("trace", "params", "check", "fix", "sizes", "draw", "report")
"""Commands that take one MODEL and end by themselves."""


def failed(ran: Ran) -> list[str]:
    """What is wrong with how a wrong request ended."""
    found = []
    if "itself failed" in ran.out + ran.err:
        found.append(ran.err)
    if "Traceback" in ran.out + ran.err:
        found.append("a traceback")
    if ran.code not in (0, 1, 2):
        found.append(f"exit code {ran.code}")
    return found


def refused(ran: Ran) -> list[str]:
    """As `failed`, for what can only be a wrong request."""
    found = failed(ran)
    if ran.code != 2:
        found.append(f"exit code {ran.code}: {ran.out[:200]}{ran.err[:200]}")
    if ran.out:
        found.append(f"on stdout: {ran.out[:200]}")
    if not ran.err.startswith("error: ") or "\n\n" in ran.err.strip():
        found.append(f"on stderr: {ran.err}")
    return found


@pytest.fixture
def small(in_folder: Path) -> Path:
    """A folder with a small model in `net.py`."""
    (in_folder / "net.py").write_text(SMALL)
    return in_folder


# --- options

BAD_VALUES = {int: ("x", "1.5", "", "1e3"), float: ("x", "", "1,5")}
"""For the types of options that the parser itself checks."""


def options() -> Iterator[tuple[str, Any]]:
    group: Any = typer.main.get_command(app)
    for entry in COMMANDS:
        for option in group.get_command(None, entry.name).params:
            if option.param_type_name == "option":
                yield entry.name, option


def test_options_of_every_command_refuse_values_of_another_type(program: Run, small: Path) -> None:
    wrong, tried = [], 0
    for command, option in options():
        kinds = {option.type_descriptor.annotation, *get_args(option.type_descriptor.annotation)}
        for value in (
            bad for kind, values in BAD_VALUES.items() if kind in kinds for bad in values
        ):
            tried += 1
            ran = program(command, "no-such-model", f"{option.opts[0]}={value}")
            wrong += [(command, option.opts[0], value, reason) for reason in refused(ran)]
    assert not wrong
    assert tried > 50


def test_options_of_every_command_need_their_value(program: Run, small: Path) -> None:
    wrong = []
    for command, option in options():
        if option.is_flag or option.opts[0] in ("--symbolic",):
            continue
        ran = program(command, "no-such-model", option.opts[0])
        wrong += [(command, option.opts[0], reason) for reason in refused(ran)]
    assert not wrong


def test_an_option_that_no_command_has(program: Run, small: Path) -> None:
    wrong = []
    for entry in COMMANDS:
        for given in ("--no-such-option", "--no-such-option=3", "-Z", "---", "--=", "-"):
            ran = program(entry.name, "no-such-model", given)
            wrong += [(entry.name, given, reason) for reason in refused(ran)]
    assert not wrong


@pytest.mark.parametrize("command", OF_A_MODEL)
def test_flags_can_be_given_one_by_one(command: str, program: Run, small: Path) -> None:
    wrong = []
    for name, option in options():
        if name != command or not option.is_flag or "--serve" in option.opts:
            continue
        for flag in (*option.opts, *option.secondary_opts):
            if flag in ("--help", "-h", "--write", "--update", "--real"):
                continue
            ran = program(command, "net.py", "--input", "1,1,8,8", flag)
            wrong += [(flag, reason) for reason in failed(ran)]
    assert not wrong


INPUTS = (
    "", " ", ",", "1,", ",1", "1,,2", "x", "1,x", "0,1,8,8", "-1,1,8,8", "1.5,2", "1,1,8,8:",
    "1,1,8,8:int", "1,1,8,8:float99", "1,1,8,8<", "1,1,8,8<0", "1,1,8,8<x", "=1,2", "x=", "x:=",
    "x:={", "x:=[1,", ":=3", "@", "@net.py", "@net.py:", "@net.py:missing", "@missing.py:f",
    "@net.py:Net.forward", "1e9", "٣,٣", "1,1,8,8:int64<99999999999999999999999", "1" * 400,
    "9" * 25 + ",1,8,8", "1,1,8,8\x00", "\u202e1,2", "1,1,99999999999,99999999999", "(1,1,8,8)",
    "[1,1,8,8]", "1x1x8x8", "1;1;8;8", "NaN,1", "inf", "--", "-",
)  # fmt: skip


@pytest.mark.parametrize("command", ["trace", "check"])
def test_inputs_that_are_none(command: str, program: Run, small: Path) -> None:
    wrong = []
    for given in INPUTS:
        ran = program(command, "net.py", "--input", given)
        wrong += [(given[:40], reason) for reason in failed(ran)]
    assert not wrong


MODELS = (
    "", " ", ".", "..", "/", "/dev/null", ":", "::", ":Net", "net.py:", "net.py::Net",
    "net.py:Missing", "net.py:Net(", "net.py:Net)", "net.py:Net(1", "net.py:Net(1,,)",
    "net.py:Net(*)", "net.py:Net(x)", "net.py:Net(__import__('os'))", "net.py:Net(9**9**9)",
    "net.py:Net()()", "net.py:Net.forward", "missing.py", "missing.py:Net", "a.b.c:d",
    "os:getcwd", "math:pi", "torchvision:", "torchvision:missing", "timm:", "timm:missing", "hf:",
    "torchvision:resnet18(", "\x00", "net.py\x00", "né.py", "net.py:Né", "git:",
    "git:HEAD", "-", "lenet5:", "*", "~", "~nobody/net.py", "%s", "{}", "net.py:Net({'a':1})",
    "net.py:Net(a=1,a=2)", "net.py:Net(lambda:0)", "./net.py:Net:Net",
)  # fmt: skip


@pytest.mark.parametrize("command", ["trace", "params", "check"])
def test_names_of_no_model(command: str, program: Run, small: Path) -> None:
    wrong = []
    for given in MODELS:
        ran = program(command, given)
        wrong += [(given[:40], reason) for reason in failed(ran)]
        if ran.code == 0:
            wrong.append((given[:40], f"is a model: {ran.out[:100]}"))
    assert not wrong


# --- files


def binary(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 8)


def utf16(file: Path) -> None:
    file.write_text(SMALL, encoding="utf-16")


def unreadable(file: Path) -> None:
    file.write_text(SMALL)
    file.chmod(0)


def loop(file: Path) -> None:
    file.symlink_to(file.name)


FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_text(""),
    "blank": lambda file: file.write_text("\n\n   \n"),
    "binary": binary,
    "nul bytes": lambda file: file.write_bytes(b"x = 1\x00\n"),
    "utf-16": utf16,
    "latin-1": lambda file: file.write_bytes("# é\nx = 1\n".encode("latin-1")),
    "half a line": lambda file: file.write_text("class Net(nn.Mod"),
    "bad indent": lambda file: file.write_text("class Net:\n  x = 1\n    y = 2\n"),
    "deep": lambda file: file.write_text("x = " + "(" * 300 + ")" * 300),
    "exits": lambda file: file.write_text("raise SystemExit(0)\n"),
    "interrupts itself": lambda file: file.write_text("raise OSError('no\\nsuch')\n"),
    "raises no exception": lambda file: file.write_text("class B(BaseException): pass\nraise B\n"),
    "reads stdin": lambda file: file.write_text("input()\n"),
    "imports itself": lambda file: file.write_text("import odd\nodd.missing\n"),
    "folder": lambda file: file.mkdir(),
    "dangling link": lambda file: file.symlink_to("nowhere.py"),
    "loop of links": loop,
    "unreadable": unreadable,
}


@pytest.mark.parametrize("kind", FILES)
def test_files_that_hold_no_model(kind: str, program: Run, in_folder: Path) -> None:
    if kind == "unreadable" and os.geteuid() == 0:
        pytest.skip("root reads everything")
    FILES[kind](in_folder / "odd.py")
    wrong = []
    for args in (
        ("trace", "odd.py"), ("check", "odd.py:Net"), ("fix", "odd.py"), ("annotate", "odd.py:Net"),
        ("diff", "odd.py:A", "lenet5"), ("sizes", "odd.py:Net"),
        ("trace", "lenet5", "--input", "@odd.py:f"),
    ):  # fmt: skip
        wrong += [(*args, reason) for reason in refused(program(*args))]
    assert not wrong


@pytest.mark.parametrize("name", ["with space.py", "dash-ed.py", "1st.py", "naïve.py", "class.py"])
def test_files_of_any_name(name: str, program: Run, in_folder: Path) -> None:
    folder = in_folder / "a folder, with (signs)"
    folder.mkdir()
    (folder / name).write_text(SMALL)
    for spec in (f"{folder.name}/{name}", f"{folder.name}/{name}:Net", str(folder / f"{name}:Net")):
        ran = program("trace", spec, "--input", "1,1,8,8")
        assert (ran.code, failed(ran)) == (0, []), spec
        assert "1 x 3" in ran.out


# --- what is written


@pytest.mark.parametrize(
    ("command", "name"),
    [("trace", "t.txt"), ("params", "p.json"), ("draw", "d.svg"), ("report", "r.html")],
)
def test_a_place_that_cannot_be_written_keeps_what_was_there(
    command: str, name: str, program: Run, small: Path
) -> None:
    (small / "folder").mkdir()
    (small / "file").write_text("kept")
    too_long = "n" * 300 + Path(name).suffix
    for place in (f"missing/{name}", "folder", f"file/{name}", too_long, ""):
        ran = program(command, "lenet5", "--output", place)
        assert refused(ran) == [], place
    assert (small / "file").read_text() == "kept"
    assert sorted(path.name for path in small.iterdir()) == ["file", "folder", "net.py"]


def test_a_file_that_is_there_is_replaced_whole(program: Run, small: Path) -> None:
    target = small / "steps.json"
    target.write_text("x" * 100_000)
    target.chmod(0o640)
    assert program("trace", "lenet5", "--format", "json", "--output", "steps.json").code == 0
    assert target.read_text().startswith("{") and target.read_text().rstrip().endswith("}")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in small.iterdir()) == ["net.py", "steps.json"]
