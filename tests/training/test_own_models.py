"""A network and images of one's own: what fits trains, what does not is told in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from shapescope.cli.app import run as shapescope
from shapescope.training.run import Run

NETS = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 2)
    def forward(self, x):
        return self.head(self.pool(self.body(x).relu()).flatten(1))

class Dict(Two):
    def forward(self, x):
        return {"logits": super().forward(x)}

class Pair(Two):
    def forward(self, x):
        return super().forward(x), x

class Map(Two):
    def forward(self, x):
        return self.body(x)

class Flat(Two):
    def forward(self, x):
        return self.head(self.body(x).relu())

class Chances(Two):
    def forward(self, x):
        return super().forward(x).softmax(1)

class Five(Two):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 5)

class Frozen(Two):
    def __init__(self):
        super().__init__()
        self.requires_grad_(False)

class Nothing(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :2]

class Lost(Two):
    def forward(self, x):
        return super().forward(x) * float("nan")
"""


def folders(root: Path, *classes: str) -> Path:
    """Class folders of ten small colour images each."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for shade in range(10):
            colour = (20 * shade, 100 * number, 50)
            Image.new("RGB", (12, 12), colour).save(root / name / f"{shade}.png")
    return root


def run(tmp_path: Path, net: str, images: Path) -> int:
    (tmp_path / "nets.py").write_text(NETS)
    out = tmp_path / f"run-{net}"
    spec = f"{tmp_path / 'nets.py'}:{net}"
    return shapescope(
        ["train", spec, "--data-dir", str(images), "--epochs", "1", "--out", str(out)]
    )


def test_a_run_ends_with_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "Two", folders(tmp_path / "images", "cat", "dog")) == 0
    place = tmp_path / "run-Two"
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"next: shapescope evaluate {place}",
        f"next: shapescope predict {place}",
    ]


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (
            "Frozen",
            "every parameter of Frozen is frozen (requires_grad is False): there is nothing",
        ),
        ("Nothing", "Nothing has no parameters: there is nothing to train"),
        ("Dict", "return one of its values from forward: 'logits'"),
        ("Pair", "return the scores alone from forward"),
        ("Map", "end forward with x.flatten(1) and a linear layer with one output a class"),
    ],
)
def test_what_cannot_be_trained_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], net: str, said: str
) -> None:
    assert run(tmp_path, net, folders(tmp_path / "images", "cat", "dog")) == 1
    assert said in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / f"run-{net}").exists()


def test_why_a_network_fails_on_the_images_is_told_as_a_trace_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "Flat", folders(tmp_path / "images", "cat", "dog")) == 1
    out = capsys.readouterr().out
    assert "error[missing-" in out or "error[linear-in-features]" in out
    assert "`head` takes 4 features" in out
    assert "the images, as the recipe prepares them, are 2 x 3 x 12 x 12" in out
    assert "verified" in out


def test_a_softmax_before_the_loss_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = folders(tmp_path / "images", "cat", "dog")
    assert run(tmp_path, "Two", images) == 0
    told = "forward ends in a softmax, and the loss"
    assert told not in " ".join(capsys.readouterr().err.split())
    assert run(tmp_path, "Chances", images) == 0
    assert told in " ".join(capsys.readouterr().err.split())


def test_more_classes_than_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "Two", folders(tmp_path / "images", "cat", "dog", "emu")) == 1
    out = capsys.readouterr().out
    assert "Two has 2 outputs and the images have 3 classes" in out
    assert "give its last layer 3 outputs" in out


def test_outputs_without_a_class_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = folders(tmp_path / "images", "cat", "dog")
    assert run(tmp_path, "Five", images) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "5 outputs for 2 classes: 3 of them are never right" in said


def test_one_class_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "Two", folders(tmp_path / "images", "cat")) != 0
    assert "has one class, cat: training needs two or more" in " ".join(
        capsys.readouterr().err.split()
    )


def test_an_empty_class_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = folders(tmp_path / "images", "cat", "dog")
    (images / "emu").mkdir()
    assert run(tmp_path, "Two", images) == 0
    assert "no class was made of empty folders: emu" in capsys.readouterr().err


def test_a_loss_that_is_no_number_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "Lost", folders(tmp_path / "images", "cat", "dog")) == 0
    assert "the loss is no longer a number: try a lower --lr" in capsys.readouterr().out
    lost = Run(tmp_path / "run-Lost")
    for line in lost.metrics_path.read_text(encoding="utf-8").splitlines():
        assert json.loads(line, parse_constant=pytest.fail)["loss"] == "nan"
    assert all(math.isnan(line["loss"]) and line["count"] for line in lost.metrics())
    (tmp_path / "run-Lost" / "metrics.jsonl").write_text('{"epoch": 1, "loss": NaN}\n')
    assert math.isnan(lost.metrics()[0]["loss"])  # as runs of earlier versions have it


@pytest.mark.parametrize(
    "command", [("evaluate",), ("predict",), ("train", "--epochs", "2", "--resume")]
)
def test_json_of_a_diverged_run_is_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert run(tmp_path, "Lost", folders(tmp_path / "images", "cat", "dog")) == 0
    capsys.readouterr()
    assert shapescope([*command, str(tmp_path / "run-Lost"), "--format", "json"]) == 0
    out = capsys.readouterr().out
    json.loads(out, parse_constant=pytest.fail)
    assert '"nan"' in out


def test_one_batch_that_diverges_is_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    images = folders(tmp_path / "images", "cat", "dog")
    arguments = ["train", f"{tmp_path / 'nets.py'}:Lost", "--data-dir", str(images)]
    assert shapescope([*arguments, "--one-batch", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (found["loss_before"], found["loss_after"]) == ("nan", "nan")


def test_the_classes_of_images_from_elsewhere_are_found_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "Lost", folders(tmp_path / "images", "cat", "dog")) == 0
    more = folders(tmp_path / "more", "dog")  # where it is class 0
    Image.new("L", (30, 7)).save(more / "dog" / "0.png")
    capsys.readouterr()
    evaluate = ["evaluate", "run-Lost", "--format", "json", "--data-dir"]
    assert shapescope([*evaluate, "more"]) == 0
    for figures in json.loads(capsys.readouterr().out)["splits"]:
        assert figures["confusion"] == [[0, 0], [figures["count"], 0]]
        assert {one["actual"] for one in figures["mistakes"]} == {1}
    folders(tmp_path / "other", "cat", "emu")
    assert shapescope([*evaluate, "other"]) == 2
    assert "has classes that Lost was not trained on: emu; it tells cat, dog" in (
        capsys.readouterr().err
    )


def test_a_folder_of_images_is_predicted_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "Two", folders(tmp_path / "images", "cat", "dog")) == 0
    (tmp_path / "images" / "cat" / "notes.txt").write_text("none")
    capsys.readouterr()
    assert shapescope(["predict", "run-Two", "images/cat"]) == 0
    rows = capsys.readouterr().out.splitlines()[-11:]
    assert rows[0].split() == ["image", "predicted", "sure", "to"]
    assert [row.split()[0] for row in rows[1:]] == [f"images/cat/{n}.png" for n in range(10)]
    assert {row.split()[1] for row in rows[1:]} <= {"cat", "dog"}
    (tmp_path / "none").mkdir()
    assert shapescope(["predict", "run-Two", "none"]) == 2
    assert "there are no images in none" in capsys.readouterr().err


def test_images_of_ones_own_are_named_by_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = folders(tmp_path / "images", "cat", "dog")
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "Lost", images) == 0  # of NaN, the first class is taken: dogs are mistaken
    capsys.readouterr()
    assert shapescope(["evaluate", "run-Lost", "--worst", "2"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "images/dog/" in line]
    assert [row.split()[1:3] for row in rows] == [["dog", "cat"]] * 2
    file = rows[0].split()[-1]
    assert shapescope(["evaluate", "run-Lost", "--format", "json"]) == 0
    mistakes = json.loads(capsys.readouterr().out)["splits"][1]["mistakes"]
    assert mistakes[0]["file"] == str(tmp_path / file)
    assert shapescope(["predict", "run-Lost"]) == 0
    assert "test 0, images/cat/" in capsys.readouterr().out
    assert shapescope(["predict", "run-Lost", file]) == 0
    assert capsys.readouterr().out.splitlines()[2] == file


@pytest.mark.parametrize("command", [["evaluate"], ["predict"], ["train", "--resume"]])
def test_images_that_moved_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    images = folders(tmp_path / "images", "cat", "dog")
    assert run(tmp_path, "Lost", images) == 0
    images.rename(tmp_path / "moved")
    capsys.readouterr()
    words = [*command, str(tmp_path / "run-Lost")]
    assert shapescope(words) == 2
    assert capsys.readouterr().err == (
        f"error: the run's images were in {images}, which does not exist any more\n"
        "help: --data-dir DIR says where they are now\n"
    )
    assert shapescope([*words, "--data-dir", str(tmp_path / "moved")]) == 0
    capsys.readouterr()
    assert shapescope([*words, "--data-dir", str(images)]) == 2
    assert capsys.readouterr().err == (f"error: --data-dir names {images}, which does not exist\n")


def test_a_run_is_resumed_by_the_file_alone_or_with_its_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = tmp_path / "one.py", tmp_path / "run"
    file.write_text(NETS.partition("class Dict")[0], encoding="utf-8")
    (tmp_path / "other.py").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    data = folders(tmp_path / "images", "cat", "dog")
    common = ["--data-dir", str(data), "--threads", "1"]
    start = ["train", str(file), *common, "--epochs", "1", "--out", str(run)]
    assert shapescope(start) == 0
    assert shapescope(["train", f"{file}:Two", "--resume", str(run), "--epochs", "2"]) == 0
    capsys.readouterr()
    assert shapescope(["train", str(tmp_path / "other.py"), "--resume", str(run)]) == 2
    assert capsys.readouterr().err == (
        f"error: the run in {run} trains {file}:Two, not {tmp_path / 'other.py'}; "
        f"shapescope train --resume {run} goes on with it\n"
    )
