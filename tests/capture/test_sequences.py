"""Recurrent layers on meta: long sequences cost no more than short ones, and say the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from shapescope.capture.inputs import parse_inputs
from shapescope.capture.sequences import short_sequences
from shapescope.capture.tracer import trace_model

LAYERS = [
    nn.LSTM(8, 16, num_layers=2),
    nn.LSTM(8, 16, batch_first=True, bidirectional=True),
    nn.LSTM(8, 16, proj_size=4, batch_first=True),
    nn.GRU(8, 16, bidirectional=True),
    nn.RNN(8, 16, nonlinearity="relu", batch_first=True),
    nn.RNN(8, 16, num_layers=3),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("shape", ["1,3,8", "2,3,8", "9,5,8", "7,8"])
def test_shapes_are_those_of_real_tensors(layer: nn.Module, shape: str) -> None:
    specs = parse_inputs([shape])
    meta = trace_model(layer, specs, mode="meta").trace
    real = trace_model(layer, specs, mode="real").trace
    assert meta.failure is None
    assert [spec.shape for spec in meta.outputs] == [spec.shape for spec in real.outputs]
    assert meta.steps[0].outputs == real.steps[0].outputs


def test_a_packed_sequence_is_left_to_torch() -> None:
    layer = nn.GRU(8, 16).to("meta")
    packed = nn.utils.rnn.pack_sequence([torch.zeros(4, 8), torch.zeros(3, 8)])
    moved = nn.utils.rnn.PackedSequence(packed.data.to("meta"), packed.batch_sizes)
    with short_sequences():
        output, _ = layer(moved)
    assert output.data.shape == (7, 16)


def test_a_long_sequence_costs_no_more_than_a_short_one() -> None:
    """Taken step by step, this one would last half an hour."""
    trace = trace_model(nn.LSTM(8, 16), parse_inputs(["100000,2,8"]), mode="meta").trace
    assert trace.outputs[0].shape == (100_000, 2, 16)


def test_torch_is_left_as_it_was() -> None:
    before = set(vars(torch._VF))
    with pytest.raises(RuntimeError, match="stop"), short_sequences():
        raise RuntimeError("stop")
    assert set(vars(torch._VF)) == before


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("shape", [(3, 7, 8), (7, 3, 8), (1, 7, 8), (7, 1, 8)])
def test_a_long_output_lies_in_memory_as_torch_lays_it(
    kind: Callable[..., nn.Module], batch_first: bool, both_ways: bool, shape: tuple[int, ...]
) -> None:
    layer = kind(8, 16, batch_first=batch_first, bidirectional=both_ways).eval()
    with torch.no_grad():
        real, _ = layer(torch.zeros(shape))
        with short_sequences():
            short, _ = layer.to("meta")(torch.empty(shape, device="meta"))
    assert (short.shape, short.stride()) == (real.shape, real.stride())


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_view_that_torch_refuses_is_refused(kind: Callable[..., nn.Module]) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = kind(8, 16, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.layer(x)[0]
            return output.view(-1, 16)

    for mode in ("meta", "real"):
        trace = trace_model(Flat().eval(), parse_inputs(["3,7,8"]), mode=mode).trace
        assert trace.failure is not None
        assert "view size is not compatible" in trace.failure.message
