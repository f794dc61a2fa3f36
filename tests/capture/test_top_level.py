"""Which statements of a script run for a trace of its model."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from shapescope.capture.loader import load
from shapescope.capture.loading.top_level import defining, until_training

SCRIPT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc = nn.Linear(8, hidden)

    def forward(self, x):
        out = scaled(self.fc(x))
        return out

def scaled(x):
    return x * FACTOR

def train(model, optimizer):
    for _ in range(3):
        model(torch.randn(2, 8)).sum().backward()
        optimizer.step()

hidden = 4
FACTOR = 2
net = Net(hidden)
out = net(torch.randn(2, 8))
print(out.shape)
torch.save(net.state_dict(), "before.pt")
optimizer = torch.optim.SGD(net.parameters(), 0.1)
train(net, optimizer)
torch.save(net.state_dict(), "after.pt")
"""


def parsed(text: str) -> ast.Module:
    return ast.parse(textwrap.dedent(text))


def last_line(tree: ast.Module) -> str:
    return ast.unparse(tree.body[-1]).splitlines()[0]


def test_a_file_runs_until_it_trains() -> None:
    portion = until_training(parsed(SCRIPT))
    assert last_line(portion.tree).startswith("optimizer =")
    assert portion.ends_at is not None
    assert SCRIPT.splitlines()[portion.ends_at - 1] == "train(net, optimizer)"


@pytest.mark.parametrize(
    "training",
    [
        "for x in data:\n    net(x).sum().backward()",
        "with torch.enable_grad():\n    while True:\n        scaler.scale(loss).backward()",
        "loss.backward()",
        "def step():\n    loss.backward()\ndef epoch():\n    step()\nepoch()",
    ],
)
def test_training_is_known_by_its_backward_pass(training: str) -> None:
    portion = until_training(parsed(f"net = 1\n{training}\nsave(net)\n"))
    assert portion.ends_at is not None
    assert "save" not in ast.unparse(portion.tree)


@pytest.mark.parametrize(
    "text",
    [
        # no training at the top level
        "class Net:\n    def step(self): self.loss.backward()\nnet = Net()",
        "def train(): loss.backward()\nif __name__ == '__main__':\n    train()",
        # what stands behind is needed
        "loss.backward()\nclass Net: pass",
        "loss.backward()\ndef build(): pass",
    ],
)
def test_other_files_run_whole(text: str) -> None:
    tree = parsed(text)
    assert until_training(tree) == (tree, None)


def test_a_model_that_is_made_behind_the_training_is_made() -> None:
    tree = parsed("loss.backward()\nsecond = build()\n")
    assert until_training(tree, ["second"]).ends_at is None
    assert until_training(tree, ["other"]).ends_at == 1


def test_a_file_that_is_read_again_does_no_more_than_define() -> None:
    # `hidden` may fill the constructor's argument, `scaled` reads `FACTOR`
    assert last_line(defining(parsed(SCRIPT), ())) == "FACTOR = 2"
    assert last_line(defining(parsed(SCRIPT), ["net"])) == "net = Net(hidden)"


@pytest.mark.parametrize(
    "change",
    [
        "net.fc = Linear(4, 2)",
        "net.layers[0] = Linear(4, 2)",
        "net.layers.append(Linear(4, 2))",
        "setattr(net, 'fc', None)",
        "replace_head(net)",
        "del net.fc",
        "for layer in range(3):\n    net.layers[layer] = None",
        "if True:\n    net = wrapped(net)",
    ],
)
def test_what_changes_the_model_counts(change: str) -> None:
    text = f"def replace_head(net): pass\nnet = build()\n{change}\nprint(net)\n"
    assert ast.unparse(defining(parsed(text), ["net"])).endswith(ast.unparse(parsed(change)))


@pytest.mark.parametrize(
    "use",
    [
        "net.eval()",
        "net(x)",
        "out = net(x)",
        "save(net, 'net.pt')",
        "train(net)",
        "for x in data:\n    net.train()\n    net(x).backward()\n    net.total += 1",
    ],
)
def test_what_uses_the_model_does_not(use: str) -> None:
    text = f"def train(net): net(1).backward()\nnet = build()\n{use}\n"
    assert last_line(defining(parsed(text), ["net"])) == "net = build()"


def test_without_a_class_or_a_name_everything_counts() -> None:
    tree = parsed("from models import Net\nnet = Net()\nprint(net)\n")
    assert defining(tree, ()) is tree


METHOD = """
import torch
from torch import nn
{imports}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)
        self.steps = 0

    def forward(self, x):
        return self.fc(x)

    def fit(self, batches):
        for batch in batches:
            self(batch).sum().backward()
            self.steps += 1

net = Net()
{training}
net.fc = None
"""
FUNCTION = """
def run(net):
    try:
        net(torch.randn(2, 8)).sum().backward()
        net.steps += 1
    except Exception:
        pass
"""


@pytest.mark.parametrize(
    ("imports", "training"),
    [
        ("", "for _ in range(3):\n    net.fit(torch.randn(4, 2, 8))"),
        ("import engine", "engine.run(net)"),
        ("from engine import run", "for _ in range(3):\n    run(net)"),
        ("from torch.autograd import backward", "backward(net(torch.ones(1, 8)).sum())"),
    ],
)
@pytest.mark.parametrize("folder", ["", "package"])
def test_training_that_the_text_does_not_show_ends_a_file(
    tmp_path: Path, imports: str, training: str, folder: str
) -> None:
    (tmp_path / "engine.py").write_text("import torch\n" + FUNCTION)
    file = tmp_path / folder / "net.py"
    if folder:
        file.parent.mkdir()
        (file.parent / "__init__.py").write_text("")
        (file.parent / "sizes.py").write_text("WIDTH = 8\n")
        imports += "\nfrom .sizes import WIDTH"
    text = METHOD.format(imports=imports, training=training)
    file.write_text(text)
    loaded = load(f"{file}:net")
    net: Any = loaded.build("cpu").module
    assert net.steps == 0
    assert net.fc is not None
    line = 1 + text.splitlines().index(training.splitlines()[-1])
    assert loaded.notes == (
        f"{file}:{line} trains when the file runs: it is not executed from there on",
    )


def test_what_is_defined_behind_the_training_is_reached(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        METHOD.format(imports="", training="net.fit(torch.randn(1, 2, 8))") + "later = net\n"
    )
    net: Any = load(f"{file}:later").build("cpu").module
    assert net.steps == 1
    assert net.fc is None


def test_a_backward_pass_is_torchs_again_behind_the_file(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    before = torch.autograd.backward
    file.write_text(METHOD.format(imports="", training="net.fit(torch.randn(1, 2, 8))"))
    load(f"{file}:net")
    assert torch.autograd.backward is before
