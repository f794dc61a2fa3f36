"""`annotate`: comments are judged against a run and written in the file's own spelling."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest

from shapescope.cli.app import run

MNIST = """import torch.nn as nn


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(         # input shape (1, 28, 28)
            nn.Conv2d(
                in_channels=1,              # input height
                out_channels=16,            # n_filters
                kernel_size=5,              # filter size
                padding=2,                  # (5-1)/2 keeps the size
            ),                              # output shape (16, 28, 28)
            nn.ReLU(),                      # activation
            nn.MaxPool2d(kernel_size=2),    # max in 2x2 area, output shape (16, 14, 14)
        )
        self.conv2 = nn.Sequential(
            nn.Conv2d(16, 32, 5, 1, 2),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.out = nn.Linear(32 * 7 * 7, 10)   # fully connected layer, output 10 classes

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        x = x.view(x.size(0), -1)           # to (batch_size, 32 * 7 * 7)
        output = self.out(x)
        return output, x    # return x for visualization
"""

ATTENTION = '''import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.heads = heads

    def forward(self, x):  # (B, T, C)
        """Attend.

        Args:
            x: tokens (B, T, C)

        Returns:
            the same shape, (B, T, C)
        """
        B, T, C = x.size()  # batch size, length, width
        q, k, v = self.qkv(x).split(C, dim=2)  # q: (B, T, C), v: (B, T, C)
        k = self.split(k)  # (B, nh, T, hs)
        q = self.split(q)
        v = self.split(v)
        att = q @ k.transpose(-2, -1)  # (B, nh, T, hs) x (B, nh, hs, T) -> (B, nh, T, T)
        # softmax over the keys, still (B, nh, T, T)
        att = F.softmax(att, dim=-1)
        y = att @ v
        # y is (B, nh, T, hs)
        y = y.transpose(1, 2).reshape(B, T, C)
        return y  # (B, T, C)

    def split(self, t):
        B, T, C = t.shape
        return t.view(B, T, self.heads, C // self.heads).transpose(1, 2)  # B x nh x T x hs
'''


def annotate(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["annotate", *words]) == code
    return capsys.readouterr().out


def check(
    capsys: pytest.CaptureFixture[str], text: str, inputs: str, name: str = "net.py"
) -> list[dict[str, object]]:
    Path(name).write_text(text)
    assert run(["annotate", name, "--input", inputs, "--check", "--format", "json"]) in (0, 1)
    comments: list[dict[str, object]] = json.loads(capsys.readouterr().out)["comments"]
    return comments


def test_the_documents_own_comments_are_right(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = check(capsys, MNIST, "8,1,28,28")
    assert [(one["line"], one["text"], one["status"]) for one in found] == [
        (7, "(1, 28, 28)", "right"),
        (13, "(16, 28, 28)", "right"),
        (15, "(16, 14, 14)", "right"),
        (27, "(batch_size, 32 * 7 * 7)", "right"),
    ]


def test_every_kind_of_place_is_judged(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = check(capsys, ATTENTION, "2,6,32")
    assert {one["status"] for one in found} == {"right"}
    assert len(found) == 13
    assert [one["kind"] for one in found].count("docstring") == 2


@pytest.mark.parametrize(("text", "inputs"), [(MNIST, "8,1,28,28"), (ATTENTION, "2,6,32")])
def test_written_comments_are_right_and_stay(
    text: str, inputs: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(text)
    said = annotate(capsys, "net.py", "--input", inputs, "--write")
    assert re.match(r"net.py: \d+ added, \d+ kept\n", said)
    written = Path("net.py").read_text()
    compile(written, "net.py", "exec")
    assert re.sub(r"\s*#.*", "", written) == re.sub(r"\s*#.*", "", text)
    found = check(capsys, written, inputs)
    assert {one["status"] for one in found} == {"right"}
    assert annotate(capsys, "net.py", "--input", inputs) == "nothing to annotate\n"
    annotate(capsys, "net.py", "--input", inputs, "--write")
    assert Path("net.py").read_text() == written


def test_the_files_own_spelling_is_used(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(MNIST)
    said = annotate(capsys, "net.py", "--input", "8,1,28,28")
    assert "+            nn.Conv2d(16, 32, 5, 1, 2),  # (32, 14, 14)\n" in said
    assert "+        x = self.conv2(x)  # (32, 7, 7)\n" in said
    assert Path("net.py").read_text() == MNIST


@pytest.mark.parametrize(("text", "inputs"), [(MNIST, "8,1,28,28"), (ATTENTION, "2,6,32")])
def test_each_number_that_is_changed_is_found(
    text: str, inputs: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(text)
    annotate(capsys, "net.py", "--input", inputs, "--write")
    written = Path("net.py").read_text()
    lines = written.splitlines()
    for one in check(capsys, written, inputs):
        start, end, line = one["column"], one["end_column"], one["line"]
        assert isinstance(start, int) and isinstance(end, int) and isinstance(line, int)
        shape = lines[line - 1][start - 1 : end - 1]
        for number in re.finditer(r"\d+", shape):
            bad = shape[: number.start()] + str(int(number[0]) + 1) + shape[number.end() :]
            changed = lines[line - 1][: start - 1] + bad + lines[line - 1][end - 1 :]
            broken = "\n".join([*lines[: line - 1], changed, *lines[line:]]) + "\n"
            wrong = [w for w in check(capsys, broken, inputs) if w["status"] == "wrong"]
            assert [(w["line"], w["text"]) for w in wrong] == [(line, bad)], changed
            replaced = broken.replace(changed, changed.replace(bad, str(wrong[0]["replacement"])))
            again = check(capsys, replaced, inputs)
            assert {w["status"] for w in again} == {"right"}


@pytest.mark.parametrize(
    ("comment", "status", "why"),
    [
        ("(B, 10)", "right", None),
        ("(B, 11)", "wrong", "axis 1 is 10, not 11"),
        ("B x 10", "right", None),
        ("(10,)", "right", None),
        ("(B, T, 10)", "wrong", "2 axes, not 3"),
        ("[-1, 10]", "right", None),
    ],
)
def test_a_return_is_what_comes_back(
    comment: str,
    status: str,
    why: str | None,
    in_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = f"""
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 10)
    def forward(self, x):
        return self.fc(x)  # {comment}
"""
    (one,) = check(capsys, text, "3,4")
    assert (one["status"], one["why"]) == (status, why)
    assert one["is"] == [[3, 10]]
    assert one["value"] == "return"


def test_in_a_loop_a_comment_is_right_only_if_right_each_time(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 6)])
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)  # (B, 4)
        return x
"""
    (one,) = check(capsys, text, "3,4")
    assert one["status"] == "wrong"
    assert one["is"] == [[3, 4], [3, 6]]
    assert check(capsys, text.replace("(B, 4)", "(B, D)"), "3,4")[0]["status"] == "wrong"
    assert check(capsys, text.replace("(B, 4)", "(B, ...)"), "3,4")[0]["status"] == "right"


def test_jaxtyping_annotations_are_shapes(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
from torch import Tensor, nn
class Float:
    def __class_getitem__(cls, item): return Tensor
class Net(nn.Module):
    def forward(self, x: Float[Tensor, "batch 4"]) -> Float[Tensor, "batch 5"]:
        return x * 2
"""
    given, back = check(capsys, text, "3,4")
    assert (given["kind"], given["text"], given["status"]) == ("annotation", "batch 4", "right")
    assert (back["status"], back["why"], back["replacement"]) == (
        "wrong", "axis 1 is 4, not 5", "batch 4",
    )  # fmt: skip


def test_code_that_did_not_run_is_unchecked(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
from torch import nn
class Net(nn.Module):
    def forward(self, x):
        if x.shape[0] > 100:
            x = x * 2  # (B, 7, 7)
        return x
"""
    (one,) = check(capsys, text, "3,4")
    assert (one["status"], one["why"]) == ("unchecked", "this run says nothing about it")


def test_a_model_that_fails_is_checked_as_far_as_it_came(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(
        """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 10)
    def forward(self, x):
        x = x * 2  # (B, 4)
        return self.fc(x)  # (B, 10)
"""
    )
    said = annotate(capsys, "net.py", "--input", "3,4", "--check", code=1)
    assert "2 shapes: 1 right, 1 unchecked" in said
    assert "error[linear-in-features]" in said


def test_github_annotations(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.py").write_text(MNIST.replace("(16, 14, 14)", "(16, 14, 15)"))
    words = ("net.py", "--input", "8,1,28,28", "--check", "--format", "github")
    assert annotate(capsys, *words, code=1) == (
        "::error file=net.py,line=15,col=77,endColumn=89,title=wrong shape comment::"
        "(16, 14, 15): axis 3 is 14, not 15; write (16, 14, 14)\n"
    )


def test_the_ending_tells_the_form(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.py").write_text(MNIST)
    assert annotate(capsys, "net.py", "--input", "8,1,28,28", "-o", "out.json") == ""
    assert json.loads(Path("out.json").read_text())["schema"] == "shapescope.annotate/1"


def test_a_read_only_file_is_named_as_it_was_asked_for(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(MNIST)
    Path("net.py").chmod(0o444)
    assert run(["annotate", "net.py", "--input", "8,1,28,28", "--write"]) == 2
    assert capsys.readouterr().err == "error: cannot write net.py: it is read-only\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.py", "--check", "--write"], "--check and --write exclude each other"),
        (["net.py", "--format", "github"], "--format github tells which comments are wrong"),
        (["lenet5", "--write"], "`lenet5` is one of shapescope's own networks"),
        (["torchvision:resnet18"], "`torchvision:resnet18`"),
        (["missing.py"], "missing.py"),
        (["latin.py"], "latin.py is not UTF-8 throughout"),
    ],
)
def test_bad_requests(
    words: list[str], said: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text(MNIST)
    latin = "# -*- coding: latin-1 -*-\n# caf\xe9\n" + MNIST
    Path("latin.py").write_bytes(latin.encode("latin-1"))
    before = Path("latin.py").read_bytes()
    assert run(["annotate", *words, "--input", "8,1,28,28"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert Path("latin.py").read_bytes() == before
    assert Path("net.py").read_text() == MNIST


def test_the_diff_of_a_file_elsewhere_names_it_once(
    tmp_path: Path, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "net.py").write_text(MNIST)
    folder = in_folder / "here"
    folder.mkdir()
    with contextlib.chdir(folder):
        run(["annotate", str(place / "net.py"), "--input", "8,1,28,28"])
    out = capsys.readouterr().out
    name = str(place / "net.py").lstrip("/")
    assert f"--- a/{name}\n+++ b/{name}\n" in out
