"""The commands data, train, evaluate and predict, as a user types them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from shapescope.cli.app import run as shapescope
from shapescope.cli.live import LiveReporter


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run made by the command itself."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    code = shapescope(["train", "fashion", "--sample", "--epochs", "2", "--out", str(folder)])
    assert code == 0
    return folder


def test_train_writes_all_files(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "last.pt",
        "best.pt",
        "curves.png",
        "confusion.png",
    }
    for name in ("curves.png", "confusion.png"):
        with Image.open(trained / name) as image:
            assert image.width > 300


def test_train_prints_lines_on_stdout_and_the_rest_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "mnist-cnn", "--sample", "--epochs", "1", "--out", str(folder)]
    assert shapescope([*arguments, "--lr", "0.002", "--set", "optimizer.weight_decay=0.1"]) == 0
    out, err = capsys.readouterr()
    assert [line.split("  loss")[0] for line in out.splitlines()[:2]] == [
        "epoch 1  step 100",
        "epoch 1  step 200",
    ]
    assert out.splitlines()[2].startswith("epoch  1  train loss ")
    assert out.splitlines()[3].startswith("best weights  test   loss ")
    assert "data    MNIST (the sample shipped with shapescope): 2,000 to train on" in err
    assert "adam lr 0.002, weight_decay 0.1, seed 0" in err
    assert "\r" not in err
    config = json.loads((folder / "config.json").read_text())
    assert config["recipe"]["optimizer"]["weight_decay"] == 0.1


def test_json_on_stdout_is_one_object_and_the_lines_go_to_stderr(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "mnist-cnn", "--sample", "--epochs", "1", "--out", "run"]
    assert shapescope([*arguments, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["model"], told["run"], told["complete"]) == ("mnist-cnn", "run", True)
    assert (told["epochs_done"], told["steps_into_epoch"]) == (1, 0)
    lines = (in_folder / "run" / "metrics.jsonl").read_text().splitlines()
    assert told["metrics"] == [json.loads(line) for line in lines]
    assert told["best_weights"]["correct"] == told["metrics"][-1]["correct"]
    assert "epoch 1  step 100  loss " in err
    assert "epoch  1  train loss " in err


def test_an_interrupted_run_says_where_it_stopped_and_quotes_its_folder(
    in_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(reporter: LiveReporter, epoch: int, step: int, loss: float) -> None:
        if step == 100:
            os.kill(os.getpid(), signal.SIGINT)

    arguments = ["train", "mnist-cnn", "--sample", "--epochs", "1", "--batch-size", "4"]
    with monkeypatch.context() as patch:
        patch.setattr(LiveReporter, "step", interrupt)
        assert shapescope([*arguments, "--out", "my runs/net", "--format", "json"]) == 130
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["complete"], told["epochs_done"], told["metrics"]) == (False, 0, [])
    assert told["best_weights"] is None
    step = told["steps_into_epoch"]
    assert 100 <= step < 500
    assert err.endswith(
        f"note: stopped in epoch 1, after step {step}; go on with: "
        "shapescope train --resume 'my runs/net'\n"
    )
    assert shapescope(["evaluate", "my runs/net"]) == 2
    assert "shapescope train --resume 'my runs/net'" in capsys.readouterr().err
    assert shapescope(["train", "--resume", "my runs/net"]) == 0
    assert capsys.readouterr().out.endswith(
        "next: shapescope evaluate 'my runs/net'\nnext: shapescope predict 'my runs/net'\n"
    )


def test_resume_of_a_finished_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shapescope(["train", "--resume", str(trained)]) == 0
    assert (
        "resumed after epoch 2 of 2: nothing is left to train, --epochs N asks for more\n"
        in capsys.readouterr().err
    )


def test_images_that_are_held_out_are_counted(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "lenet5", "--sample", "--validation", "300", "--epochs", "0"]
    assert shapescope(arguments) == 0
    assert "1,700 to train on, 300 to choose by, 500 to test on" in capsys.readouterr().err


def test_a_folder_in_use_is_refused_before_images_are_looked_for(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "lenet5", "--data-dir", "nowhere", "--out", str(trained)]
    assert shapescope(arguments) == 2
    assert "already holds a run" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused_before_images_are_looked_for(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "notes").write_text("no folder")
    arguments = ["train", "lenet5", "--data-dir", ".", "--out", "notes/run"]
    assert shapescope(arguments) == 2
    assert capsys.readouterr().err == "error: notes/run cannot be made: notes is a file\n"


def test_resume_without_a_run_starts_one_where_the_network_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    assert shapescope(["train", "--resume", str(folder)]) == 2
    assert "holds no run to go on with" in capsys.readouterr().err
    arguments = ["train", "network", "--sample", "--epochs", "1", "--resume", str(folder)]
    assert shapescope(arguments) == 0
    assert "holds no run yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train"], "name what to train"),
        (["train", "lenet6", "--sample"], "lenet6"),
        (["train", "lenet5", "--sample", "--precision", "half"], "`--precision half` is not known"),
        (["train", "lenet5", "--sample", "--recipe", "slow"], "no recipe 'slow'"),
        (["train", "lenet5", "--sample", "--set", "momentum=1"], "a recipe has no momentum"),
        (["train", "lenet5", "--sample", "--batch-size", "0"], "it has to be 1 or more"),
        (["train", "lenet5", "--sample", "--lr", "-1"], "lr is -1.0"),
        (["train", "lenet5", "--sample", "--device", "tpu"], "there is no device 'tpu'"),
        (["train", "lenet5", "--sample", "--data-dir", "."], "exclude each other"),
        (["train", "lenet5", "--data-dir", "absent"], "--data-dir names absent"),
        (["train", "lenet5", "--sample", "--validation", "2000"], "cannot be held out of 2,000"),
        (["train", "lenet5", "--sample", "--dataset", "imagenet"], "no data set 'imagenet'"),
        (["train", "lenet5", "--sample", "--image-size", "big"], "--image-size big is no size"),
        (["data", "nosuch"], "there is no data set `nosuch`"),
        (["data", "mnist", "--data-dir", "."], "MNIST is not in ."),
        (["data", "--data-dir", "."], "there are no images in class folders in ."),
        (["evaluate", "nowhere"], "there is no run folder or checkpoint file nowhere"),
        (["evaluate", "lenet5"], "lenet5 is a network, not a run"),
        (["evaluate", "lenet5", "--split", "dev"], "`--split dev` is not known"),
        (["predict", "lenet5", "x.png", "--count", "3"], "images of your own come without"),
        (["train", "lenet5", "--sample", "--out", "a", "--resume", "b"], "name different folders"),
        (["data", "mnist", "--sample", "--data-dir", "."], "exclude each other"),
        (["data", "--sample"], "--sample needs a name: mnist, fashion-mnist, fashionmnist"),
        (["data", "mnist", "--sample", "--count", "0", "--save", "a.png"], "a --count of at least"),
        (["data", "mnist", "--sample", "--save", "a.bmp"], "a.bmp"),
        (
            ["train", "torchvision:resnet18", "--sample"],
            "there is a sample of mnist, fashion-mnist",
        ),
        (["evaluate", "torchvision:resnet18", "--untrained"], "--untrained is for the document"),
    ],
)
def test_a_wrong_request_is_one_line_on_stderr_and_2(
    in_folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert shapescope(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "content", "arguments", "said"),
    [
        ("config.json", "{", ["train", "--resume"], "config.json is damaged: "),
        ("config.json", '{"schema": "other"}', ["train", "--resume"], "is no record of a run of"),
        ("config.json", "{", ["evaluate"], "config.json is damaged: "),
        ("metrics.jsonl", "{", ["report", "mnist-cnn", "--sample", "--run"], "is damaged: "),
    ],
)
def test_a_damaged_run_is_told_by_its_file_and_stays_as_it_is(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: str,
    arguments: list[str],
    said: str,
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    (run / file).write_text(content)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert shapescope([*arguments, str(run)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert str(run / file) in err
    assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_network_that_does_not_take_the_images_is_at_fault(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "network", "--sample", "--dataset", "cifar-10", "--out", "run"]
    assert shapescope(arguments) == 1
    out, _ = capsys.readouterr()
    assert "network cannot take these images, 2 x 3 x 32 x 32" in out
    assert "shapescope trace network --input 2,3,32,32" in out
    assert not (in_folder / "run").exists()


def test_one_batch(capsys: pytest.CaptureFixture[str]) -> None:
    assert shapescope(["train", "network", "--one-batch", "--sample"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "one batch of 100, adam lr 0.01"
    assert lines[1].startswith("loss before the step 2.2996")
    assert ", after it 2.28" in lines[1]
    assert lines[4].split()[:8] == ["conv1.weight", "6", "x", "1", "x", "5", "x", "5"]
    assert shapescope(["train", "network", "--one-batch", "--sample", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loss_after"] < found["loss_before"]
    assert len(found["gradients"]) == 10
    for row in found["gradients"]:
        assert row["before"] is None
        assert row["after"] == row["shape"]


def test_data(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    assert shapescope(["data", "fashion", "--sample", "--count", "3"]) == 0
    out = capsys.readouterr().out
    for wanted in (
        "length        2,000",
        "image 1 x 28 x 28, label 9 (Ankle boot)",
        "[200, 200, 200, 200, 200, 200, 200, 200, 200, 200]: balanced",
        "first batch   labels 9 0 0 3 0 2 7 2 5 5",
        "0 T-shirt/top, 1 Trouser",
    ):
        assert wanted in out
    assert out.count("Ankle boot") == 4  # both first samples, the classes, one title
    arguments = ["data", "fashion-mnist", "--sample", "--count", "20", "--save", "grid.png"]
    assert shapescope([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["splits"][0]["balanced"] is True
    assert found["splits"][0]["batch_labels"] == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    with Image.open("grid.png") as image:
        assert image.width > image.height
    assert shapescope(["data", "cifar-10", "--sample", "--save", "grid.svg"]) == 0
    assert (in_folder / "grid.svg").read_text().startswith("<?xml")
    assert shapescope(["data", "cifar-10", "--sample", "--save", "grid.bmp"]) == 2


def test_data_of_nothing_says_what_data_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHAPESCOPE_DATA", raising=False)
    assert shapescope(["data"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: name a set, or a folder of your own images",
        "help: the names are mnist, fashion-mnist, fashionmnist, cifar-10, cifar10",
        "help: or give --data-dir DIR",
    ]


def test_evaluate(trained: Path, capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    best = max(
        json.loads(line)["correct"]
        for line in (trained / "metrics.jsonl").read_text().splitlines()
        if json.loads(line)["split"] == "test"
    )
    assert shapescope(["evaluate", str(trained), "--confusion", "c.svg"]) == 0
    out = capsys.readouterr().out
    assert f"{best:,} of 500 correct" in out
    assert "of 2,000 correct" in out
    assert "confusion, test" in out
    assert "worst mistakes, test" in out
    assert (in_folder / "c.svg").exists()
    arguments = ["evaluate", str(trained / "best.pt"), "--format", "json", "--split", "test"]
    assert shapescope(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    (figures,) = found["splits"]
    assert figures["correct"] == best
    assert sum(map(sum, figures["confusion"])) == 500
    assert len(figures["class_accuracy"]) == 10
    assert len(figures["mistakes"]) == 5


def test_predict(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shapescope(["predict", str(trained), "--count", "7"]) == 0
    out = capsys.readouterr().out
    assert out.count("softmax sums to 1.0000") == 5
    assert "actual     Ankle boot, Pullover, Trouser, Trouser, Shirt, Trouser, Coat" in out
    assert " of 7 correct" in out
    assert shapescope(["predict", str(trained), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert len(found) == 5
    assert all(len(one["outputs"]) == 10 for one in found)
    assert found[0]["actual_class"] == "Ankle boot"


def test_predict_a_file(trained: Path, capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    Image.new("RGB", (50, 40), (250, 250, 250)).save("own.png")
    assert shapescope(["predict", str(trained), "own.png"]) == 0
    out, err = capsys.readouterr()
    assert "own.png" in out
    assert "actual" not in out
    assert "own.png is dark on light" in err
    assert shapescope(["predict", str(trained), "own.png", "--invert"]) == 0
    assert "dark on light" not in capsys.readouterr().err
    (in_folder / "bad.png").write_text("text")
    assert shapescope(["predict", str(trained), "bad.png"]) == 2


def test_predict_untrained(capsys: pytest.CaptureFixture[str]) -> None:
    assert shapescope(["predict", "network", "--untrained", "--sample"]) == 0
    out = capsys.readouterr().out
    assert "image 1 x 28 x 28; with a batch axis (unsqueeze) 1 x 1 x 28 x 28; output 1 x 10" in out
    assert "a batch of 10: output 10 x 10" in out
    assert " of 10 correct" in out


def test_a_users_network_on_a_users_images(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "                         nn.Flatten(), nn.Linear(4, 2))\n"
    )
    for split, count in (("train", 12), ("test", 4)):
        for label, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
            folder = in_folder / "images" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (20 + number, 24), colour).save(folder / f"{number}.jpg")
    arguments = ["train", "net.py:Net", "--data-dir", "images", "--image-size", "16"]
    more = ["--epochs", "30", "--batch-size", "8", "--lr", "0.05", "--out", "run"]
    assert shapescope([*arguments, *more]) == 0
    out = capsys.readouterr().out
    assert "8 of 8 correct = 100.00 %" in out
    config = json.loads((in_folder / "run" / "config.json").read_text())
    assert config["data"]["classes"] == ["blue", "red"]
    assert len(config["recipe"]["transforms"]["mean"]) == 3
    assert shapescope(["evaluate", "run", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"][1]["correct"] == 8
    assert shapescope(["predict", "run", "images/test/red/0.jpg", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["predicted_class"] == "red"


def test_a_document_network_on_a_users_images_gets_as_many_outputs_as_classes(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in range(3):
        folder = in_folder / "images" / f"c{label}"
        folder.mkdir(parents=True)
        for number in range(5):
            Image.new("L", (30, 30), 80 * label).save(folder / f"{number}.png")
    arguments = ["train", "lenet5", "--data-dir", "images", "--epochs", "1", "--out", "run"]
    assert shapescope(arguments) == 0
    assert "no test folder: 3 images, drawn from each class" in capsys.readouterr().err
    assert shapescope(["predict", "run", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"][0]["outputs"]) == 3


@pytest.mark.parametrize("command", ["data", "train", "evaluate", "predict"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shapescope([command, "--help"]) == 0
    assert f"shapescope {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "nowhere"],
        ["predict", "nowhere"],
        ["evaluate", "."],
        ["train"],
        ["train", "lenet6"],
        ["train", "nowhere.py"],
        ["train", "lenet5", "--recipe", "slow"],
        ["train", "lenet5", "--set", "momentum=1"],
        ["train", "lenet5", "--sample", "--data-dir", "."],
        ["data", "mnist", "--sample", "--data-dir", "."],
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_a_request_for_what_there_is_not_is_refused_before_torch_is_loaded(
    arguments: list[str],
) -> None:
    code = (
        "import sys\nfrom shapescope.cli.app import run\n"
        f"code = run({arguments!r})\n"
        "sys.exit(9 if 'torch' in sys.modules else code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 2


def test_a_run_of_no_epochs_is_gone_on_with(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shapescope(["train", "lenet5", "--sample", "--epochs", "0", "--out", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("next: ")] == [
        "next: shapescope train --resume run --epochs 1"
    ]
    assert shapescope(["train", "--resume", "run", "--epochs", "1"]) == 0
    assert shapescope(["evaluate", "run"]) == 0
