"""Forwards that take derivatives run with gradients recorded, and only those."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, autograd, nn
from torch.autograd import grad

import shapescope
from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.sizing import valid_sizes


class Energy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, positions: Tensor) -> Tensor:
        return self.net(positions)


class Forces(Energy):
    """Through torch itself."""

    def forward(self, positions: Tensor) -> Tensor:
        positions.requires_grad_(True)
        return -torch.autograd.grad(self.net(positions).sum(), positions)[0]


class ForcesOfAModule(Energy):
    """Through torch.autograd as it was imported."""

    def forward(self, positions: Tensor) -> Tensor:
        positions.requires_grad_(True)
        return autograd.grad(self.net(positions).sum(), positions)[0]


def slope(outputs: Tensor, inputs: Tensor) -> Tensor:
    return grad(outputs, inputs, torch.ones_like(outputs))[0]


class ForcesByHelper(Energy):
    """Through a function of the file, called by a method."""

    def forward(self, positions: Tensor) -> Tensor:
        return self.of(positions.requires_grad_(True))

    def of(self, positions: Tensor) -> Tensor:
        return slope(self.net(positions), positions)


class ForcesByBackward(Energy):
    """Through what backward leaves."""

    def forward(self, positions: Tensor) -> Tensor:
        positions.requires_grad_(True)
        self.net(positions).sum().backward()
        assert positions.grad is not None
        return positions.grad


class Trained(Energy):
    """Its steps of training take derivatives, its forward none."""

    def training_step(self, batch: Tensor) -> None:
        self(batch).sum().backward()


TAKING = (Forces, ForcesOfAModule, ForcesByHelper, ForcesByBackward)


@pytest.mark.parametrize("kind", TAKING)
def test_forward_that_takes_derivatives_is_found(kind: type[nn.Module]) -> None:
    assert takes_derivatives(kind().modules())
    assert takes_derivatives(nn.Sequential(nn.Linear(3, 3), kind()).modules())


@pytest.mark.parametrize("model", [Energy(), Trained(), nn.Transformer(8, 2, batch_first=True)])
def test_other_forwards_take_none(model: nn.Module) -> None:
    assert not takes_derivatives(model.modules())


@pytest.mark.parametrize("kind", TAKING)
def test_it_is_traced_in_eval_mode(kind: type[nn.Module]) -> None:
    model = kind().eval()
    with torch.no_grad():
        result = shapescope.trace(model, input_size=(4, 3))
        assert not torch.is_grad_enabled()
    assert not result.failed
    assert result.trace.outputs[0].shape == (4, 3)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_others_are_traced_without_gradients() -> None:
    class InPlace(Energy):
        """Changes a parameter, which torch refuses while gradients are recorded."""

        def forward(self, positions: Tensor) -> Tensor:
            next(self.net.parameters()).clamp_(-1, 1)
            return self.net(positions)

    assert not shapescope.trace(InPlace().eval(), input_size=(4, 3)).failed


def test_sizes_and_formulas_of_it() -> None:
    inputs = (InputSpec((2, 5, 3)),)
    found = valid_sizes(Forces().eval(), inputs)
    assert found.valid
    assert found.as_asked_fits
    trace = trace_model(Forces().eval(), inputs, mode="symbolic", symbols=("N", "T")).trace
    assert trace.failure is None
    assert [str(size) for size in trace.outputs[0].shape] == ["N", "T", "3"]
