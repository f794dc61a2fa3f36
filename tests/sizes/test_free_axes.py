"""Which axes are free where the channels come last, and values that are read for a hint alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shapescope.capture.input_spec import InputSpec, parse_inputs
from shapescope.capture.tracer import trace_model
from shapescope.sizing import valid_sizes
from shapescope.valid_sizes import ValidSizes


def sizes(model: nn.Module, *shapes: Sequence[int]) -> ValidSizes:
    return valid_sizes(model.eval(), [InputSpec(tuple(shape)) for shape in shapes])


class Windows(nn.Module):
    """Maps with their channels last, padded to windows of four, as a block of Swin takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        n, height, width, c = x.shape
        padded = F.pad(self.norm(x), (0, 0, 0, -width % 4, 0, -height % 4))
        rows, columns = padded.shape[1] // 4, padded.shape[2] // 4
        cut = padded.view(n, rows, 4, columns, 4, c).permute(0, 1, 3, 2, 4, 5)
        cut = self.linear(cut.reshape(-1, 16, c)).view(n, rows, columns, 4, 4, c)
        back = cut.permute(0, 1, 3, 2, 4, 5).reshape(n, 4 * rows, 4 * columns, c)
        return x + back[:, :height, :width]


class Turned(nn.Module):
    """Heads of queries turned by tables of 64 places."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(64, 16))

    def forward(self, x: Tensor) -> Tensor:
        one, two = x.chunk(2, -1)
        table = self.get_buffer("table")[: x.shape[2]]
        return x * table + torch.cat([-two, one], -1) * table


class Scaled(nn.Module):
    """Channels in front, and a weight for each place of the map."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def test_channels_behind_are_not_free() -> None:
    found = sizes(Windows(), (1, 14, 14, 8))
    assert [(axis.name, axis.axis) for axis in found.axes] == [("H", 1), ("W", 2)]
    assert [part.ranges for part in found.valid] == [{}]
    found = sizes(Turned(), (1, 2, 12, 16))
    assert [axis.axis for axis in found.axes] == [1, 2]
    assert [part.ranges for part in found.valid] == [{"W": ((1, 64, 1),)}]


def test_a_size_for_each_place_does_not_make_the_last_axis_channels() -> None:
    assert [axis.axis for axis in sizes(Scaled(), (1, 3, 5, 6)).axes] == [2, 3]


class Causal(nn.Module):
    """Layers of torch read the mask, to see whether a faster kernel would do."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.transformer = nn.Transformer(16, 2, 1, 1, 32, batch_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        mask = self.transformer.generate_square_subsequent_mask(target.size(1))
        made: Tensor = self.transformer(
            self.embedding(source), self.embedding(target), tgt_mask=mask
        )
        return made


def test_a_mask_that_is_read_for_a_hint_leaves_the_sizes_open() -> None:
    reader = nn.modules.transformer._detect_is_causal_mask
    inputs = parse_inputs(["2,10:int64<50", "2,7:int64<50"])
    found = valid_sizes(Causal().eval(), inputs)
    assert [part.ranges for part in found.valid] == [{}]
    assert found.searched_to is None
    trace = trace_model(Causal(), inputs, mode="symbolic").trace
    assert trace.outputs[0].shape == ("N", "T1", 16)
    assert trace.holds_where == ()
    assert nn.modules.transformer._detect_is_causal_mask is reader


class Sampled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        places = torch.eye(2, 3, device=x.device).expand(n, 2, 3)
        grid = F.affine_grid(places, [n, c, height // 2, width // 2], align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)


@pytest.mark.parametrize("axis", ["H", "W"])
def test_a_grid_of_no_places_is_ruled_out(axis: str) -> None:
    trace = trace_model(Sampled(), (InputSpec((1, 3, 32, 32)),), mode="symbolic").trace
    assert f"{axis} >= 2" in trace.holds_where


class Halves(nn.Module):
    """Cut into pieces of half a height: two of them, or three."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.split(x, x.shape[2] // 2, 2)[0]


def test_pieces_of_a_size_that_depends_on_the_map_are_proven() -> None:
    found = sizes(Halves(), (1, 3, 16, 16))
    assert found.searched_to is None
    assert [part.ranges for part in found.valid] == [{"H": ((2, None, 1),)}]
