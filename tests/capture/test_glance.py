"""What is refused from text alone is refused in the words of a load, and no more than that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shapescope.capture.loader import load
from shapescope.capture.loading.glance import refuse_at_a_glance
from shapescope.capture.loading.spec import parse_spec
from shapescope.diagnostic import ShapescopeError

PLAIN = """\
from __future__ import annotations
import torch
import torch.nn as nn
from torch.nn import Linear

SIZE = 3
_hidden = 4

class Block(nn.Module):
    def forward(self, x):
        return x

class Small(Block):
    pass

class Config:
    pass

def make():
    return Block()

criterion: object
small = Small()
pair = other = nn.Sequential(Linear(2, 2))
if __name__ == "__main__":
    later = 3
"""


def glanced(spec: str) -> str:
    """What is said of a request from text alone; "" where nothing is."""
    try:
        refuse_at_a_glance(parse_spec(spec))
    except ShapescopeError as error:
        assert error.exit_code == 2
        return str(error)
    return ""


def loaded(spec: str) -> str:
    """What is said of it once the file was executed."""
    with pytest.raises(ShapescopeError) as caught:
        load(spec)
    return str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "net.py:Blok",
        "net.py:SMALL",
        "net.py:mak",
        "net.py:zzz",
        "net.py:zzz.inner(3)",
        "net.py:SIZ",
        "net.py:anotations",
        "net.py:pairs",
        "none.py:Net",
        "words.py",
        "words.py:Net",
        "folder.py",
        "cut.py:Net",
        "nowhere:make",
        "nowhere.inner:make",
        "nett:Net",
        "torchvision:resnet1",
        "torchvision:zzzzzz",
    ],
)
def test_a_request_is_refused_in_the_words_of_a_load(in_folder: Path, spec: str) -> None:
    (in_folder / "net.py").write_text(PLAIN)
    (in_folder / "none.py").write_text("x = 1\n")
    (in_folder / "words.py").write_text("this is no Python\n")
    (in_folder / "cut.py").write_text("class Net(\n")
    (in_folder / "folder.py").mkdir()
    said = glanced(spec)
    assert said
    assert said == loaded(spec)


@pytest.mark.parametrize(
    "text",
    [
        "from torch.nn import *",
        "from other import model",
        "from . import other",
        "exec('Net = 3')",
        "globals()['Net'] = 3",
        "import sys\nsys.modules[__name__].__dict__.update(Net=3)",
        "def __getattr__(name):\n    return 3",
        "def make():\n    global Net\n    Net = 3",
        "try:\n    from fast import Net\nexcept ImportError:\n    pass",
        "import layers as Net",
        "for Net in range(3):\n    pass",
        "with open('x') as Net:\n    pass",
        "match 3:\n    case Net:\n        pass",
        "class A(Unknown):\n    pass",
        "model = build()",
        "if True:\n    x = 3",
        "a, b = 1, 2",
        "x = 1; del x",
        "@decorated\nclass A:\n    pass",
    ],
)
def test_what_only_a_load_can_tell_is_left_to_it(in_folder: Path, text: str) -> None:
    (in_folder / "net.py").write_text(f"{text}\n")
    assert glanced("net.py:Net") == ""


@pytest.mark.parametrize(
    "spec", ["net.py", "net.py:Block", "net.py:small", "net.py:later", "json:loads", "lenet5"]
)
def test_what_may_be_there_is_not_refused(in_folder: Path, spec: str) -> None:
    (in_folder / "net.py").write_text(PLAIN)
    assert glanced(spec) == ""


@pytest.mark.parametrize("arguments", [["trace", "cut.py"], ["params", "net.py:Nett"],
                                       ["check", "nowhere:make"]])  # fmt: skip
def test_torch_is_not_loaded_to_refuse(in_folder: Path, arguments: list[str]) -> None:
    (in_folder / "net.py").write_text(PLAIN)
    (in_folder / "cut.py").write_text("class Net(\n")
    program = (
        "import sys\nfrom shapescope.cli.app import run\n"
        f"code = run({arguments!r})\nsys.exit('torch' in sys.modules or code)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ran.returncode == 2, ran.stderr
