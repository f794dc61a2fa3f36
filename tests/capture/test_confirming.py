"""Formulas of PyTorch's engine are told only where plain traces at other sizes confirm them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.analysis.symbolic_check import Evaluator
from shapescope.arithmetic.expressions import parse_condition
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.open_axes.confirming import is_right, plain_trace
from shapescope.capture.sizes.sizer import Sizer
from shapescope.capture.tracer import trace_model


class Doubted(nn.Module):
    """A stride is read, which our own pass does not follow, so that PyTorch's engine is asked."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        x.stride()
        out: Tensor = self.inner(x)
        return out


class Patches(nn.Module):
    """Cut into patches of 2 x 2, and stretched before where a map is odd, as MobileViT does it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.proj = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        b, c, height, width = x.shape
        tall, wide = math.ceil(height / 2) * 2, math.ceil(width / 2) * 2
        if (tall, wide) != (height, width):
            x = F.interpolate(x, size=(tall, wide), mode="bilinear")
        rows, columns = tall // 2, wide // 2
        x = x.reshape(b * c * rows, 2, columns, 2).transpose(1, 2)
        x = x.reshape(b, c, rows * columns, 4).transpose(1, 3).reshape(b * 4, rows * columns, c)
        x = x.view(b, 4, rows * columns, c).transpose(1, 3).reshape(b * c * rows, columns, 2, 2)
        x = x.transpose(1, 2).reshape(b, c, tall, wide)
        if (tall, wide) != (height, width):
            x = F.interpolate(x, size=(height, width), mode="bilinear")
        out: Tensor = self.proj(x)
        return out


class Thirds(nn.Module):
    """Padded where the width leaves something over, and not where it does not."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 3 - x.shape[-1] % 3)) if x.shape[-1] % 3 else x


class Pooled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.max_pool2d(x, 2), 2)


@pytest.mark.parametrize("model", [Patches(), Doubted(Patches()), Doubted(Thirds())])
@pytest.mark.parametrize("size", [32, 30, 37])
def test_what_is_told_is_right_at_all_sizes_it_is_told_for(model: nn.Module, size: int) -> None:
    inputs = (InputSpec((1, 3, size, size + 3)),)
    trace = trace_model(model, inputs, mode="symbolic").trace
    assert trace.mode == "symbolic"
    limits = [parse_condition(text) for text in trace.holds_where]
    sizer = Sizer(model, inputs)
    generator = torch.Generator().manual_seed(0)
    tried = 0
    for _ in range(60):
        height, width = torch.randint(4, 90, (2,), generator=generator).tolist()
        sizes = {"N": 3, "H": height, "W": width}
        if all(limit.evaluate(sizes) for limit in limits):
            assert is_right(trace, plain_trace(sizer, sizes), sizes), sizes
            tried += 1
    assert tried


def test_windows_that_do_not_fit_are_ruled_out_for_the_engine_too() -> None:
    inputs = (InputSpec((1, 3, 32, 32)),)
    trace = trace_model(Doubted(Pooled()), inputs, mode="symbolic").trace
    assert trace.holds_where == ("H >= 4", "W >= 4")


def test_sizes_that_the_engine_rounds_up_are_formulas() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, : math.ceil(x.shape[2] / 2)]

    trace = trace_model(Doubted(Half()), (InputSpec((1, 3, 32, 32)),), mode="symbolic").trace
    for height in (31, 32, 33):
        found = Evaluator({"N": 2, "H": height, "W": 8}).shape(trace.outputs[0].shape)
        assert found == (2, 3, (height + 1) // 2, 8)


class Counted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 5) + x.mean((1, 2, 3))[:, None]


def test_the_length_of_a_tensor_keeps_its_formula() -> None:
    trace = trace_model(Counted(), (InputSpec((1, 3, 32, 32)),), mode="symbolic").trace
    assert trace.outputs[0].shape == ("N", 5)
    assert trace.holds_where == ()


class Middle(nn.Module):
    """The middle of an unpadded map, from a half that is rounded: no formula of the engine's."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.MaxPool2d(4)
        self.up = nn.ConvTranspose2d(3, 3, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        small = self.up(self.down(x))
        top = round((x.shape[2] - small.shape[2]) / 2.0)
        cut = x[:, :, top : top + small.shape[2], : small.shape[3]]
        out: Tensor = cut + small
        return out


def test_a_setting_that_the_engine_takes_for_constant_is_left_out_where_it_is_none() -> None:
    traced = trace_model(Doubted(Middle()), (InputSpec((1, 3, 32, 32)),), mode="symbolic")
    cut = next(step for step in traced.trace.steps if step.op == "getitem")
    assert cut.attrs is None
    assert cut.outputs[0].shape[2] == "4*(H//4)"
    pool = next(step for step in traced.trace.steps if step.op == "max_pool2d")
    assert pool.attrs is not None
