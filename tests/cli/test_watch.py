"""`watch`: every save is seen, shown and survived."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shapescope.cli.app import run
from shapescope.cli.restart import done_in_time
from shapescope.cli.watch import Watcher, _names
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface

NET = """
from torch import nn
from layers import features

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(features, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""


@pytest.fixture
def watcher(in_folder: Path) -> Watcher:
    (in_folder / "layers.py").write_text("features = 4 * 6 * 6\n")
    (in_folder / "net.py").write_text(NET)
    watcher = Watcher("net.py:Net", ("2,1,8,8",))
    watcher.look()
    return watcher


def screen(watcher: Watcher) -> str:
    return plain_text(watcher.screen(Surface(width=100), None))


def test_the_first_look_shows_the_table_and_what_is_watched(watcher: Watcher) -> None:
    said = screen(watcher)
    assert "conv  conv2d 3x3" in said
    assert "watching layers.py, net.py" in said
    assert "since" not in said


def test_a_save_shows_what_changed(watcher: Watcher, in_folder: Path) -> None:
    (in_folder / "net.py").write_text(NET.replace("Conv2d(1, 4, 3)", "Conv2d(1, 4, 3, padding=1)"))
    (in_folder / "layers.py").write_text("features = 4 * 8 * 8\n")
    watcher.look()
    said = screen(watcher)
    assert "2 x 4 x 6 x 6 -> 2 x 4 x 8 x 8" in said
    assert "3 steps changed" in said
    watcher.look()
    assert "no change since the last save" in screen(watcher)


def test_a_broken_model_is_diagnosed_and_a_mended_one_goes_on(
    watcher: Watcher, in_folder: Path
) -> None:
    (in_folder / "layers.py").write_text("features = 100\n")
    watcher.look()
    said = screen(watcher)
    assert "error[linear-in-features]: `fc` takes 100 features, but 144 arrive" in said
    assert "2 x 10 -> fails" in said
    (in_folder / "layers.py").write_text("features = 144\n")
    watcher.look()
    assert "fails -> 2 x 10" in screen(watcher)


def test_a_syntax_error_is_shown_and_waited_out(watcher: Watcher, in_folder: Path) -> None:
    (in_folder / "net.py").write_text(NET.replace("def forward(self, x):", "def forward(self, x"))
    watcher.look()
    said = screen(watcher)
    assert "net.py" in said
    assert "was never closed" in said or "syntax" in said
    assert "Traceback" not in said
    (in_folder / "net.py").write_text(NET)
    watcher.look()
    assert "no change since the last save" in screen(watcher)


def test_rounds_follow_the_files_and_ignore_others(watcher: Watcher, in_folder: Path) -> None:
    seen: list[tuple[Path, ...]] = []

    def saves(folders: tuple[Path, ...]) -> Iterator[frozenset[Path]]:
        seen.append(folders)
        yield frozenset({in_folder / "notes.txt"})
        yield frozenset({in_folder / "layers.py"})
        yield frozenset({in_folder / "net.py", in_folder / "other.py"})

    assert len(list(watcher.rounds(saves))) == 3
    assert watcher.rounds_done == 2
    assert seen == [(in_folder,)]


def test_an_import_from_a_new_folder_is_followed(watcher: Watcher, in_folder: Path) -> None:
    (in_folder / "parts").mkdir()
    (in_folder / "parts" / "__init__.py").write_text("")
    (in_folder / "parts" / "head.py").write_text("features = 144\n")
    asked: list[tuple[Path, ...]] = []

    def saves(folders: tuple[Path, ...]) -> Iterator[frozenset[Path]]:
        asked.append(folders)
        if len(asked) == 1:
            text = NET.replace("from layers", "from parts.head")
            (in_folder / "net.py").write_text(text)
            yield frozenset({in_folder / "net.py"})
            raise AssertionError("still watching the old folders")

    assert len(list(watcher.rounds(saves))) == 2
    assert asked == [(in_folder,), (in_folder, in_folder / "parts")]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("lenet5", "`lenet5` is no file of yours"),
        ("missing.py", "missing.py"),
        ("lenet6", "there is no model called `lenet6`"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    model: str, said: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", model]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_a_real_save_is_painted_and_ctrl_c_ends_it(watcher: Watcher, in_folder: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "shapescope", "watch", "net.py:Net", "--input", "2,1,8,8"],
        cwd=in_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    try:
        first = _read_screen(program)
        assert "2 x 4 x 6 x 6" in first
        time.sleep(0.5)
        (in_folder / "layers.py").write_text("features = 100\n")
        assert "takes 100 features, but 144 arrive" in _read_screen(program)
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=30)
        assert program.returncode == 0, errors
        assert "Traceback" not in rest + errors
    finally:
        program.kill()


def test_a_forward_that_never_ends_is_begun_anew_at_the_next_save(
    watcher: Watcher, in_folder: Path
) -> None:
    loop = "        while True:\n            x = x + 0\n"
    endless = NET.replace("        return self.fc", f"{loop}        return self.fc")
    (in_folder / "net.py").write_text(endless)

    def save() -> None:
        (in_folder / "net.py").write_text(NET)

    later = threading.Timer(1.0, save)
    later.start()
    try:
        watcher.look()
    finally:
        later.cancel()
    assert "no change since the last save" in screen(watcher)


@pytest.mark.parametrize(
    ("saved", "code"),
    [
        ("net.py", "while True:\n    pass\n"),
        ("layers.py", "import time\ntime.sleep(600)\n"),
    ],
)
def test_an_import_that_never_ends_is_begun_anew_at_the_next_save(
    saved: str, code: str, in_folder: Path
) -> None:
    texts = {"net.py": NET, "layers.py": "features = 4 * 6 * 6\n"}
    for name, text in texts.items():
        (in_folder / name).write_text(code + text if name == saved else text)

    def save() -> None:
        (in_folder / saved).write_text(texts[saved])

    later = threading.Timer(1.5, save)
    later.start()
    watcher = Watcher("net.py:Net", ("2,1,8,8",))  # the first look, where no file is known yet
    try:
        watcher.look()
    finally:
        later.cancel()
    assert "conv  conv2d 3x3" in screen(watcher)


def test_a_job_in_the_background_begins_anew_too(in_folder: Path) -> None:
    net = in_folder / "net.py"
    later = threading.Timer(0.5, lambda: net.write_text("x = 1"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell has it behind `&`
    try:
        later.start()
        assert not done_in_time(lambda: time.sleep(20), [net])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        later.cancel()


def test_a_library_that_is_being_imported_is_left_alone(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = in_folder / "lib"
    library.mkdir()
    (library / "slow.py").write_text("import time\ntime.sleep(3.5)\ndone = True\n")
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.setattr("shapescope.cli.restart.is_library_file", lambda path: "/lib/" in path)
    net = in_folder / "net.py"
    net.write_text("")
    later = threading.Timer(0.5, lambda: net.write_text("x = 1"))
    later.start()
    done: list[bool] = []

    def work() -> None:
        import slow  # type: ignore[import-not-found]

        done.append(slow.done)

    assert done_in_time(work, [net])
    assert done == [True]


def test_an_interrupt_by_the_user_is_passed_on(in_folder: Path) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done_in_time(work, [in_folder / "net.py"])


def _read_screen(program: subprocess.Popen[str]) -> str:
    """Lines up to the rule between two screens."""
    assert program.stdout is not None
    lines = []
    for line in program.stdout:
        if line.startswith("====="):
            break
        lines.append(line)
    return "".join(lines)


def test_files_of_one_name_are_told_apart(in_folder: Path) -> None:
    for folder in ("a", "b"):
        (in_folder / folder).mkdir()
    files = [in_folder / name for name in ("net.py", "a/__init__.py", "b/__init__.py")]
    assert _names(files) == ["a/__init__.py", "b/__init__.py", "net.py"]
