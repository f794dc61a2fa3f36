"""Calls that stand for others: operators of exported graphs, stand-ins for tensors, scripts."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

import shapescope
from shapescope.result import TraceResult


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.layer_norm = nn.LayerNorm(8)
        self.group_norm = nn.GroupNorm(2, 8)
        self.conv = nn.Conv1d(8, 6, 3, padding=1, groups=2)
        self.batch_norm = nn.BatchNorm1d(6)
        self.up = nn.ConvTranspose1d(6, 4, 4, 2, 1)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.group_norm(self.layer_norm(self.embedding(ids)).transpose(1, 2))
        return F.interpolate(self.up(self.batch_norm(self.conv(x))), scale_factor=2.0)


IDS = torch.arange(14).reshape(2, 7) % 10
MACS = 2 * (7 * 6 * 4 * 3 + 7 * 6 * 4 * 4)


def program(kind: str) -> nn.Module:
    model = Small().eval()
    if kind == "make_fx":
        return make_fx(model)(IDS)
    exported = torch.export.export(model, (IDS,))
    module: nn.Module = (exported if kind == "export" else exported.run_decompositions()).module()
    return module


def complete(result: TraceResult) -> None:
    assert result.trace.failure is None
    assert result.totals.not_counted == ()
    assert {check.status for check in result.checks} <= {"match", "not_applicable"}


@pytest.mark.parametrize("kind", ["export", "decomposed", "make_fx"])
def test_a_live_program_of_torchs_operators_is_read_as_people_call_them(kind: str) -> None:
    result = shapescope.trace(program(kind), input_data=IDS)
    complete(result)
    assert result.totals.macs == MACS
    ops = [step.op for step in result.trace.steps]
    wanted = ["embedding", "layer_norm", "group_norm", "conv1d", "batch_norm", "conv_transpose1d"]
    assert [op for op in ops if op in wanted] == wanted


def test_statistics_of_a_norm_are_there() -> None:
    class Model(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.ops.aten.native_layer_norm(x, [8], None, None, 1e-5)

    result = shapescope.trace(Model(), (2, 5, 8))
    complete(result)
    assert [spec.shape for spec in result.trace.outputs] == [(2, 5, 8), (2, 5, 1), (2, 5, 1)]


class Scaled:
    """No tensor, but it takes the calls of torch in which it stands for one."""

    def __init__(self, tensor: Tensor, scale: float = 2.0) -> None:
        self.tensor, self.scale = tensor, scale

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def plain(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return [plain(item) for item in value]
            return value.tensor * value.scale if isinstance(value, Scaled) else value

        return func(*plain(args), **(kwargs or {}))


class Refuses:
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return NotImplemented


class StandsIn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, Scaled(self.weight), padding=1)  # type: ignore[call-overload]
        x = F.max_pool2d(Scaled(x), 2)  # type: ignore[call-overload]
        return torch.cat([x, Scaled(x)], 1)  # type: ignore[list-item]


def test_a_stand_in_for_a_tensor_shows_what_it_makes_of_a_call() -> None:
    result = shapescope.trace(StandsIn(), (2, 3, 8, 8))
    complete(result)
    ops = [step.op for step in result.trace.steps]
    assert ops == ["module", "mul", "conv2d", "mul", "max_pool2d", "mul", "cat"]
    assert result.totals.macs == 2 * 4 * 27 * 64
    assert [spec.shape for spec in result.trace.outputs] == [(2, 8, 4, 4)]


def test_a_stand_in_that_takes_no_call_is_an_error_of_the_model() -> None:
    class Model(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x) + torch.add(x, Refuses())  # type: ignore[call-overload]

    failure = shapescope.trace(Model(), (2, 3)).trace.failure
    assert failure is not None
    assert failure.exception == "TypeError"


def raised(x: Tensor, w: Tensor, times: int = 3) -> Tensor:
    x = torch.relu(x)
    for _ in range(times):
        x = x @ w
    return x


with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    powers: Any = torch.jit.script(raised)


class CallsScript(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = powers(powers(x, self.weight), w=self.weight, times=1)
        return made


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_scripted_function_is_run_by_python(device: str) -> None:
    result = shapescope.trace(CallsScript(), (2, 4), device=device)
    complete(result)
    ops = [step.op for step in result.trace.steps]
    assert ops == ["module", "relu", "matmul", "matmul", "matmul", "relu", "matmul"]
    assert result.totals.macs == 4 * 2 * 4 * 4
    assert powers(torch.ones(2, 4), torch.eye(4)).equal(torch.ones(2, 4))
