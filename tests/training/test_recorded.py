"""A recorded step does what the step itself does, or is refused."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from shapescope.networks import CNN, ConvNeuralNet, LeNet5, MyLeNet5, Network
from shapescope.training.engine import Way, make_optimizer, make_step
from shapescope.training.recipe import OptimizerSpec
from shapescope.training.recorded import NotRecordableError, RecordedStep


def trained(model: nn.Module, way: Way, side: int, sizes: tuple[int, ...] = (8, 8, 3)) -> Any:
    """Every score, loss and state after some steps of these batch sizes."""
    torch.manual_seed(1)
    channels = next(model.parameters()).shape[1]
    model.train().to(memory_format=way.memory_format)
    optimizer = make_optimizer(OptimizerSpec("sgd", 0.05, 0.9), model.parameters())
    step = make_step(model, way, "cpu", 0.1)
    told: list[torch.Tensor] = []
    for size in sizes:
        images = torch.rand(size, channels, side, side).contiguous(memory_format=way.memory_format)
        optimizer.zero_grad()
        told += step(images, torch.arange(size), 1.0)
        optimizer.step()
    return told, model.state_dict()


def same(first: Any, second: Any) -> bool:
    (told, state), (told_too, state_too) = first, second
    return all(a.equal(b) for a, b in zip(told, told_too, strict=True)) and all(
        value.equal(state_too[name]) for name, value in state.items()
    )


def built(network: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return network()


@pytest.mark.parametrize(
    "way",
    [Way(), Way(quick=True), Way("bfloat16", quick=True), Way(channels_last=True)],
)
@pytest.mark.parametrize(
    ("network", "side"),
    [(CNN, 28), (ConvNeuralNet, 32), (LeNet5, 32), (MyLeNet5, 28), (Network, 28)],
)
def test_a_recording_has_the_bits_of_the_step(
    network: type[nn.Module], side: int, way: Way
) -> None:
    recorded = Way(way.precision, way.channels_last, 1, quick=way.quick, recorded=True)
    ours = trained(built(network), recorded, side)
    assert same(trained(built(network), way, side), ours)


class Varied(nn.Module):
    """Dropout, a shared weight, a frozen one, one that is not used, and a counter."""

    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.inner = nn.Linear(16, 16)
        self.again = nn.Linear(16, 16, bias=False)
        self.again.weight = self.inner.weight
        self.out = nn.Linear(16, 10)
        self.out.bias.requires_grad_(False)
        self.unused = nn.Linear(2, 2)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> Any:
        self.count += 1
        maps = self.drop(F.adaptive_avg_pool2d(self.norm(self.first(x)), 2)).flatten(1)
        return self.out(self.again(F.relu(self.inner(maps))))


def test_random_numbers_and_buffers_go_on_as_they_would() -> None:
    ours = trained(built(Varied), Way(recorded=True), 8)
    assert same(trained(built(Varied), Way(), 8), ours)
    assert ours[1]["count"] == 3  # recording and comparing change nothing


def test_a_factor_and_a_second_piece_are_added() -> None:
    gradients = []
    for way in (Way(), Way(recorded=True)):
        model = built(MyLeNet5)
        step = make_step(model.train(), way, "cpu")
        torch.manual_seed(2)
        for factor in (0.25, 0.75):
            step(torch.rand(4, 1, 28, 28), torch.arange(4), factor)
        gradients.append([weight.grad for weight in model.parameters()])
    for theirs, ours in zip(*gradients, strict=True):
        assert theirs is not None and ours is not None
        assert torch.allclose(theirs, ours, rtol=1e-4, atol=1e-7)


def test_gradients_lie_as_their_weights_do() -> None:
    model = MyLeNet5().train().to(memory_format=torch.channels_last)
    make_step(model, Way(recorded=True), "cpu")(torch.rand(4, 1, 28, 28), torch.arange(4), 1.0)
    for weight in model.parameters():
        assert weight.grad is not None
        assert weight.grad.stride() == weight.stride()


class Small(nn.Module):
    """A network whose forward passes differ, in the way a subclass says."""

    mean: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)
        self.register_buffer("mean", torch.zeros(()))
        self.calls = 0
        self.seen: list[int] = []

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(self.change(x.flatten(1)))

    def change(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class ByValue(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class ByTheWay(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        return x * float(x.detach().numpy().mean())  # past all that PyTorch sees


class ByChance(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        return x if random.random() < 0.5 else -x


class ByCount(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x / self.calls


class ByList(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(x))
        return x / len(self.seen)


class ByReplacement(Small):
    def change(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = self.mean * 0.9 + x.detach().mean()
        return x - self.mean


@pytest.mark.parametrize("network", [ByValue, ByTheWay, ByChance, ByCount, ByList, ByReplacement])
def test_what_a_recording_cannot_hold_is_refused(network: type[Small]) -> None:
    step = make_step(network().train(), Way(recorded=True), "cpu")
    with pytest.raises(RuntimeError):
        step(torch.rand(4, 1, 8, 8), torch.arange(4), 1.0)


def test_a_recording_that_computes_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(function: Any) -> Any:
        return make_fx(lambda *inputs: function(*inputs[:-2], inputs[-2] * 1.01, inputs[-1]))

    monkeypatch.setattr("shapescope.training.recorded.make_fx", wrong)
    step = make_step(MyLeNet5().train(), Way(recorded=True), "cpu")
    with pytest.raises(NotRecordableError, match="computes something else"):
        step(torch.rand(4, 1, 28, 28), torch.arange(4), 1.0)


@pytest.mark.skipif(shutil.which("g++") is None, reason="nothing compiles here")
def test_a_compiled_recording_agrees_but_for_rounding() -> None:
    way = Way(quick=True, recorded=True, compiled=True)
    told, state = trained(built(MyLeNet5), way, 28, (8, 8))
    their_told, their_state = trained(built(MyLeNet5), Way(), 28, (8, 8))
    for theirs, ours in zip(their_told, told, strict=True):
        assert torch.allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    for name, theirs in their_state.items():
        assert torch.allclose(theirs, state[name], rtol=1e-4, atol=1e-5)


def test_a_batch_is_recorded_once() -> None:
    model = MyLeNet5().train()
    step = make_step(model, Way(recorded=True), "cpu")
    assert isinstance(step, RecordedStep)
    for size in (4, 4, 3, 4, 3):
        step(torch.rand(size, 1, 28, 28), torch.arange(size), 1.0)
    assert len(step.graphs) == 2
