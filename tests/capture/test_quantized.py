"""Quantized models: their packed weights count, and their layers have the rules of plain ones."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shapescope.analysis.check import check_trace
from shapescope.analysis.cost import totals
from shapescope.analysis.step_check import MATCH
from shapescope.attrs import EmbeddingAttrs
from shapescope.capture.parameters import find_parameter, moments_of, read_parameters
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError
from shapescope.trace import Trace, verify

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.ao import quantization as untyped
    from torch.ao.nn.quantized import FloatFunctional

quantization: Any = untyped
LAYERS = {nn.Linear, nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell, nn.RNNCell}


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.rnn = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(12, 5, batch_first=True)
        self.head = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4, bias=False))
        self.lstm_cell = nn.LSTMCell(4, 3)
        self.gru_cell = nn.GRUCell(3, 3)
        self.rnn_cell = nn.RNNCell(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(self.words(x))
        out, _ = self.gru(out)
        state, _ = self.lstm_cell(self.head(out[:, -1]))
        last: Tensor = self.rnn_cell(self.gru_cell(state))
        return last


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.quant = quantization.QuantStub()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(8 * 16, 5)
        self.dequant = quantization.DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv(self.quant(x))))
        result: Tensor = self.dequant(self.fc(x.flatten(1)))
        return result


def traced(model: nn.Module, x: Tensor) -> Trace:
    made = trace_model(model, ((x,), {})).trace
    assert made.failure is None, made.failure
    verify(made)
    return made


def values(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
def test_a_dynamically_quantized_model_counts_as_the_model_it_was(dtype: torch.dtype) -> None:
    plain = Words().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = quantization.quantize_dynamic(plain, LAYERS, dtype=dtype)
    x = torch.randint(0, 50, (3, 7))
    before, after = totals(traced(plain, x)), totals(traced(quantized, x))
    assert after.params == before.params == values(plain)
    assert after.trainable_params == plain.words.weight.numel()
    assert after.macs == before.macs
    assert after.not_counted == ()
    made = traced(quantized, x)
    assert [step.op for step in made.leaves] == [step.op for step in traced(plain, x).leaves]
    assert {check.status for check, step in zip(check_trace(made), made.steps, strict=True)
            if not step.is_composite} == {MATCH}  # fmt: skip
    linear = next(step for step in made.steps if step.path == "head.0")
    assert [(param.name, param.shape) for param in linear.params] == [
        ("head.0.weight", (7, 5)),
        ("head.0.bias", (7,)),
    ]


def test_weights_of_one_byte_are_counted_as_such() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = quantization.quantize_dynamic(
            nn.Sequential(nn.Linear(6, 5)), {nn.Linear}, dtype=torch.qint8
        )
    assert totals(traced(quantized, torch.rand(2, 6))).param_bytes == 6 * 5 + 4 * 5


def test_a_statically_quantized_model_runs_and_counts() -> None:
    model: Any = Picture().eval()
    count = values(model)
    x = torch.rand(2, 3, 8, 8)
    plain = totals(traced(model, x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.qconfig = quantization.default_qconfig
        quantization.fuse_modules(model, [["conv", "relu"]], inplace=True)
        quantization.prepare(model, inplace=True)
        model(x)
        quantization.convert(model, inplace=True)
    found = totals(traced(model, x))
    assert (found.params, found.macs, found.not_counted) == (count, plain.macs, ())
    made = traced(model, x)
    assert {check.status for check, step in zip(check_trace(made), made.steps, strict=True)
            if not step.is_composite} == {MATCH}  # fmt: skip


@pytest.mark.parametrize("mode", ["fake", "symbolic"])
def test_packed_weights_are_not_run_on_tensors_without_memory(mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = quantization.quantize_dynamic(
            nn.Sequential(nn.Linear(6, 5)), {nn.Linear}, dtype=torch.float16
        )
    with pytest.raises(ShapescopeError, match="cannot run on fake tensors"):
        trace_model(quantized, ((torch.rand(2, 6),), {}), mode=mode)


def quantized_words() -> nn.Module:
    model: Any = Words().eval()
    model.words.qconfig = quantization.float_qparams_weight_only_qconfig
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.prepare(model, inplace=True)
        quantization.convert(model, inplace=True)
        made: nn.Module = quantization.quantize_dynamic(model, LAYERS, dtype=torch.qint8)
    return made


def test_a_quantized_table_of_words_is_traced() -> None:
    model = quantized_words()
    made = traced(model, torch.randint(0, 50, (3, 7)))
    assert made.leaves[0].attrs == EmbeddingAttrs(50, 8, None)


def test_packed_weights_are_listed_among_the_parameters() -> None:
    model = quantized_words()
    listed = read_parameters(model)
    assert sum(entry.spec.numel for entry in listed) == values(Words())
    made = traced(model, torch.randint(0, 50, (3, 7)))
    carried = {param for step in made.leaves for param in step.params}
    assert {entry.spec for entry in listed} == carried
    named = {entry.spec.name: entry for entry in listed}
    for name, op in (("words", "embedding"), ("head.0", "linear")):
        weight = named[f"{name}.weight"]
        found = find_parameter(model, weight.spec.name)
        assert weight.op == op
        assert found is not None
        assert weight.moments == moments_of(found)
        assert found.dtype == torch.float32


class Skip(nn.Module):
    """Written so that it can be quantized, and not quantized yet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.skip: Any = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.skip.add(self.conv(x), x)
        return result


@pytest.mark.parametrize("mode", ["fake", "symbolic"])
def test_a_model_that_can_be_quantized_runs_without_memory_until_it_is(mode: str) -> None:
    trace = trace_model(Skip().eval(), ((torch.rand(2, 3, 8, 8),), {}), mode=mode).trace
    assert trace.failure is None
