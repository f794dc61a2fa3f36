"""For which sizes a symbolic trace holds, and that it is right there."""

from __future__ import annotations

import math
import time

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.analysis.step_check import UNKNOWN
from shapescope.analysis.symbolic_check import check_symbolic
from shapescope.arithmetic.expressions import parse_expression
from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.trace import Trace

SHAPE = (1, 3, 64, 64)


class Pooled(nn.Module):
    """No size below 14 leaves a map behind the last pool."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3),
                                    nn.MaxPool2d(2), nn.MaxPool2d(2, padding=0))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class Normed(nn.Module):
    """Patches, normed over their channels: the map is turned around and back."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.patches(x).permute(0, 2, 3, 1))
        return made.permute(0, 3, 1, 2)


class Halved(nn.Module):
    """A scale, from which PyTorch's engine makes plain numbers of its own accord."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=0.5)


class Rows(nn.Module):
    """Recurrent along the width, which PyTorch's engine unrolls for one length."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=16)
        self.gru = nn.GRU(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        n, c, height, width = y.shape
        made, _ = self.gru(y.permute(0, 2, 3, 1).reshape(n * height, width, c))
        out: Tensor = made.reshape(n, height, width, -1)
        return out


class Blocks(nn.Module):
    """Two by two pixels into channels, by way of six axes."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
        return x.reshape(n, c * 4, h // 2, w // 2).mean((2, 3))


class Skip(nn.Module):
    """Halved, doubled and padded to where it was."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.interpolate(F.max_pool2d(x, 2), scale_factor=2)
        down, right = x.shape[2] - y.shape[2], x.shape[3] - y.shape[3]
        y = F.pad(y, (right // 2, right - right // 2, down // 2, down - down // 2))
        return torch.cat([x, y], 1)


class Folded(nn.Module):
    """Taken apart into windows and put together again."""

    def forward(self, x: Tensor) -> Tensor:
        windows = F.unfold(x, 3, stride=2, padding=1)
        return F.fold(windows, x.shape[2:], 3, stride=2, padding=1)


def traced(model: nn.Module) -> tuple[Trace, list[str]]:
    made = trace_model(model, (InputSpec(SHAPE),), mode="symbolic")
    assert made.trace.failure is None
    return made.trace, [one for one in made.notes if one.startswith("holds where ")]


@pytest.mark.parametrize(
    ("model", "note", "outputs"),
    [
        (Pooled(), ["holds where H >= 14, W >= 14"], ("N", 4, "(H + 2)//8 - 1", "(W + 2)//8 - 1")),
        (Normed(), ["holds where H >= 4, W >= 4"], ("N", 8, "H//4", "W//4")),
        (Halved(), ["holds where H >= 2, W >= 2"], ("N", 3, "H//2", "W//2")),
        (Rows(), ["holds where H >= 3, W >= 3"], ("N", "(H + 13)//16", "(W + 13)//16", 2)),
        (Blocks(), ["holds where H % 2 == 0, W % 2 == 0"], ("N", 12)),
        (Skip(), ["holds where H >= 2, W >= 2"], ("N", 6, "H", "W")),
    ],
)
def test_what_the_layers_need_is_told(
    model: nn.Module, note: list[str], outputs: tuple[int | str, ...]
) -> None:
    trace, notes = traced(model)
    assert notes == note
    assert trace.outputs[0].shape == outputs
    assert UNKNOWN not in {check.status for check in check_symbolic(trace)}


@pytest.mark.parametrize(
    "model", [Pooled(), Normed(), Halved(), Rows(), Blocks(), Skip(), Folded()]
)
def test_every_formula_gives_the_sizes_of_a_plain_trace(model: nn.Module) -> None:
    trace, _ = traced(model)
    for batch, height, width in ((2, 64, 96), (3, 128, 70), (5, 42, 42)):
        sizes = {"N": batch, "H": height, "W": width}
        plain = trace_model(model, (InputSpec((batch, 3, height, width)),)).trace
        assert plain.failure is None
        for step, other in zip(trace.steps, plain.steps, strict=True):
            for spec, wanted in zip(step.outputs, other.outputs, strict=True):
                found = [parse_expression(str(size)).evaluate(sizes) for size in spec.shape]
                assert tuple(found) == wanted.shape, step.path


def test_a_scale_that_is_no_fraction_is_written_as_one_rounds_it() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=0.7)

    trace, _ = traced(Scaled())
    assert trace.outputs[0].shape == ("N", 3, "int(H*0.7)", "int(W*0.7)")


def test_settings_have_the_operators_of_python() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            width = x.shape[-1]
            return F.pad(x, (0, width * width % 11))

    trace, _ = traced(Odd())
    (pad,) = trace.leaves[-1:]
    assert getattr(pad.attrs, "pad", None) == (0, "(W*W) % 11")
    assert UNKNOWN not in {check.status for check in check_symbolic(trace)}


class Halving(nn.Module):
    """Whole windows of eight, counted in two ways, and pairs of maps that are alike."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        if h % 8 or w % 8:
            raise ValueError("whole windows only")
        small = F.avg_pool2d(F.pad(x, (3, 4, 3, 4)), 8)
        big = F.avg_pool2d(x, 8)
        return big.reshape(n, c, -1) + small.reshape(n, c, h // 8 * (w // 8))


def test_what_follows_from_the_limits_of_single_axes_is_not_told() -> None:
    assert traced(Halving())[1] == ["holds where H % 8 == 0, W % 8 == 0"]


class Square(nn.Module):
    """Neither side may be the longer one, which Python asks in two steps."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] > x.shape[3] or x.shape[3] > x.shape[2]:
            raise ValueError("no square")
        return x.transpose(2, 3) + x


def test_two_limits_that_meet_are_one_equality() -> None:
    assert traced(Square())[1] == ["holds where H == W"]


class Pyramid(nn.Module):
    """Pooled to grids by windows that are reckoned with floats, as in spatial pyramid pooling."""

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        window = math.ceil(height / 4)
        before = math.floor((window * 4 - height + 1) / 2)
        return F.max_pool2d(x, (window, 1), stride=(window, 1), padding=(before, 0))


def test_of_conditions_that_say_the_same_the_simplest_is_told() -> None:
    trace, (note,) = traced(Pyramid())
    assert note == "holds where 2*(H//2) >= 3*((H + 3)//4)"
    assert trace.outputs[0].shape[0] == "N"


def test_a_long_sequence_is_followed_at_once() -> None:
    class Listening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            made, _ = self.gru(x)
            out: Tensor = made
            return out

    began = time.process_time()
    trace = trace_model(Listening(), (InputSpec((1, 20_000, 4)),), mode="symbolic").trace
    assert trace.outputs[0].shape == ("N", "T", 2)
    assert trace.holds_where == ()
    assert time.process_time() - began < 10, "two steps tell what all 20,000 do"
