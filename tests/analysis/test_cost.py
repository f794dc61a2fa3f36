"""Totals, and what each module costs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from shapescope.analysis.cost import ModuleCost, module_costs, step_macs, totals
from shapescope.capture.tracer import trace_model
from shapescope.trace import Trace


def traced(model: nn.Module, *shape: int, train: bool = False) -> Trace:
    return trace_model(model, ((torch.rand(*shape),), {}), mode="meta", train=train).trace


class Tied(nn.Module):
    """An embedding whose weight is used once more, and a layer that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(100, 16)
        self.out = nn.Linear(16, 100, bias=False)
        self.out.weight = self.table.weight
        self.unused = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(16)
        self.unused.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.out(self.norm(self.table(x.long())[:, 0]))
        return result


def test_totals_count_each_parameter_once_also_uncalled_ones() -> None:
    model = Tied()
    found = totals(traced(model, 3, 5))
    assert found.params == sum(p.numel() for p in model.parameters()) == 1600 + 20 + 32
    assert found.trainable_params == found.params - 16
    assert found.buffers == 16 + 16 + 1
    assert found.param_bytes == 4 * found.params
    assert found.macs == 3 * 16 * 100
    assert found.flops == 2 * found.macs
    assert found.not_counted == ()


class Looped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(10):
            x = self.layer(x)
        return x


def test_a_layer_called_ten_times_counts_its_macs_ten_times() -> None:
    found = totals(traced(Looped(), 1, 8))
    assert (found.params, found.macs) == (72, 640)


class Uncounted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(torch.fft.fft(x)).abs() @ x


def test_what_has_no_rule_is_named_once() -> None:
    found = totals(traced(Uncounted(), 4, 4))
    assert found.not_counted == ("fft_fft",)
    assert found.macs == 64


def test_costs_of_modules_hold_those_inside() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 2, bias=False))
    trace = traced(model, 3, 4)
    costs = {step.path: cost for step, cost in zip(trace.steps, module_costs(trace), strict=True)}
    assert costs == {
        "": ModuleCost(40 + 16, 3 * 32 + 3 * 16),
        "0": ModuleCost(40, 3 * 32),
        "0.0": ModuleCost(40, 3 * 32),
        "0.1": ModuleCost(0, 0),
        "1": ModuleCost(16, 3 * 16),
    }


def test_shared_parameters_count_once_in_the_module_above() -> None:
    trace = traced(Tied(), 3, 5)
    (root, *_) = module_costs(trace)
    assert root.params == 1600 + 32


def test_a_failed_step_did_nothing() -> None:
    trace = traced(nn.Sequential(nn.Linear(4, 8), nn.Linear(4, 8)), 3, 4)
    assert trace.failure is not None
    assert [step_macs(step) for step in trace.steps] == [0, 96, 0]


@pytest.mark.parametrize(
    "name", ["alexnet", "resnet18", "mobilenet_v3_small", "swin_t", "vit_b_32"]
)
def test_totals_equal_torch_s_own(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None).eval()
        x = torch.empty(1, 3, 224, 224)
    found = totals(trace_model(model, ((x,), {}), mode="meta").trace)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    assert found.macs == counter.get_total_flops() // 2
    assert found.params == sum(p.numel() for p in model.parameters())
    assert found.buffers == sum(b.numel() for b in model.buffers())
    assert found.not_counted == ()
