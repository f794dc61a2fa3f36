"""Which views are taken for axes that were meant to be moved, and which are what they seem."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from shapescope.analysis.diagnosis import find
from shapescope.analysis.diagnosis.intended import (
    intended_fold,
    intended_order,
    intended_split,
    intended_turn,
)
from shapescope.capture.inputs import parse_inputs
from shapescope.capture.tracer import trace_model


@pytest.mark.parametrize(
    ("sizes", "made", "order"),
    [
        ((2, 256, 64), (2, 64, 16, 16), (0, 2, 1)),  # tokens back to a map
        ((2, 64, 16, 16), (2, 256, 64), (0, 2, 3, 1)),  # a map to tokens
        ((2, 8, 4), (2, 4, 8), (0, 2, 1)),
        ((2, 16, 16, 3), (2, 3, 16, 16), (0, 3, 1, 2)),  # channels last seen as first
    ],
)
def test_axes_that_change_ends_were_meant_to_move(
    sizes: tuple[int, ...], made: tuple[int, ...], order: tuple[int, ...]
) -> None:
    assert intended_turn(sizes, made) == order


@pytest.mark.parametrize(
    ("sizes", "made"),
    [
        ((2, 16, 4, 4), (2, 4, 4, 4, 4)),  # groups of a channel shuffle on a small map
        ((2, 16, 8, 8), (2, 16, 64)),
        ((2, 64, 12), (2, 8, 8, 12)),
        ((2, 10, 32), (2, 10, 4, 8)),  # heads
        ((2, 10, 4, 8), (2, 10, 32)),
        ((2, 1, 384), (2, 12, 1, 32)),  # one token: nothing can be mixed
        ((6, 3, 8, 8), (2, 3, 3, 8, 8)),
    ],
)
def test_a_view_that_splits_or_merges_what_lies_side_by_side_is_right(
    sizes: tuple[int, ...], made: tuple[int, ...]
) -> None:
    found = [find(sizes, made) for find in (intended_order, intended_turn, intended_fold)]
    assert [*found, intended_split(sizes, made)] == [None] * 4


def test_frames_folded_into_the_batch_across_their_channels() -> None:
    assert intended_fold((2, 3, 6, 10, 10), (12, 3, 10, 10)) == (0, 2, 1, 3, 4)
    assert intended_fold((2, 6, 3, 10, 10), (12, 3, 10, 10)) is None


def test_frames_folded_with_their_map_in_one_go() -> None:
    assert intended_fold((2, 32, 5, 6, 6), (10, 32, 36)) == (0, 2, 1, 3, 4)


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        ((14, 16, 8, 8), (2, 7, 16, 8, 8)),  # as the rows lie
        ((8, 7, 7, 96), (2, 2, 2, 7, 7, 96)),  # windows of a map
        ((6, 3, 8, 8), (2, 3, 3, 8, 8)),  # as many frames as channels
    ],
)
def test_rows_taken_apart_as_they_lie(rows: tuple[int, ...], made: tuple[int, ...]) -> None:
    assert intended_fold(made, rows) is None


def test_rows_taken_apart_behind_the_channels() -> None:
    assert intended_fold((2, 16, 7, 8, 8), (14, 16, 8, 8)) == (0, 2, 1, 3, 4)


class RelativeShift(nn.Module):
    """Scores shifted row by row, with a column of zeros and views of other sizes."""

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        batch, heads, queries, keys = scores.shape
        padded = functional.pad(scores, (1, 0)).view(batch, heads, -1, queries)
        return padded[:, :, 1:].view(batch, heads, queries, keys)


def test_a_shift_by_views_behind_a_pad_is_meant() -> None:
    traced = trace_model(RelativeShift(), parse_inputs(["2,4,6,11"]))
    assert [one.diagnostic.rule for one in find(traced.trace)] == []


class Cells(nn.Module):
    """A head of `anchors * classes` channels over maps of two sizes, one as high as the classes."""

    def __init__(self, anchors: int, classes: int, *, last: bool) -> None:
        super().__init__()
        self.classes, self.last = classes, last
        self.score = nn.Conv2d(3, anchors * classes, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.score(x)
        if self.last:
            return scores.permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.classes)
        return scores.view(x.shape[0], self.classes, -1)


@pytest.mark.parametrize("last", [True, False])
def test_channels_cut_where_they_lie_are_right_on_a_map_as_high_as_the_classes(last: bool) -> None:
    traced = trace_model(Cells(3, 5, last=last), parse_inputs(["2,3,5,5"]))
    assert [one.diagnostic.rule for one in find(traced.trace)] == []


class Levels(nn.Module):
    """Scores of maps of several sizes, cut by one line whose layout no layer tells."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halves = (x, x[:, ::2, ::2] * 2)
        return torch.cat([one.reshape(x.shape[0], -1, 5) for one in halves], 1)


@pytest.mark.parametrize("size", [10, 5])
def test_a_line_that_means_no_turn_at_another_size_means_none(size: int) -> None:
    traced = trace_model(Levels(), parse_inputs([f"2,{size},{size},15"]))
    assert [one.diagnostic.rule for one in find(traced.trace)] == []


class Turned(nn.Module):
    """A map of channels taken for tokens, channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).reshape(x.shape[0], -1, 16)


def test_channels_that_are_not_moved_are_told_of() -> None:
    traced = trace_model(Turned(), parse_inputs(["2,3,5,4"]))
    assert [one.diagnostic.rule for one in find(traced.trace)] == ["view-mixes-axes"]


class ShiftByCut(nn.Module):
    """The same without a pad: a row is cut off between two views, as XLNet does."""

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        batch, heads, queries, keys = scores.shape
        turned = (scores * 2).reshape(batch, heads, keys, queries)
        return turned[:, :, 1:].reshape(batch, heads, queries, keys - 1)


def test_a_shift_by_a_cut_between_views_is_meant() -> None:
    traced = trace_model(ShiftByCut(), parse_inputs(["2,4,16,32"]))
    assert [one.diagnostic.rule for one in find(traced.trace)] == []
