"""Scripted and traced modules are looked into as if they had never been scripted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.inputs import InputSpec
from shapescope.capture.loader import load
from shapescope.capture.scripts import twins_in, without_scripts
from shapescope.capture.tensors import tensors_of
from shapescope.capture.tracer import trace_model
from shapescope.trace import Trace, verify


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is going away
        yield


def shift(x: Tensor, times: int) -> Tensor:
    for step in range(times):
        x = x + step
    return x


class Net(nn.Module):
    """Layers with settings, a loop, a condition, a layer called twice, functions, a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4))
        self.same = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.table = nn.Embedding(9, 4)
        self.rnn = nn.LSTM(4, 5, batch_first=True)
        self.layers = nn.ModuleList([nn.Linear(5, 5) for _ in range(2)])
        self.register_buffer("scale", torch.ones(1))
        self.width = 3

    def forward(self, x: Tensor, ids: Tensor, deep: bool = True) -> dict[str, Tensor]:
        x = F.relu(self.stem(x))
        x = self.same(self.same(x))
        if deep:
            x = F.max_pool2d(x, 2) * self.scale  # type: ignore[operator]
        y, _ = self.rnn(self.table(ids))
        for layer in self.layers:
            y = layer(y) + y
        sizes = [x.size(0), -1]
        return {"map": self.up(x), "flat": x.view(sizes), "words": y[:, -1, : self.width]}


class Helped(nn.Module):
    """Calls a function of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return shift(self.conv(x), 2).mean(2)


class Around(nn.Module):
    """A scripted part inside an ordinary model."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.inner(x).mean((2, 3)))


def net_inputs() -> tuple[Tensor, ...]:
    return torch.rand(2, 3, 16, 16), torch.randint(0, 9, (2, 7))


def scripted(model: nn.Module, inputs: tuple[Tensor, ...], how: str) -> Any:
    if how == "script":
        return torch.jit.script(model)
    return torch.jit.trace(model, inputs, strict=False)  # type: ignore[no-untyped-call]


def reloaded(script: Any) -> Any:
    file = io.BytesIO()
    torch.jit.save(script, file)
    file.seek(0)
    return torch.jit.load(file)  # type: ignore[no-untyped-call]


def traced(model: nn.Module, inputs: tuple[Tensor, ...]) -> Trace:
    trace = trace_model(model, (inputs, {})).trace
    verify(trace)
    assert trace.failure is None
    return trace


@pytest.mark.parametrize("how", ["script", "trace"])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("kind", [Net, Helped])
def test_the_figures_are_those_of_the_model_that_was_scripted(
    kind: Any, how: str, again: bool
) -> None:
    torch.manual_seed(0)
    model = kind().eval()
    inputs = net_inputs() if kind is Net else (torch.rand(2, 2, 9),)
    script = scripted(model, inputs, how)
    if again:
        script = reloaded(script)
    expected, found = traced(model, inputs), traced(script, inputs)
    assert found.mode == "meta"
    assert found.model == kind.__name__ or how == "trace"
    assert totals(found).macs == totals(expected).macs > 0
    assert totals(found).params == totals(expected).params
    assert totals(found).not_counted == ()
    assert [spec.shape for spec in found.outputs] == [spec.shape for spec in expected.outputs]
    assert {check.status for check in check_trace(found)} <= {"match", "not_applicable"}
    windows = ("conv1d", "conv2d", "conv_transpose2d", "max_pool2d")
    theirs, ours = (
        [(step.op, step.attrs, step.outputs[0].shape) for step in trace.steps if step.op in windows]
        for trace in (expected, found)
    )
    assert ours == theirs


def test_layers_keep_their_names() -> None:
    for how in ("script", "trace"):
        script = scripted(Net().eval(), net_inputs(), how)
        paths = {
            step.path for step in traced(script, net_inputs()).steps if step.op.startswith("conv")
        }
        assert paths == {"stem.0", "same", "up"}


@pytest.mark.parametrize("how", ["script", "trace"])
@pytest.mark.parametrize("kind", [Net, Helped])
def test_a_twin_computes_what_the_script_computes(kind: Any, how: str) -> None:
    torch.manual_seed(0)
    model = kind().eval()
    inputs = net_inputs() if kind is Net else (torch.rand(2, 2, 9),)
    script = reloaded(scripted(model, inputs, how))
    twin = without_scripts(script)
    assert not isinstance(twin, torch.jit.ScriptModule)
    assert list(twin.state_dict()) == list(script.state_dict())
    with torch.no_grad():
        results = tensors_of(script(*inputs)), tensors_of(twin(*inputs))
    for ours, torchs in zip(*results, strict=True):
        torch.testing.assert_close(ours, torchs)


def test_layers_with_their_settings_are_layers_again() -> None:
    twin: Any = without_scripts(torch.jit.script(Net()))
    assert type(twin.stem[0] if isinstance(twin.stem, nn.Sequential) else twin.stem._modules["0"])
    assert type(twin.same) is nn.Conv2d
    assert twin.same.padding == (1, 1)
    assert type(twin.rnn) is nn.LSTM
    assert [id(it) for it in twin.rnn._flat_weights] == [id(it) for it in twin.rnn.parameters()]


def test_a_scripted_part_of_a_model() -> None:
    model = Around().eval()
    before = {name: id(part) for name, part in model.named_modules()}
    trace = traced(model, (torch.rand(2, 3, 8, 8),))
    assert [(step.path, step.op) for step in trace.steps if step.op != "module"] == [
        ("inner.0", "conv2d"), ("inner.1", "relu"), ("", "mean"), ("head", "linear"),
    ]  # fmt: skip
    assert totals(trace).macs == 2 * 36 * 4 * 27 + 2 * 4 * 2
    assert {name: id(part) for name, part in model.named_modules()} == before


def test_a_graph_that_only_torchscript_can_run_stays_a_script() -> None:
    class Waits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            later = torch.jit.fork(torch.relu, x)  # type: ignore[no-untyped-call]
            return torch.jit.wait(later)  # type: ignore[no-untyped-call]

    script = torch.jit.script(Waits())
    assert twins_in(script) == {}
    assert traced(script, (torch.rand(2, 3),)).outputs[0].shape == (2, 3)


def test_a_saved_script_is_traced_by_its_name(in_folder: Path) -> None:
    torch.jit.script(Net().eval()).save("net.pt")  # type: ignore[no-untyped-call]
    loaded = load("net.pt")
    inputs = InputSpec((2, 3, 16, 16)), InputSpec((2, 7), "int64", bound=9)
    trace = trace_model(loaded, inputs).trace
    assert trace.mode == "meta"
    assert [spec.name for spec in trace.inputs] == ["x", "ids"]
    assert totals(trace).macs == totals(traced(Net().eval(), net_inputs())).macs


def test_the_input_of_a_saved_script_is_inferred(in_folder: Path) -> None:
    torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())).save("net.pt")  # type: ignore[no-untyped-call]
    specs, _ = own_inputs(load("net.pt"))
    (spec,) = specs
    assert spec.shape is not None
    assert spec.shape[:2] == (1, 3)
