"""Models given as objects: the same helps as the command line gives, tried on a twin."""

from __future__ import annotations

import linecache
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import shapescope
from shapescope.diagnostic import Diagnostic
from shapescope.pytest_plugin import Shapes


class Block(nn.Module):
    """A convolution with its activation."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 5)

    def forward(self, x: Tensor) -> Tensor:
        """The map, halved."""
        return F.max_pool2d(F.relu(self.conv(x)), 2)


def tower(width: int) -> nn.Sequential:
    """Two blocks."""
    return nn.Sequential(Block(1, 6), Block(6, width))


class Digits(nn.Module):
    """A net for 32 x 32."""

    made = 0

    def __init__(self, width: int, classes: int = 10) -> None:
        super().__init__()
        self.tower = tower(width)
        self.head = nn.Linear(width * 5 * 5, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        scores: Tensor = self.head(self.tower(x).flatten(1))
        return scores


def first(model: nn.Module, *size: int) -> Diagnostic:
    """The first diagnostic of a live model."""
    return shapescope.trace(model, input_size=size).diagnostics[0]


def test_the_edit_is_tried_on_a_twin() -> None:
    width = 16
    found = first(Digits(width, classes=3), 2, 1, 28, 28)
    entry = found.help[0]
    assert (
        entry.message
        == "nn.Linear(16 * 4 * 4, classes)  (changes the shape of head.weight; verified)"
    )
    assert entry.verified
    assert entry.edits[0].span.file.endswith("test_live_models.py")


def test_the_user_s_own_tensors_are_tried_in_other_batches() -> None:
    pictures = torch.zeros(2, 1, 28, 28)
    entry = shapescope.trace(Digits(16), input_data=pictures).diagnostics[0].help[0]
    assert entry.verified
    assert entry.edits


def test_the_user_s_model_and_random_state_stay() -> None:
    model = Digits(4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, kind = torch.get_rng_state(), model.__class__
    python = random.getstate()
    assert first(model, 2, 1, 28, 28).help[0].edits
    assert torch.equal(state, torch.get_rng_state())
    assert python == random.getstate()
    assert model.__class__ is kind is Digits
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_sequential_is_edited_where_it_was_written() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 10 * 10, 10),
    )
    entry = first(model, 2, 1, 28, 28).help[0]
    assert [edit.replacement for edit in entry.edits] == ["6 * 12 * 12"]
    assert entry.verified


def test_a_class_inside_a_function_is_found_with_the_names_around_it() -> None:
    sides = 5

    class Local(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.head = nn.Linear(4 * sides * sides, 10)

        def forward(self, x: Tensor) -> Tensor:
            scores: Tensor = self.head(self.conv(x).flatten(1))
            return scores

    entry = first(Local(), 2, 1, 8, 8).help[0]
    assert entry.verified
    assert entry.edits


def test_a_model_that_was_changed_since_has_no_twin() -> None:
    model = Digits(4)
    model.tower.append(nn.Conv2d(4, 4, 1))
    found = first(model, 2, 1, 28, 28)
    assert not [entry for entry in found.help if entry.edits]
    assert [entry.message for entry in found.help if not entry.verified] == [
        "nn.Linear(4 * 4 * 4, classes)  (not tried)"
    ]


def test_calls_that_may_do_more_than_build_are_not_made() -> None:
    asked = []

    def width() -> int:
        asked.append(1)
        return 7

    model = Digits(width())
    found = first(model, 2, 1, 28, 28)
    assert asked == [1]
    assert not [entry for entry in found.help if entry.edits]


def test_in_a_test_the_failure_holds_the_edit() -> None:
    with pytest.raises(pytest.fail.Exception) as raised:
        Shapes().assert_shapes(Digits(16), (2, 1, 28, 28))
    assert "help: nn.Linear(16 * 4 * 4, classes)" in str(raised.value)


SCRIPT = """\
import torch.nn as nn
import shapescope

print("once")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4 * 5 * 5, 10)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))


net = Net()
for found in shapescope.trace(net, input_size=(2, 1, 8, 8)).diagnostics:
    print(found.help[0].message, found.help[0].verified)
"""


def test_a_script_is_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    root = str(Path(shapescope.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "once",
        "nn.Linear(4 * 6 * 6, 10)  (changes the shape of head.weight; verified) True",
    ]


def test_cells_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = SCRIPT.replace('print("once")\n', "").partition("net = Net()")[0]
    name = "<ipython-input-7-shapes>"
    lines = cell.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, name, (len(cell), None, lines, name))
    names = {"__name__": "__main__"}
    main = sys.modules["__main__"]
    exec(compile(cell, name, "exec"), names)
    for key in ("nn", "shapescope", "Net"):
        monkeypatch.setattr(main, key, names[key], raising=False)
    entry = first(names["Net"](), 2, 1, 8, 8).help[0]  # type: ignore[operator]
    assert entry.verified
    assert entry.edits[0].span.file == name
