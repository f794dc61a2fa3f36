"""As `test_op_against_torch`, for what moves, cuts, picks, writes and repeats along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.drawing import Call, Draw, StepsOf, assert_as_torch, index, paired, reducing


def whole(function: Callable[..., Any], most: int = 4) -> Callable[[Draw], Call]:
    """A call without arguments."""
    return lambda draw: (function, (draw.tensor(0, most),))


def in_plane(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call that takes two axes."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        return function, (x, draw.axis(x), draw.axis(x))

    return call


def counted(function: Callable[..., Any], *others: Any) -> Callable[[Draw], Call]:
    """A call that takes a number, and an axis."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        return function, (x, draw.upto(5, -1), draw.axis(x), *others)

    return call


def parts(draw: Draw) -> int | tuple[int, ...]:
    """How many pieces, or where to cut."""
    places = tuple(draw.upto(4, -4) for _ in range(draw.upto(3)))
    return draw.upto(4, -1) if draw.of(True, False) else places


def split_by_name(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    return lambda draw: (function, (draw.tensor(), parts(draw)))


def split_anywhere(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.tensor_split, (x, parts(draw), draw.axis(x))


def permuted(draw: Draw) -> Call:
    x = draw.tensor()
    order = [draw.of(at, at, at, draw.upto(3, -4)) for at in range(x.dim())]
    return torch.permute, (x, tuple(draw.of(order, order, order[1:])))


def moved(draw: Draw) -> Call:
    x, count = draw.tensor(), draw.upto(3)
    places = draw.of(count, count, draw.upto(3))
    axes = [tuple(draw.axis(x) for _ in range(many)) for many in (count, places)]
    return torch.movedim, (x, *axes)


def flipped(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.flip, (x, tuple(draw.axis(x) for _ in range(draw.upto(3))))


def rolled(draw: Draw) -> Call:
    x, count = draw.tensor(), draw.upto(2, 1)
    shifts = tuple(draw.upto(3, -3) for _ in range(draw.of(count, count, 1)))
    return torch.roll, (x, shifts, tuple(draw.axis(x) for _ in range(count)))


def turned(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.rot90, (x, draw.upto(3), draw.of((0, 1), (draw.axis(x), draw.axis(x))))


def diagonal(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.diagonal, (x, draw.upto(2, -2), draw.axis(x), draw.axis(x))


def unsqueezed(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.unsqueeze, (x, draw.upto(x.dim() + 1, -x.dim() - 2))


def picked_by_list(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.index_select, (x, draw.axis(x), index(draw.shape(0, 2)))


def filled(draw: Draw) -> Tensor:
    """Not empty: of nothing, the values of an index alone decide."""
    return torch.rand([size or 2 for size in draw.shape()])


def taken_along(draw: Draw) -> Call:
    x = filled(draw)
    return torch.take_along_dim, (x, index(draw.like(x.shape)), draw.axis(x))


def scattered(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = filled(draw)
        places = index(draw.like(x.shape))
        return function, (x, draw.axis(x), places, torch.rand(draw.like(places.shape)))

    return call


def written_by_list(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x, count = filled(draw), draw.size()
        at, sizes = draw.axis(x), list(x.shape)
        if -len(sizes) <= at < len(sizes):
            sizes[at] = count
        places = index(draw.of((count,), (count,), (), (draw.size(),), (1, count)))
        return function, (x, at, places, torch.rand(draw.like(sizes)))

    return call


def written_slice(draw: Draw) -> Call:
    x = draw.tensor()
    at, sizes = draw.axis(x), list(x.shape)
    if -len(sizes) <= at < len(sizes):
        del sizes[at]
    return torch.select_scatter, (x, torch.rand(draw.like(sizes)), at, draw.upto(3, -3))


def chosen(draw: Draw) -> Call:
    x = draw.tensor()
    condition = torch.rand(draw.like(x.shape)) > 0.5
    return torch.where, (condition, x, torch.rand(draw.like(x.shape)))


def tiled(draw: Draw) -> Call:
    return torch.tile, (draw.tensor(), tuple(draw.upto(2, -1) for _ in range(draw.upto(4))))


def interleaved(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.repeat_interleave, (x, draw.upto(3, -1), draw.axis(x))


def measured(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call along one axis, that keeps it or not."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        return function, (x, draw.axis(x), draw.of(True, False))

    return call


CALLS: dict[str, Callable[[Draw], Call]] = {
    "permute": permuted,
    "transpose": in_plane(torch.transpose),
    "movedim": moved,
    "unsqueeze": unsqueezed,
    "flip": flipped,
    "fliplr": whole(torch.fliplr),
    "flipud": whole(torch.flipud),
    "roll": rolled,
    "rot90": turned,
    "diagonal": diagonal,
    "tril": whole(torch.tril),
    "tensor_split": split_anywhere,
    "hsplit": split_by_name(torch.hsplit),
    "vsplit": split_by_name(torch.vsplit),
    "dsplit": split_by_name(torch.dsplit),
    "topk": counted(torch.topk),
    "kthvalue": counted(torch.kthvalue, True),
    "median": measured(torch.median),
    "nanmedian": measured(torch.nanmedian),
    "mode": measured(torch.mode),
    "min": measured(torch.min),
    "amin": reducing(torch.amin),
    "var": reducing(lambda x, dim, keepdim: torch.var(x, dim, keepdim=keepdim)),
    "index_select": picked_by_list,
    "take_along_dim": taken_along,
    "scatter": scattered(torch.scatter),
    "scatter_add": scattered(torch.scatter_add),
    "index_add": written_by_list(torch.index_add),
    "index_copy": written_by_list(torch.index_copy),
    "select_scatter": written_slice,
    "where": chosen,
    "tile": tiled,
    "repeat_interleave": interleaved,
    "expand_as": paired(torch.Tensor.expand_as),
    "meshgrid": paired(lambda x, y: torch.meshgrid(x, y, indexing="ij")),
    "channel_shuffle": lambda draw: (F.channel_shuffle, (draw.tensor(0, 5), draw.upto(3))),
}


@pytest.mark.parametrize("op", CALLS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_row_says_what_torch_does(op: str, steps_of: StepsOf, data: st.DataObject) -> None:
    assert_as_torch(op, CALLS[op](Draw(data)), steps_of)
