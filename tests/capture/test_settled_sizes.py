"""Formulas and conditions of whole models are as short as what is known of the sizes allows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.sizing import valid_sizes

INPUTS = (InputSpec((1, 3, 32, 40)),)


class Blocks(nn.Module):
    """Needs whole blocks of four, and pads to whole blocks all the same."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        n, c, height, width = x.shape
        blocks = x.reshape(n, c, height // 4, 4, width // 4, 4).mean((3, 5))
        return blocks, F.pad(x, (0, -width % 4, 0, (4 - height % 4) % 4))


class Stretched(nn.Module):
    """Odd maps are stretched before they are cut into patches of 2 x 2, at two scales."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = nn.ModuleList(nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for stem in self.stems:
            x = stem(x)
            n, c, height, width = x.shape
            tall, wide = math.ceil(height / 2) * 2, math.ceil(width / 2) * 2
            if (tall, wide) != (height, width):
                x = F.interpolate(x, size=(tall, wide))
            patches = x.reshape(n * c * (tall // 2), 2, wide // 2, 2).transpose(1, 2)
            patches = patches.reshape(n, c, (tall // 2) * (wide // 2), 4).transpose(2, 3)
            x = patches.transpose(2, 3).reshape(n * c * (tall // 2), wide // 2, 2, 2)
            x = x.transpose(1, 2).reshape(n, c, tall, wide)
        return x


class Placed(nn.Module):
    """Rows and columns of a table of 50 places each, added to a flat map: DETR in short."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.rows = nn.Parameter(torch.zeros(50, 4))
        self.columns = nn.Parameter(torch.zeros(50, 4))

    def forward(self, x: Tensor) -> Tensor:
        maps = self.patches(x)
        height, width = maps.shape[-2:]
        across = self.columns[:width].unsqueeze(0).repeat(height, 1, 1)
        down = self.rows[:height].unsqueeze(1).repeat(1, width, 1)
        places = torch.cat([across, down], -1).flatten(0, 1)
        return maps.flatten(2).transpose(1, 2) + places


class Padded(nn.Module):
    """Cut into windows of seven, padded only where something is left over."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        down, right = -height % 7, -width % 7
        if down > 0 or right > 0:
            x = F.pad(x, (0, right, 0, down))
        rows, columns = (height + down) // 7, (width + right) // 7
        x = x.view(n, c, rows, 7, columns, 7).permute(0, 2, 4, 1, 3, 5).reshape(-1, c, 49)
        x = x.view(n, rows, columns, c, 7, 7).permute(0, 3, 1, 4, 2, 5)
        return x.reshape(n, c, 7 * rows, 7 * columns)[:, :, :height, :width]


def test_what_a_remainder_settles_is_not_rounded() -> None:
    trace = trace_model(Blocks(), INPUTS, mode="symbolic").trace
    assert trace.holds_where == ("H % 4 == 0", "W % 4 == 0")
    shapes = [spec.shape for spec in trace.outputs]
    assert shapes == [("N", 3, "H//4", "W//4"), ("N", 3, "H", "W")]


def test_a_map_that_is_even_asks_nothing_more_of_its_patches() -> None:
    trace = trace_model(Stretched(), (InputSpec((1, 3, 32, 32)),), mode="symbolic").trace
    assert trace.outputs[0].shape == ("N", 3, "(H + 1)//4", "(W + 1)//4")
    assert trace.holds_where == tuple(
        f"({axis} + {more})//{by} % 2 == 0" for axis in "HW" for more, by in ((1, 2), (3, 4))
    )


def test_every_size_fits_where_odd_maps_are_stretched_or_padded() -> None:
    for model in (Stretched(), Padded()):
        found = valid_sizes(model, INPUTS)
        assert found.searched_to is None
        assert all(not part.where for part in found.valid)
        assert [part.ranges for part in found.valid] == [{}]


def test_a_table_of_places_limits_each_axis() -> None:
    trace = trace_model(Placed(), INPUTS, mode="symbolic").trace
    assert trace.holds_where == ("H >= 4", "H <= 203", "W >= 4", "W <= 203")
    (part,) = valid_sizes(Placed(), INPUTS).valid
    assert part.ranges == {"H": ((4, 203, 1),), "W": ((4, 203, 1),)}
    assert not part.where
