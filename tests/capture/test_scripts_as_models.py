"""Files that are scripts: they build, feed, train and save at their top level."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import shapescope
from shapescope.capture.further.mend import mend
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.diagnostic import ShapescopeError
from shapescope.session import Request, run_trace

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8 * 16 * 16, 10)

    def forward(self, x):
        x = torch.max_pool2d(self.conv(x), 2)
        return self.fc(torch.flatten(x, 1))

"""


def written(folder: Path, text: str, name: str = "script.py") -> str:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


def test_the_call_that_fails_is_diagnosed_with_its_own_input(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        NET + "net = Net()\nimages = torch.randn(16, 3, 32, 32)\nout = net(images)\nprint(out)\n",
    )
    result = run_trace(Request(file))
    assert result.trace.inputs[0].shape == (16, 3, 32, 32)
    error = result.diagnostics[0]
    assert error.rule == "linear-in-features"
    assert error.help[0].message.startswith("nn.Linear(8 * 15 * 15, 10)")
    assert error.help[0].verified
    told = " ".join(result.notes)
    assert "script.py:17 feeds it" in told
    assert "RuntimeError" in told


def test_a_call_that_works_gives_the_input(tmp_path: Path) -> None:
    file = written(tmp_path, NET + "net = Net()\nnet(torch.randn(2, 3, 34, 34))\n")
    for spec in (file, f"{file}:Net", f"{file}:net"):
        loaded = load(spec)
        assert [one.shape for one in loaded.default_inputs] == [(2, 3, 34, 34)]
    assert run_trace(Request(file)).trace.outputs[0].shape == (2, 10)


def test_tokens_are_fed_below_the_largest_seen(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "import torch\nfrom torch import nn\nnet = nn.Embedding(9, 4)\n"
        "net(torch.tensor([[1, 7, 2]]))\n",
    )
    spec = load(f"{file}:net").default_inputs[0]
    assert (spec.shape, spec.dtype, spec.bound) == ((1, 3), "int64", 8)


def test_an_input_that_is_asked_for_comes_first(tmp_path: Path) -> None:
    file = written(tmp_path, NET + "net = Net()\nnet(torch.randn(2, 3, 34, 34))\n")
    assert run_trace(Request(file, ("5,3,35,35",))).trace.inputs[0].shape == (5, 3, 35, 35)


def test_nothing_is_trained_or_written(tmp_path: Path) -> None:
    mark = tmp_path / "trained"
    file = written(
        tmp_path,
        NET
        + f"""
net = Net()
for step in range(3):
    loss = net(torch.randn(4, 3, 34, 34)).sum()
    loss.backward()
open({str(mark)!r}, "w").close()
""",
    )
    result = run_trace(Request(file))
    assert not result.failed
    assert not mark.exists()
    assert any("trains when the file runs" in note for note in result.notes)


@pytest.mark.parametrize(
    "training",
    [
        """
        for epoch in range(10 ** 9):
            print("epoch", epoch)
            for number, (x, y) in enumerate(batches):
                optimizer.zero_grad()
                if x.dim() == 3:
                    x = x[None]
                out = net(x.float())
                loss = (out - y).sum()
                loss.backward()
                optimizer.step()
        """,
        """
        while True:
            with torch.enable_grad():
                x, y = next(iter(batches))
                net.wide = x
                loss = (net(x) - y).sum()
            loss.backward()
        """,
    ],
)
def test_a_loop_that_trains_is_asked_for_its_first_batch(tmp_path: Path, training: str) -> None:
    made = "net = Net()\nbatches = [(torch.randn(7, 3, 40, 40), 0)] * 2\n"
    file = written(tmp_path, NET + made + textwrap.dedent(training))
    loaded = load(f"{file}:net")
    assert [one.shape for one in loaded.default_inputs] == [(7, 3, 40, 40)]
    net = loaded.build("cpu").module
    assert not hasattr(net, "wide")
    assert all(weight.grad is None for weight in net.parameters())
    lines = Path(file).read_text().splitlines()
    call = next(number for number, line in enumerate(lines, 1) if "net(x" in line)
    assert f"script.py:{call} feeds it" in " ".join(run_trace(Request(file)).notes)


def test_a_loop_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    loop = "for x in batches():\n    loss = net(x).sum()\n    loss.backward()\n"
    file = written(tmp_path, NET + "net = Net()\ndef batches():\n    yield missing\n" + loop)
    loaded = load(file)
    assert loaded.default_inputs == ()
    line = 1 + Path(file).read_text().splitlines().index("for x in batches():")
    assert f"script.py:{line} could not be made: --input gives its shape" in loaded.notes[-1]


def test_a_file_is_run_once_however_many_edits_are_tried(tmp_path: Path) -> None:
    count = tmp_path / "count"
    file = written(
        tmp_path,
        NET + f"net = Net()\nwith open({str(count)!r}, 'a') as log:\n    log.write('run ')\n",
    )
    done = mend(file, parse_inputs(["1,3,32,32"]))
    assert done.steps
    assert count.read_text().split() == ["run"]


def test_fixes_are_found_with_the_input_of_the_file(tmp_path: Path) -> None:
    done = mend(written(tmp_path, NET + "Net()(torch.randn(16, 3, 32, 32))\n"), None)
    assert "8 * 15 * 15" in next(iter(done.texts.values()))
    assert not done.left


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NET.replace("import torch\n", "import torch\nimport no_such_thing\n"), "no_such_thing"),
        (NET + "undefined_name\nclass Other(nn.Module):\n    pass\n", "undefined_name"),
        ("import torch\ntorch.zeros(3) @ torch.zeros(4)\n", "RuntimeError while it is imported"),
    ],
)
def test_a_file_that_raises_before_its_definitions_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ShapescopeError, match=told) as caught:
        load(written(tmp_path, text))
    assert caught.value.exit_code == 2


def test_the_reason_is_given_where_the_name_was_never_reached(tmp_path: Path) -> None:
    file = written(tmp_path, NET + "1 / 0\nnet = Net()\n")
    with pytest.raises(ShapescopeError, match="ZeroDivisionError"):
        load(f"{file}:net")
    assert load(f"{file}:Net").notes


SCRIPTED = """
import torch
from torch import nn

class Cell(torch.jit.ScriptModule):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    @torch.jit.script_method
    def forward(self, x):
        return torch.relu(self.fc(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = Cell()

    def forward(self, x):
        return self.cell(x)
"""


def test_a_class_that_scripts_its_methods_is_one_of_plain_modules(tmp_path: Path) -> None:
    before = torch.jit.ScriptModule
    result = run_trace(Request(written(tmp_path, SCRIPTED) + ":Net", ("2,6",)))
    assert result.trace.failure is None
    paths = [step.path for step in result.trace.steps if step.op == "linear"]
    assert paths == ["cell.fc"]
    assert torch.jit.ScriptModule is before


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_live_model_with_a_scripted_part_is_traced() -> None:
    class Twice(torch.jit.ScriptModule):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)

        @torch.jit.script_method  # type: ignore[untyped-decorator]
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.fc(x))

    result = shapescope.trace(nn.Sequential(Twice(), nn.Linear(6, 2)), input_size=(3, 6))
    assert result.trace.outputs[0].shape == (3, 2)
