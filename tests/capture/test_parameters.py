from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from shapescope.capture.parameters import (
    find_parameter,
    is_lazy,
    moments_of,
    read_parameters,
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 4)
        self.two = nn.Linear(4, 3, bias=False)
        self.again = self.one
        self.three = nn.Linear(3, 4)
        self.three.weight = self.one.weight
        self.free = nn.Parameter(torch.zeros(2), requires_grad=False)
        self.register_buffer("table", torch.arange(3.0))


def test_names_are_those_of_torch() -> None:
    model = Net()
    found = read_parameters(model)
    unique = [entry.spec.name for entry in found if entry.spec.key == entry.spec.name]
    assert unique == [name for name, _ in model.named_parameters()]
    assert sum(p.numel() for p in model.parameters()) == sum(
        entry.spec.numel for entry in found if entry.spec.key == entry.spec.name
    )


def test_tied_names_share_their_key() -> None:
    keys = {entry.spec.name: entry.spec.key for entry in read_parameters(Net())}
    assert keys["three.weight"] == "one.weight"
    assert keys["three.bias"] == "three.bias"


def test_owners() -> None:
    found = {entry.spec.name: entry for entry in read_parameters(Net())}
    assert (found["one.weight"].owner, found["one.weight"].op) == ("Linear", "linear")
    assert (found["free"].owner, found["free"].op, found["free"].attrs) == ("Net", "", None)
    assert not found["free"].spec.trainable


def test_reading_changes_nothing() -> None:
    model = Net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    read_parameters(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=30))
def test_moments_are_torchs(values: list[float]) -> None:
    tensor = torch.tensor(values)
    found = moments_of(tensor)
    assert found is not None
    exact = tensor.double()
    assert found.mean == pytest.approx(exact.mean().item())
    assert found.std == pytest.approx(exact.std().item())
    assert (found.minimum, found.maximum) == (tensor.min().item(), tensor.max().item())


def test_moments_of_little() -> None:
    assert moments_of(torch.empty(0)) is None
    assert moments_of(torch.empty(3, device="meta")) is None
    assert moments_of(torch.ones(2, dtype=torch.complex64)) is None
    single = moments_of(torch.tensor([3]))
    assert single is not None
    assert (single.mean, single.std) == (3.0, 0.0)


def test_lazy_layers_are_seen() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert is_lazy(nn.Sequential(nn.LazyLinear(3)))
    assert not is_lazy(Net())


def test_a_parameter_or_buffer_by_name() -> None:
    model = Net()
    assert find_parameter(model, "three.weight") is model.one.weight
    assert find_parameter(model, "table") is model.table
    assert find_parameter(model, "nothing") is None
