from __future__ import annotations

import torch
from torch import nn

from shapescope.capture.further.crosscheck import CrossCheck, crosscheck
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.result import TraceResult


def ask(model: nn.Module, *shapes: tuple[int, ...]) -> tuple[TraceResult, CrossCheck]:
    specs = tuple(InputSpec(shape) for shape in shapes)
    result = TraceResult(trace_model(model, specs).trace)
    return result, crosscheck(model, specs, result.trace, result.macs)


def explained(result: TraceResult, found: CrossCheck) -> None:
    """The parts of a difference add up to it."""
    for peer in found.peers:
        assert peer.problem == ""
        parts = [one for one in found.differences if one.peer == peer.name]
        macs = sum(one.amount for one in parts if one.figure == "MACs")
        params = sum(one.amount for one in parts if one.figure == "params")
        assert peer.macs == result.totals.macs + macs
        assert peer.params == result.totals.params + params
        assert all(one.amount and one.reason for one in parts)


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.one = nn.Linear(8, 8)
        self.two = nn.Linear(8, 8)
        self.two.weight = self.one.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        up = self.up(x).mean()
        x = x.flatten(2).transpose(1, 2)
        x = self.encoder(self.attention(x, x, x)[0])
        return self.two(self.one(x)) @ x.transpose(1, 2) + up


def test_every_difference_is_explained() -> None:
    result, found = ask(Mixed(), (2, 3, 10, 10))
    explained(result, found)
    reasons = " ".join(one.reason for one in found.differences)
    for word in ("bias of conv", "scale and shift", "transposed", "function calls", "positions"):
        assert word in reasons
    torch_peer = found.peers[1]
    assert torch_peer.macs == result.totals.macs


def test_nothing_differs_where_there_is_no_bias() -> None:
    result, found = ask(nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU()), (2, 4))
    explained(result, found)
    assert found.differences == ()


def test_tied_parameters_are_counted_once_here() -> None:
    _, found = ask(Mixed(), (1, 3, 10, 10))
    tied = next(one for one in found.differences if one.figure == "params")
    assert (tied.amount, tied.peer) == (64, "torchinfo")


class OnValues(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


def test_a_peer_that_cannot_says_why() -> None:
    _, found = ask(OnValues(), (2, 2))
    assert [peer.macs for peer in found.peers] == [None, None]
    assert all(peer.problem for peer in found.peers)


def test_the_model_stays_where_it_is() -> None:
    model = Mixed()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    enabled = torch.backends.mha.get_fastpath_enabled()
    ask(model, (1, 3, 10, 10))
    assert torch.backends.mha.get_fastpath_enabled() == enabled
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
