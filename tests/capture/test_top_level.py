"""Which statements of a script run for a trace of its model."""

from __future__ import annotations

import ast
import textwrap

import pytest

from shapescope.capture.top_level import defining, until_training

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
