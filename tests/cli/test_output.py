from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shapescope.cli.app import run
from shapescope.cli.options import form_of, one_of, with_optional_values
from shapescope.cli.output import emit, show, show_error, stdout_surface, write_file
from shapescope.diagnostic import Diagnostic, Severity, ShapescopeError
from shapescope.render.line import Line

Process = Callable[..., subprocess.CompletedProcess[str]]


def test_text_ends_with_a_newline(capsys: pytest.CaptureFixture[str]) -> None:
    emit("a")
    emit("b\n")
    assert capsys.readouterr().out == "a\nb\n"


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    show([Line("x", "error")], file)
    assert file.read_text() == "x\n"
    assert list(tmp_path.iterdir()) == [file]
    assert stdout_surface(file).unicode
    assert not stdout_surface(file).colour


def test_what_a_file_held_survives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.txt"
    file.write_text("before")

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ShapescopeError, match=r"cannot write .*: no space left on device"):
        write_file(file, "after")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_permissions_stay(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text("before")
    file.chmod(0o640)
    write_file(file, "after")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh.txt"
    before = os.umask(0o027)
    try:
        write_file(fresh, "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("before")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    write_file(tmp_path / "link.txt", "after")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "after"


def test_devices_are_written_to() -> None:
    write_file(Path("/dev/null"), "gone")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("place", ["no/such/folder/x", "."])
def test_places_that_cannot_be_written(place: str, in_folder: Path) -> None:
    with pytest.raises(ShapescopeError, match="cannot write") as caught:
        write_file(Path(place), "x")
    assert caught.value.exit_code == 2
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no/such/folder/x", "no such file or directory"),
        (".", "is a directory"),
        ("file/x", "not a directory"),
        ("file", "it is read-only"),
    ],
)
def test_places_that_cannot_be_written_are_told_before_the_work(
    place: str, reason: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "file").write_text("before")
    (in_folder / "file").chmod(0o444)
    for command in (["trace", "absent.py", "--output", place], ["draw", "absent.py", "-o", place]):
        assert run(command) == 2
        assert capsys.readouterr().err == f"error: cannot write {place}: {reason}\n"
    assert [path.name for path in in_folder.iterdir()] == ["file"]


def test_a_wrong_request_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(ShapescopeError("no such thing", advice=("try this",)))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: no such thing\nhelp: try this\n")


def test_a_fault_of_the_model_is_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    found = Diagnostic("constructor", Severity.ERROR, "it raises")
    show_error(ShapescopeError(found, exit_code=1))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("error[constructor]: it raises\n", "")


def test_a_stream_that_lacks_signs_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    emit("✓ fine")
    assert raw.getvalue() == b"\\u2713 fine\n"


def test_choices() -> None:
    assert one_of("--format", "json", ("json", "csv")) == "json"
    with pytest.raises(ShapescopeError, match="`--format jsn` is not known; did you mean `json`"):
        one_of("--format", "jsn", ("json", "csv"))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--symbolic", "lenet5"], ["--symbolic=*", "lenet5"]),
        (["lenet5", "--symbolic"], ["lenet5", "--symbolic=*"]),
        (["--symbolic", "N,H,W", "net.py"], ["--symbolic=N,H,W", "net.py"]),
        (["--symbolic", "H", "net.py"], ["--symbolic=H", "net.py"]),
        (["--symbolic", "--all"], ["--symbolic=*", "--all"]),
        (["--symbolic=batch,h", "x"], ["--symbolic=batch,h", "x"]),
        (["--", "--symbolic"], ["--", "--symbolic"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_an_option_that_may_stand_alone(args: list[str], expected: list[str]) -> None:
    assert with_optional_values(args) == expected


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(ShapescopeError) as caught:
        write_file(path, "after")
    assert str(caught.value) == f"cannot write {path}: it is read-only"
    assert path.read_text() == "before"


@pytest.mark.parametrize("words", [("solve", "--in", "28", "--out", "14"), ("--help",)])
def test_a_full_disk_is_one_line(process: Process, words: tuple[str, ...]) -> None:
    code = (
        "import sys; from shapescope.cli.app import main; "
        f"sys.stdout = open('/dev/full', 'w'); main({list(words)!r})"
    )
    done = process("-c", code)
    assert done.returncode == 2
    assert done.stderr == "error: cannot write to stdout: no space left on device\n"


def test_the_ending_of_a_file_tells_the_form() -> None:
    forms = ("table", "json", "markdown")
    assert form_of("", None, forms) == "table"
    assert form_of("", Path("x.txt"), forms) == "table"
    assert form_of("", Path("x.JSON"), forms) == "json"
    assert form_of("", Path("x.md"), forms) == "markdown"
    assert form_of("table", Path("x.md"), forms) == "table"
    with pytest.raises(ShapescopeError, match=r"x.xml asks for junit, which is not written here"):
        form_of("", Path("x.xml"), ("text", "json"))
    with pytest.raises(ShapescopeError, match=r"x.csv asks for csv, which is not written here"):
        form_of("", Path("x.csv"), forms)
    with pytest.raises(ShapescopeError, match=r"--format jsn. is not known"):
        form_of("jsn", None, forms)


def test_a_dash_is_stdout(process: Process) -> None:
    plain = process("-m", "shapescope", "models")
    dashed = process("-m", "shapescope", "models", "-o", "-")
    assert dashed.stdout == plain.stdout != ""
    assert not Path("-").exists()


def test_stdout_may_be_named_as_a_file(process: Process) -> None:
    plain = process("-m", "shapescope", "models")
    named = process("-m", "shapescope", "models", "-o", "/dev/stdout")
    assert (named.returncode, named.stderr) == (0, "")
    assert named.stdout == plain.stdout != ""
