"""Two traces side by side, and the command that shows them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from shapescope.analysis.diff import diff_traces
from shapescope.capture.inputs import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.tracer import trace_model
from shapescope.cli.app import run
from shapescope.cli.revision import texts_at
from shapescope.diagnostic import ShapescopeError
from shapescope.render.diff import _percent, diff_lines, summary
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.trace import Trace

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, {channels}, 3)
        self.act = nn.{act}()
        self.fc = nn.Linear({channels} * 6 * 6, 10)

    def forward(self, x):
        return self.fc(self.act(self.conv(x)).flatten(1))
"""


def net(channels: int = 4, act: str = "ReLU") -> str:
    return NET.format(channels=channels, act=act)


def traced(folder: Path, text: str) -> Trace:
    file = folder / "net.py"
    file.write_text(text)
    return trace_model(load(f"{file}:Net"), (InputSpec((2, 1, 8, 8)),)).trace


def test_a_model_is_the_same_as_itself(tmp_path: Path) -> None:
    found = diff_traces(traced(tmp_path, net()), traced(tmp_path, net()))
    assert found.same
    assert {one.kind for one in found.changes} == {"same"}


def test_each_change_names_what_changed(tmp_path: Path) -> None:
    found = diff_traces(traced(tmp_path, net(4)), traced(tmp_path, net(8)))
    by_path = {one.step.path: one for one in found.changes if one.step.path}
    assert by_path["conv"].what == ("output", "settings", "params", "macs")
    assert by_path["act"].what == ("output",)
    assert by_path["fc"].what == ("settings", "params", "macs")
    assert not found.outcomes_differ
    before, after = found.totals
    assert (before.params, after.params) == (40 + 1450, 80 + 2890)


def test_another_layer_under_one_name_is_a_change(tmp_path: Path) -> None:
    found = diff_traces(
        traced(tmp_path, net()), traced(tmp_path, net(act="BatchNorm2d(4) or nn.X"))
    )
    changed = [one for one in found.changes if one.kind != "same"]
    assert [(one.kind, one.step.path, one.what) for one in changed] == [
        ("changed", "act", ("settings", "params"))
    ]


def test_steps_come_and_go(tmp_path: Path) -> None:
    longer = net().replace("self.conv(x)", "self.conv(x) * 2")
    found = diff_traces(traced(tmp_path, net()), traced(tmp_path, longer))
    assert [(one.kind, one.step.op) for one in found.changes if one.kind != "same"] == [
        ("added", "mul")
    ]
    back = diff_traces(traced(tmp_path, longer), traced(tmp_path, net()))
    assert [one.kind for one in back.changes if one.kind != "same"] == ["removed"]


STACK = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(),{more}
            nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))
"""


@pytest.mark.parametrize(
    ("more", "ops"),
    [
        ("nn.Conv2d(8, 8, 1),", ["conv2d"]),
        ("nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),", ["conv2d", "relu"]),
        ("nn.BatchNorm2d(8),", ["batch_norm"]),
    ],
)
def test_layers_put_into_the_middle_are_all_that_came(
    more: str, ops: list[str], tmp_path: Path
) -> None:
    short = traced(tmp_path, STACK.format(more=""))
    long = traced(tmp_path, STACK.format(more=more))
    changed = [one for one in diff_traces(short, long).changes if one.kind != "same"]
    assert [(one.kind, one.step.op) for one in changed] == [("added", op) for op in ops]
    back = [one for one in diff_traces(long, short).changes if one.kind != "same"]
    assert [(one.kind, one.step.op) for one in back] == [("removed", op) for op in ops]


def test_renamed_layers_stay_pairs(tmp_path: Path) -> None:
    renamed = net().replace("self.conv", "self.features")
    found = diff_traces(traced(tmp_path, net()), traced(tmp_path, renamed))
    assert found.same


def test_a_failure_is_a_difference(tmp_path: Path) -> None:
    found = diff_traces(traced(tmp_path, net()), traced(tmp_path, net().replace("6 * 6", "5 * 5")))
    assert found.outcomes_differ
    assert not found.same
    for width in (100, 40):
        lines = plain_text(diff_lines(found, ("a", "b"), Surface(width=width))).splitlines()
        assert any(line.endswith(" -> none") for line in lines)
        assert not any(line.endswith(" ->") for line in lines)


def test_a_model_that_does_not_take_the_inputs_fails_by_name(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.py").write_text(net())
    (in_folder / "pair.py").write_text(net().replace("forward(self, x", "forward(self, x, y"))
    assert run(["diff", "net.py:Net", "pair.py:Net", "--input", "2,1,8,8"]) == 1
    assert "-> fails at Net\n" in capsys.readouterr().out


def test_the_command_compares_two_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["diff", "lenet5", "--input", "1,1,32,32", "--input-b", "2,1,32,32"])
    said = capsys.readouterr().out
    assert code == 1
    assert "lenet5 1,1,32,32 -> lenet5 2,1,32,32" in said
    assert "~  layer1.0  conv2d 5x5         1 x 6 x 28 x 28 -> 2 x 6 x 28 x 28" in said
    assert "output 1 x 10 -> 2 x 10\nparams 61,750, unchanged\nMACs 416,520 -> 833,040 " in said
    assert run(["diff", "lenet5", "lenet5-bn"]) == 0
    assert "no difference in 14 steps" in capsys.readouterr().out


def test_the_command_compares_with_a_revision(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    file = in_folder / "net.py"
    file.write_text(net(4))
    git("init")
    git("add", "net.py")
    git("commit", "-m", "first")
    file.write_text(net(8))
    words = ["git:HEAD", "net.py:Net", "--input", "2,1,8,8"]
    assert run(["diff", *words, "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "shapescope.diff/1"
    assert (data["before"]["params"], data["after"]["params"]) == (1490, 2970)
    assert [one["after"]["path"] for one in data["changes"]] == ["conv", "act", "", "fc"]
    assert run(["diff", *words, "--format", "markdown"]) == 1
    table = capsys.readouterr().out
    assert "| \\~ | conv | conv2d 3x3 | 2 x 4 x 6 x 6 -\\> 2 x 8 x 6 x 6 | 40 -\\> 80 |" in table
    assert file.read_text() == net(8)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet5"], "nothing to compare with"),
        (["git:HEAD", "git:HEAD~1"], "git:REV stands for the file of the other model"),
        (["git:", "lenet5"], "git:REV stands for the file of the other model"),
        (["git:nonsense", "net.py:Net"], "git has no net.py at nonsense: "),
        (["lenet5", "lenet6"], "there is no model called `lenet6`"),
        (["lenet5", "network", "--format", "xml"], "`--format xml` is not known"),
    ],
)
def test_bad_requests_get_one_line(
    words: list[str], said: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.py").write_text(net())
    assert run(["diff", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: " + said)


TWO = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.{first} = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.{first}(x)
        return {order}
"""


def test_a_step_that_moved_is_a_pair(tmp_path: Path) -> None:
    found = diff_traces(
        traced(tmp_path, TWO.format(first="conv", order="self.act(self.norm(x))")),
        traced(tmp_path, TWO.format(first="conv", order="self.norm(self.act(x))")),
    )
    moved = [one for one in found.changes if one.kind != "same"]
    assert [(one.kind, one.what, one.step.path) for one in moved] in (
        [("changed", ("order",), "act")],
        [("changed", ("order",), "norm")],
    )


def test_other_names_alone_are_no_difference_but_are_told(tmp_path: Path) -> None:
    found = diff_traces(
        traced(tmp_path, TWO.format(first="conv", order="self.act(self.norm(x))")),
        traced(tmp_path, TWO.format(first="stem", order="self.act(self.norm(x))")),
    )
    assert found.same
    assert found.renamed == (("conv", "stem"),)
    assert summary(found)[-1] == "weights under other names: conv -> stem"


def test_rows_wider_than_the_screen_go_on_below(tmp_path: Path) -> None:
    found = diff_traces(traced(tmp_path, net(4)), traced(tmp_path, net(8)))
    narrow = plain_text(diff_lines(found, ("a", "b"), Surface(width=40))).splitlines()
    assert all(len(line) <= 40 for line in narrow[2:-4])
    wide = plain_text(diff_lines(found, ("a", "b"), Surface(width=200)))
    for fact in ("40 -> 80", "1,450 -> 2,890", "2 x 4 x 6 x 6 -> 2 x 8 x 6 x 6"):
        assert fact in wide
        assert fact in "\n".join(narrow)


def test_other_inputs_are_told(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (in_folder / "net.py").write_text(net())
    run(["diff", "net.py", "--input", "1,1,8,8", "--input-b", "3,1,8,8"])
    assert capsys.readouterr().out.splitlines()[-1] == (
        "the inputs differ: 1 x 1 x 8 x 8 -> 3 x 1 x 8 x 8"
    )


def test_a_revision_holds_for_imported_files_too(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "parts").mkdir()
    (in_folder / "parts" / "__init__.py").write_text("")
    part = in_folder / "parts" / "layers.py"
    part.write_text("from torch import nn\n\n\ndef layer():\n    return nn.Conv2d(1, 4, 3)\n")
    (in_folder / "net.py").write_text(
        "from parts.layers import layer\nfrom torch import nn\n\n\n"
        "class Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(layer())\n"
    )
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True, cwd=in_folder)
    assert run(["diff", "git:HEAD", "net.py", "--input", "1,1,8,8"]) == 0
    capsys.readouterr()
    part.write_text(part.read_text().replace("4, 3", "8, 3"))
    assert run(["diff", "git:HEAD", "net.py", "--input", "1,1,8,8"]) == 1
    assert "1 x 4 x 6 x 6 -> 1 x 8 x 6 x 6" in capsys.readouterr().out


HELPER = "from torch import nn\n\n\ndef layer():\n    return nn.Conv2d(1, {width}, 3)\n"
USER = (
    "from torch import nn\nfrom {module} import layer\n\n\n"
    "class Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(layer())\n"
)


def commit(folder: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True, cwd=folder)


@pytest.mark.parametrize("inside", ["", "sub"])
def test_a_revision_holds_through_a_link(
    inside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "repository" / inside
    folder.mkdir(parents=True)
    (folder / "blocks.py").write_text(HELPER.format(width=4))
    (folder / "net.py").write_text(USER.format(module="blocks"))
    commit(tmp_path / "repository")
    (folder / "blocks.py").write_text(HELPER.format(width=8))
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert run(["diff", "git:HEAD", f"{link}/net.py", "--input", "1,1,8,8"]) == 1
    assert "1 x 4 x 6 x 6 -> 1 x 8 x 6 x 6" in capsys.readouterr().out


def test_a_revision_leaves_alone_what_it_cannot_read(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "blocks.py").write_text(HELPER.format(width=4))
    (in_folder / "net.py").write_text(USER.format(module="blocks"))
    (in_folder / "old.py").write_bytes(b"# caf\xe9\n")
    commit(in_folder)
    (in_folder / "old.py").write_bytes(b"# caf\xe9s\n")
    assert run(["diff", "git:HEAD", "net.py", "--input", "1,1,8,8"]) == 0
    (in_folder / "blocks.py").write_text(HELPER.format(width=8))
    assert run(["diff", "git:HEAD", "net.py", "--input", "1,1,8,8"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("helper", ["blocks.py", "parts/blocks.py", "parts/__init__.py"])
def test_a_revision_has_the_files_that_were_renamed_since(
    helper: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = in_folder / helper
    file.parent.mkdir(exist_ok=True)
    if file.parent != in_folder:
        (file.parent / "__init__.py").touch()
    file.write_text(HELPER.format(width=4))
    module = helper.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    (in_folder / "net.py").write_text(USER.format(module=module))
    commit(in_folder)
    if file.parent != in_folder:
        shutil.rmtree(file.parent)
    else:
        file.unlink()
    (in_folder / "renamed.py").write_text(HELPER.format(width=8))
    (in_folder / "net.py").write_text(USER.format(module="renamed"))
    assert run(["diff", "git:HEAD", "net.py", "--input", "1,1,8,8"]) == 1
    assert "1 x 4 x 6 x 6 -> 1 x 8 x 6 x 6" in capsys.readouterr().out


CALLS = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.{act}()

    def forward(self, x):
        for _ in range({times}):
            x = self.act(x)
        return x
"""


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (("ReLU", 1), ("GELU", 2), ["changed", "added"]),
        (("ReLU", 2), ("GELU", 1), ["changed", "removed"]),
        (("ReLU", 2), ("GELU", 2), ["changed", "changed"]),
    ],
)
def test_repeated_calls_are_paired_one_by_one(
    before: tuple[str, int], after: tuple[str, int], kinds: list[str], tmp_path: Path
) -> None:
    found = diff_traces(
        *(traced(tmp_path, CALLS.format(act=act, times=times)) for act, times in (before, after))
    )
    assert [one.kind for one in found.changes] == kinds
    seen = [one.after.index for one in found.changes if one.after is not None]
    assert len(set(seen)) == len(seen)


def test_the_input_of_both_sides_is_told(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.py").write_text(net())
    (in_folder / "other.py").write_text(net(8))
    run(["diff", "net.py", "other.py", "--input", "2,1,8,8"])
    assert capsys.readouterr().out.splitlines()[-1] == "both with input 2 x 1 x 8 x 8"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (1_100_000, "+10.0 %"),
        (999_700, "-0.03 %"),
        (999_999, "- under 0.01 %"),
        (1_000_001, "+ under 0.01 %"),
    ],
)
def test_a_small_change_is_not_shown_as_none(after: int, said: str) -> None:
    assert _percent(after - 1_000_000, 1_000_000) == said


def test_a_revision_that_is_missing_is_named(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.py").write_text("")
    (in_folder / "old.py").write_text("")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "old.py"], ["commit", "-qm", "1"]):
        subprocess.run([*git, *command], check=True, cwd=in_folder)
    with pytest.raises(ShapescopeError) as caught:
        texts_at("HEAD~9", in_folder / "old.py")
    assert str(caught.value) == "git knows no revision `HEAD~9` here"
    with pytest.raises(ShapescopeError, match=r"git has no net\.py at HEAD: "):
        texts_at("HEAD", in_folder / "net.py")
