"""Ops that leave values as they are or only look at them, and sizes that are given as tensors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from shapescope.analysis.check import check_trace
from shapescope.attrs import CallAttrs
from shapescope.capture.tracer import trace_model
from shapescope.ops import lookup
from shapescope.trace import Trace

AssertMatches = Callable[[str, Callable[[], Any]], None]


def traced(
    function: Callable[..., Any], *args: Any, layer: nn.Module | None = None, mode: str = "auto"
) -> Trace:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, *inputs: Any) -> Any:
            return function(self.layer, *inputs)

    return trace_model(Net(), (args, {}), mode=mode).trace


@pytest.mark.parametrize(
    ("op", "call"),
    [
        ("kaiming_uniform", lambda: nn.init.kaiming_uniform_(torch.empty(3, 4))),
        ("sparse_mm", lambda: torch.sparse.mm(torch.eye(3).to_sparse(), torch.rand(3, 5))),
        (
            "sparse_coo_tensor",
            lambda: torch.sparse_coo_tensor(torch.tensor([[0, 1], [2, 0]]), torch.ones(2), (2, 4)),
        ),
    ],
)
def test_shapes(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)


def test_quantisers_pass_values_through() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.ao.quantization import DeQuantStub, QuantStub

        layers = nn.Sequential(QuantStub(), nn.Conv2d(1, 2, 3), DeQuantStub())
    trace = trace_model(layers, ((torch.rand(1, 1, 8, 8),), {})).trace
    assert [step.op for step in trace.leaves] == ["quant_stub", "conv2d", "de_quant_stub"]
    assert {check.status for check in check_trace(trace)} == {"match", "not_applicable"}


def test_a_packed_sequence_has_as_many_values_as_its_lengths() -> None:
    def pack(layer: Any, x: Tensor, lengths: Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(packed, batch_first=True)[0]

    trace = traced(pack, torch.rand(2, 7, 3), torch.tensor([4, 2]))
    steps = {step.op: step for step in trace.leaves}
    assert steps["pack_padded_sequence"].outputs[0].shape == (6, 3)
    assert trace.outputs[0].shape == (2, 4, 3)
    assert all(lookup(op).macs(step) == 0 for op, step in steps.items())
    assert "unknown" not in {check.status for check in check_trace(trace)}


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_block_is_opened(reentrant: bool) -> None:
    block = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    trace = traced(
        lambda layer, x: checkpoint(layer, x * 2, use_reentrant=reentrant) + 1,
        torch.rand(2, 3),
        layer=block,
    )
    assert [step.op for step in trace.leaves] == ["mul", "linear", "relu", "add"]
    last = trace.steps[-1]
    assert [trace.steps[source].op for source in last.sources] == ["relu"]


def test_sizes_that_are_tensors_are_their_numbers() -> None:
    def chunked(layer: Any, x: Tensor) -> Tensor:
        if x.sum() < -1e9:  # what makes meta step aside
            return x
        count: Any = torch.div(torch.tensor(x.shape[1]), 2, rounding_mode="trunc")
        return x.view(x.shape[0], count, 2).new_zeros((x.shape[0], count))

    trace = traced(chunked, torch.rand(3, 8))
    assert trace.outputs[0].shape == (3, 4)
    assert "mismatch" not in {check.status for check in check_trace(trace)}


def test_a_size_that_depends_on_values_is_an_int_in_the_trace() -> None:
    def chosen(layer: Any, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        rows = torch.where(x[:, 0] > 0)[0]
        out[rows] = layer(x[rows])
        return out

    trace = traced(chosen, torch.rand(4, 6) + 1, layer=nn.Linear(6, 6))
    assert trace.outputs[0].shape == (4, 6)
    linear = next(step for step in trace.leaves if step.op == "linear")
    assert linear.outputs[0].shape == (4, 6)
    sizes = [size for step in trace.steps for spec in step.outputs for size in spec.shape]
    assert {type(size) for size in sizes} == {int}


@pytest.mark.parametrize("mode", ["meta", "real"])
def test_values_of_tensors_are_no_settings(mode: str) -> None:
    def joined(layer: Any, x: Tensor) -> Tensor:
        whole = x.sum().long()
        return torch.stack([x.sum(), x.mean()]) + torch.stack([whole, torch.tensor(3)])

    trace = traced(joined, torch.ones(2, 3), mode=mode)
    stacks = [step for step in trace.leaves if step.op == "stack"]
    assert [step.attrs for step in stacks] == [CallAttrs(()), CallAttrs(())]


def test_sizes_inside_a_transformed_call_are_not_asked_for() -> None:
    def mapped(layer: Any, x: Tensor) -> Tensor:
        def pair(row: Tensor) -> Tensor:
            return torch.stack([row.sum(), row.mean()])

        result: Tensor = torch.vmap(pair)(x)
        return result

    trace = traced(mapped, torch.ones(5, 3), mode="real")
    assert trace.failure is None
    assert trace.outputs[0].shape == (5, 2)
