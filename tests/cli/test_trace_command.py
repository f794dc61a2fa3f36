from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from PIL import Image

from shapescope.trace import from_dict

NETWORK_ROWS = [
    ("identity", "1 x 1 x 28 x 28"),
    ("conv2d 5x5", "1 x 6 x 24 x 24"),
    ("max_pool2d 2x2", "1 x 6 x 12 x 12"),
    ("conv2d 5x5", "1 x 12 x 8 x 8"),
    ("max_pool2d 2x2", "1 x 12 x 4 x 4"),
    ("reshape (flatten)", "1 x 192"),
    ("linear", "1 x 120"),
    ("linear", "1 x 60"),
    ("linear", "1 x 10"),
]


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def test_the_documents_table(program: Run) -> None:
    ran = program("trace", "network")
    assert ran.code == 0
    assert ran.err == ""
    rows = ran.out.splitlines()[4:13]
    for row, (op, shape) in zip(rows, NETWORK_ROWS, strict=True):
        assert op in row
        assert f" {shape} " in f"{row} "
    assert "12 of 12 match" in ran.out


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("cifar-cnn", ["30", "28", "14", "12", "10", "5"]),
        ("lenet5", ["28", "14", "10", "5"]),
        ("lenet5-tanh", ["28", "14", "10", "5", "1"]),
        ("mnist-cnn", ["28", "14", "14", "7"]),
    ],
)
def test_the_other_networks(model: str, sizes: list[str], program: Run) -> None:
    ran = program("trace", model, "--format", "json")
    steps = json.loads(ran.out)["steps"]
    windows = [step for step in steps if step["op"].startswith(("conv", "max_pool", "avg_pool"))]
    assert [str(step["outputs"][0]["shape"][-1]) for step in windows] == sizes
    assert {step["check"]["status"] for step in windows} == {"match"}


def test_a_broken_model_tells_all(program: Run) -> None:
    ran = program("trace", "lenet5", "--input", "1,1,28,28")
    assert ran.code == 1
    assert ran.err == ""
    assert "error[linear-in-features]: `fc` takes 400 features, but 256 arrive" in ran.out
    assert "16 * 4 * 4 = 256" in ran.out
    assert "lenet5.py:" in ran.out


def test_torchs_text_only_with_verbose(net: Path, program: Run) -> None:
    quiet = program("trace", "net.py", "-i", "1,1,20,20")
    loud = program("trace", "net.py", "-i", "1,1,20,20", "--verbose")
    assert quiet.code == loud.code == 1
    assert "as it was raised" not in quiet.out
    assert "as it was raised:\nRuntimeError: " in loud.out


def test_json_is_one_object_and_nothing_else(net: Path, program: Run) -> None:
    ran = program("trace", "net.py:Net(classes=3)", "--input", "2,1,28,28", "--format", "json")
    data = json.loads(ran.out)
    assert ran.code == 0
    assert "the model prints" in ran.err
    assert data["outputs"] == [{"shape": [2, 3], "dtype": "float32"}]
    again = from_dict({**data, "params": [], "buffers": [], "modules": []})
    assert [step.op for step in again.steps] == [step["op"] for step in data["steps"]]


def test_what_the_model_prints_is_said_once(net: Path, program: Run) -> None:
    ran = program("trace", "net.py")
    assert ran.err == "the model prints\n"
    assert "inferred" in ran.out


def test_csv_and_markdown(program: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(program("trace", "network", "--format", "csv").out)))
    assert [row["op"] for row in rows].count("max_pool2d") == 2
    assert (
        "| conv1 | conv2d 5x5 + relu |" in program("trace", "network", "--format", "markdown").out
    )


def test_markdown_follows_the_options(program: Run) -> None:
    out = program("trace", "network", "--format", "markdown", "--columns", "op,macs", "--all").out
    assert "| op | MACs |" in out
    assert "| relu |  |" in out


def test_columns_depth_and_all(program: Run) -> None:
    out = program("trace", "lenet5", "--columns", "path,params", "--depth", "1").out
    table = [line.split() for line in out.splitlines()[2:] if line][:10]
    assert ["layer1", "168"] in table
    assert ["layer2", "2,448"] in table
    assert program("trace", "lenet5", "--all").out.count("relu") > 4


def test_values_show_what_relu_does(program: Run) -> None:
    ran = program("trace", "network", "--values")
    rows = [line.split() for line in ran.out.splitlines()]
    relu = [row for row in rows if row[:1] == ["relu"]]
    conv = next(row for row in rows if row[:2] == ["conv1", "conv2d"])
    assert len(relu) == 4
    assert any(cell.startswith("-") for cell in conv)
    assert all("0" in row for row in relu)
    assert "real tensors" in ran.out


def test_a_picture_as_input(in_folder: Path, program: Run) -> None:
    Image.new("L", (28, 28), 255).save("white.png")
    ran = program("trace", "network", "--image", "white.png", "--columns", "op,min,max,mean")
    assert ran.code == 0
    conv = next(line.split() for line in ran.out.splitlines() if line.startswith("conv2d 5x5"))
    assert conv[2] != conv[3]
    missing = program("trace", "network", "--image", "black.png")
    assert missing.code == 2
    assert missing.err == "error: there is no file black.png\n"


def test_a_picture_for_a_model_whose_input_is_inferred(in_folder: Path, program: Run) -> None:
    Image.new("L", (40, 40), 255).save("white.png")
    (in_folder / "net.py").write_text(
        "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.conv = nn.Conv2d(1, 2, 5)\n"
        "        self.fc = nn.Linear(2 * 8 * 8, 3)\n\n    def forward(self, x):\n"
        "        return self.fc(self.conv(x).flatten(1))\n"
    )
    ran = program("trace", "net.py", "--image", "white.png")
    assert ran.code == 0
    assert ran.out.startswith(
        "net.py:Net   input x 1 x 1 x 12 x 12   traced on real tensors\n"
        "note: input 1 x 1 x 12 x 12 inferred from conv (in_channels = 1) and fc (takes 128)\n"
    )
    missing = program("trace", "absent.py", "--image", "black.png")
    assert (missing.code, missing.err) == (2, "error: there is no file black.png\n")


def test_a_loss_is_a_step(program: Run) -> None:
    ran = program("trace", "network", "--target", "1:int64<10", "--loss", "cross_entropy")
    assert ran.code == 0
    assert "cross_entropy" in ran.out
    alone = program("trace", "network", "--loss", "cross_entropy")
    assert alone.code == 2
    assert alone.err.startswith("error: `--loss` needs `--target` with it")


def test_a_loss_may_be_called_by_its_class(program: Run) -> None:
    given = ("trace", "network", "--target", "1,10", "--loss")
    plain = program(*given, "mse_loss")
    assert plain.code == 0
    assert "mse_loss" in plain.out
    assert program(*given, "MSELoss") == plain
    assert program(*given, "nn.MSELoss") == plain


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mse", "did you mean `mse_loss`?"),
        ("BCE", "did you mean `binary_cross_entropy`?"),
        ("CrossEntropyLos", "did you mean `cross_entropy`?"),
        ("relu", "\nhelp: the losses are binary_cross_entropy, binary_cross_entropy_with_logits"),
    ],
)
def test_a_loss_that_is_none_is_a_wrong_request(program: Run, name: str, said: str) -> None:
    for command in ("trace", "fix"):
        model = "network" if command == "trace" else "net.py"
        ran = program(command, model, "--target", "1,10", "--loss", name)
        assert (ran.code, ran.out) == (2, "")
        between = "" if said.startswith("\n") else "; "
        assert ran.err.startswith(f"error: there is no loss called `{name}`{between}{said}")


def test_a_column_has_its_figures_made(program: Run) -> None:
    given = ("trace", "network", "--columns", "path,op,output,max")
    assert program(*given) == program(*given, "--values")
    titles = program("trace", "network", "--columns", "path,time").out.splitlines()[2]
    assert titles.split() == ["path", "time"]


def test_each_loss_is_listed_once(program: Run) -> None:
    said = program("trace", "network", "--target", "1,10", "--loss", "relu").err
    losses = said.partition("the losses are ")[2].split(", ")
    assert len(losses) > 10
    assert len(losses) == len(set(losses))


@pytest.mark.parametrize("form", ["json", "csv"])
def test_data_are_whole_and_say_so_where_the_table_would_not_be(form: str, program: Run) -> None:
    whole = program("trace", "lenet5", "--format", form)
    assert whole.err == ""
    shaped = program("trace", "lenet5", "--format", form, "--depth", "1", "--no-fold", "--all")
    assert shaped.out == whole.out
    said = f"note: --depth, --fold, --all shapes the table; {form} has every step\n"
    assert shaped.err == said
    assert program("trace", "lenet5", "--format", "markdown", "--depth", "1").err == ""


@pytest.mark.parametrize("command", ["trace", "sizes", "check", "draw", "fix", "annotate"])
def test_an_input_by_a_name_that_forward_does_not_know(
    program: Run, net: Path, command: str
) -> None:
    ran = program(command, "net.py", "--input", "image=1,1,28,28")
    assert (ran.code, ran.out) == (2, "")
    assert (
        "error: --input names `image`, and forward has no such argument: its arguments are x\n"
        in (ran.err)
    )


def test_training_mode(program: Run) -> None:
    ran = program("trace", "lenet5", "--input", "4,1,32,32", "--train", "--format", "json")
    norm = next(step for step in json.loads(ran.out)["steps"] if step["op"] == "batch_norm")
    assert norm["attrs"]["batch_statistics"] is True


def test_real_tensors_if_asked(program: Run) -> None:
    ran = program("trace", "network", "--real", "--format", "json")
    assert json.loads(ran.out)["mode"] == "real"


def test_crosscheck(program: Run) -> None:
    ran = program("trace", "network", "--crosscheck")
    assert ran.code == 0
    assert "torchinfo" in ran.out
    assert "it adds the bias of convolutions" in ran.out


def test_a_file_appears_whole(in_folder: Path, program: Run) -> None:
    ran = program("trace", "network", "--format", "json", "--output", "out.json")
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(Path("out.json").read_text())["model"] == "network"
    assert list(in_folder.iterdir()) == [in_folder / "out.json"]


WRONG = [
    (("lenet6",), "did you mean lenet5"),
    (("nothing-like-it",), "there is no model called `nothing-like-it`"),
    (("gone.py",), "gone.py does not exist"),
    (("lenet5", "--input", "1,a,32"), "`a` is not a size"),
    (("lenet5", "--input", "1,-3,32"), "size -3 is below 1"),
    (("lenet5", "--input", "1,0,32"), "size 0 is below 1"),
    (("lenet5", "--input", ""), "--input"),
    (("lenet5", "--input", "1,1,32,32:flot32"), "did you mean float32"),
    (("lenet5", "--format", "xml"), "`--format xml` is not known"),
    (("lenet5", "--format", "jsn"), "did you mean `json`"),
    (("lenet5", "--columns", "chek"), "did you mean `check`"),
    (("lenet5", "--output", "no/such/folder/x"), "cannot write"),
    (("torchvision:resnet188",), "did you mean torchvision:resnet18"),
]


@pytest.mark.parametrize(("args", "message"), WRONG)
def test_wrong_requests(args: tuple[str, ...], message: str, in_folder: Path, program: Run) -> None:
    ran = program("trace", *args)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert list(in_folder.iterdir()) == []


FILES = {
    "syntax.py": ("class Net(:\n", 2, "syntax"),
    "raises.py": ("raise ValueError('on import')\n", 2, "on import"),
    "exits.py": ("import sys\nsys.exit(3)\n", 2, "exit"),
    "empty.py": ("x = 1\n", 2, "no model"),
    "needs.py": (
        "from torch.nn import *\nclass Net(Linear):\n    def __init__(self, width): pass\n",
        2,
        "width",
    ),
    "several.py": (
        "from torch import nn\nclass A(nn.Module):\n    forward = id\nclass B(A):\n    pass\n",
        2,
        "A",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_traced(name: str, in_folder: Path, program: Run) -> None:
    text, code, message = FILES[name]
    Path(name).write_text(text)
    ran = program("trace", name, "--input", "1,1")
    assert ran.code == code
    assert ran.out == ""
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_constructor_that_raises_is_the_models_fault(in_folder: Path, program: Run) -> None:
    Path("net.py").write_text(
        "from torch import nn\n\n\nclass ConvNeuralNet(nn.Module):\n    pass\n\n\n"
        "class LeNet5(nn.Module):\n    def __init__(self):\n"
        "        super(ConvNeuralNet, self).__init__()\n"
        "    def forward(self, x):\n        return x\n"
    )
    ran = program("trace", "net.py:LeNet5", "--input", "1,1")
    assert ran.code == 1
    assert ran.err == ""
    assert "error[constructor]" in ran.out
    assert "net.py:10" in ran.out
    data = json.loads(program("trace", "net.py:LeNet5", "-i", "1,1", "--format", "json").out)
    assert data["steps"] == []
    assert data["failure"]["step"] is None
    assert data["diagnostics"][0]["rule"] == "constructor"


def test_a_pipe_has_no_colour(process: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = process("-m", "shapescope", "trace", "network", NO_COLOR="")
    assert "\x1b" not in done.stdout
    forced = process("-m", "shapescope", "trace", "network", NO_COLOR="", FORCE_COLOR="1")
    assert "\x1b[36mconv2d 5x5\x1b[0m" in forced.stdout


def test_ascii_where_the_pipe_is(
    process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = process("-m", "shapescope", "trace", "network", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "ok (28 - 5 + 2*0)/1 + 1 = 24" in done.stdout


def test_the_file_that_is_written_tells_the_form(program: Run, in_folder: Path) -> None:
    for ending, form in (("json", "json"), ("md", "markdown"), ("csv", "csv"), ("txt", "table")):
        ran = program("trace", "network", "-o", f"out.{ending}")
        assert (ran.code, ran.out) == (0, "")
        told = program("trace", "network", "--format", form, "-o", "named")
        assert told.code == 0
        assert (in_folder / f"out.{ending}").read_text() == (in_folder / "named").read_text()
    ran = program("trace", "network", "-o", "out.html")
    assert ran.code == 2
    assert ran.err == (
        "error: out.html asks for html, which is not written here\n"
        "help: --format takes table, json, markdown, csv\n"
        "help: shapescope report MODEL -o FILE writes a page\n"
    )
    assert not (in_folder / "out.html").exists()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_columns_are_of_the_table(program: Run, form: str) -> None:
    ran = program("trace", "network", "--columns", "path,output", "--format", form)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: `--columns` chooses columns of the table; {form} has all of them\n"
