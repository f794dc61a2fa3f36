"""The pytest plugin, as a project that uses it sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shapescope as package
from shapescope.pytest_plugin import Shapes

MODEL = """
from torch import nn
class Net(nn.Module):
    def __init__(self, features=16 * 13 * 13):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(features, 10)
    def forward(self, x):
        return self.fc(self.pool(self.conv(x)).flatten(1))
"""

TESTS = """
from net import Net

def test_right(shapescope):
    result = shapescope.assert_shapes(
        Net(), (2, 1, 28, 28), outputs=[(2, 10)],
        steps={"conv": (2, 16, 26, 26), "pool": (-1, 16, 13, 13)},
        max_params=30_000, max_macs=2_000_000,
    )
    assert result.trace.mode == "meta"

def test_wrong_model(shapescope):
    shapescope.assert_shapes(Net(100), (2, 1, 28, 28))

def test_wrong_output(shapescope):
    shapescope.assert_shapes(Net(), (2, 1, 28, 28), outputs=[(2, 11)])

def test_wrong_step(shapescope):
    shapescope.assert_shapes(Net(), (2, 1, 28, 28), steps={"conv": (-1, 16, 28, 28), "no": ()})

def test_too_many(shapescope):
    shapescope.assert_shapes(Net(), (2, 1, 28, 28), max_params=10, max_macs=10)
"""


def test_a_project_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "test_net.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "error[linear-in-features]: `fc` takes 100 features, but 2704 arrive" in done.stdout
    assert "the output is 2 x 10, expected is 2 x 11" in done.stdout
    assert "`conv` gives 2 x 16 x 26 x 26, expected is -1 x 16 x 28 x 28" in done.stdout
    assert "no module `no` was called; there are: conv, pool, fc" in done.stdout
    assert "27,210 parameters, at most 10" in done.stdout
    assert "Traceback" not in done.stdout


def test_loading_the_plugin_loads_neither_torch_nor_rich() -> None:
    code = (
        "import sys, shapescope.pytest_plugin;"
        "print([name for name in ('torch', 'rich', 'shapescope.api') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_fixture_is_there(shapescope: Shapes) -> None:
    assert shapescope.trace("network").trace.outputs[0].shape == (1, 10)
    with pytest.raises(package.ShapescopeError):
        shapescope.trace("netwrok")


def test_a_wrong_name_of_a_step_gets_the_closest_one(shapescope: Shapes) -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        shapescope.assert_shapes("torchvision:resnet18", steps={"layer2.0.conv": (1, 128, 28, 28)})
    assert str(caught.value) == (
        "no module `layer2.0.conv` was called; did you mean `layer2.0.conv2`?"
    )
    with pytest.raises(pytest.fail.Exception) as caught:
        shapescope.assert_shapes("torchvision:resnet18", steps={"head": (1, 10)})
    assert str(caught.value) == (
        "no module `head` was called; there are: conv1, bn1, relu, maxpool, layer1, layer1.0, "
        "layer1.0.conv1, layer1.0.bn1, ... 67 in all"
    )


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"score": (2,), "box": (2, 4)}, "`outputs` is of type dict; give a list of shapes, in"),
        ((1, 10), "`outputs` holds 1, which is no shape; give a list of shapes, in the order"),
        (["score"], "`outputs` holds 'score', which is no shape; give a list of shapes, in the"),
    ],
)
def test_outputs_that_are_no_list_of_shapes(shapescope: Shapes, outputs: Any, said: str) -> None:
    for expects in (shapescope.assert_shapes, package.check):
        with pytest.raises(package.ShapescopeError) as caught:
            expects("network", outputs=outputs)
        assert str(caught.value).startswith(said)
