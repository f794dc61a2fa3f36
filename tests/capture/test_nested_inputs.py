"""Nested tensors as inputs: parts of several sizes, which only real tensors have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shapescope
from shapescope.diagnostic import ShapescopeError
from shapescope.session import trace_any


def nested(layout: torch.layout) -> Tensor:
    parts = [torch.randn(3, 8), torch.randn(5, 8)]
    made: Tensor = torch.nested.nested_tensor(parts, layout=layout)
    return made


# torch warns at the first one that the API is a prototype.
pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")

LAYOUTS = [torch.jagged, torch.strided]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_nested_input_is_traced_on_real_tensors(layout: torch.layout) -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    result = shapescope.trace(model, input_data=nested(layout))
    assert result.trace.failure is None
    assert result.trace.mode == "real"
    assert [spec.shape for spec in result.trace.inputs] == [(2, "j1", 8)]
    assert [spec.shape for spec in result.trace.outputs] == [(2, "j1", 4)]
    assert result.notes == ("an input is nested, which meta cannot; real CPU tensors were used",)
    assert result.diagnostics == ()
    # Its sizes are no numbers: there is nothing to multiply.
    assert result.totals.not_counted == ("linear",)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mode", ["meta", "fake", "symbolic"])
def test_a_mode_without_values_refuses_a_nested_input(layout: torch.layout, mode: str) -> None:
    with pytest.raises(ShapescopeError, match="a nested tensor holds the sizes of its parts"):
        trace_any(nn.Linear(8, 4), ((nested(layout),), {}), mode=mode)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_times_of_a_nested_input_are_no_error(layout: torch.layout) -> None:
    given: Any = ((nested(layout),), {})
    assert trace_any(nn.Linear(8, 4), given, values=True).trace.failure is None
    assert trace_any(nn.Linear(8, 4), given, time=True, peers=True).trace.failure is None
