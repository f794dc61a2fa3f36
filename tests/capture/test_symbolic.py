"""Traces with open sizes: what PyTorch cannot leave open is said, and is no fault of a model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import ShapescopeError

INPUTS = (InputSpec((1, 3, 32, 32)),)


class Resized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), size=x.shape[-2:], mode="bilinear")


class Padded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, (7 - x.shape[-1] % 7) % 7))


def test_a_map_is_resized_to_open_sizes() -> None:
    trace = trace_model(Resized(), INPUTS, mode="symbolic").trace
    assert trace.failure is None
    assert trace.outputs[0].shape == ("N", 4, "H", "W")


def test_what_torch_cannot_leave_open_is_no_error_of_the_model() -> None:
    assert trace_model(Padded(), INPUTS).trace.outputs[0].shape == (1, 3, 32, 35)
    with pytest.raises(ShapescopeError) as caught:
        trace_model(Padded(), INPUTS, mode="symbolic")
    assert str(caught.value).startswith("PyTorch cannot leave these sizes open: pad: ")
    assert caught.value.exit_code == 2


def test_a_model_that_fails_with_numbers_too_fails() -> None:
    class Wrong(Resized):
        def forward(self, x: Tensor) -> Tensor:
            return self.conv(torch.cat([x, x], 1))

    trace = trace_model(Wrong(), INPUTS, mode="symbolic").trace
    assert trace.failure is not None
