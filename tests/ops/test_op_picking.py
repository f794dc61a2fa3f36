"""Ops that pick values by position, and factories: rule against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as _torch
import torch.nn.functional as _functional

torch: Any = _torch  # its own annotations leave half of this out
F: Any = _functional

AssertMatches = Callable[[str, Callable[[], Any]], None]


def rand(*shape: Any) -> Any:
    return torch.rand(*shape)


def ints(*shape: int, below: int = 2) -> Any:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % below


def bools(*shape: int) -> Any:
    return ints(*shape).bool()


CALLS: dict[str, list[Callable[[], Any]]] = {
    # picking
    "getitem": [
        lambda: rand(4, 5)[1],
        lambda: rand(4, 5)[:, 1:-1],
        lambda: rand(4, 5, 6)[..., ::2],
        lambda: rand(4, 5)[None, :, 0],
        lambda: rand(4, 5)[:, -1:],
        lambda: rand(4, 5, 6)[ints(3), :, ints(3)],
        lambda: rand(4, 5, 6)[:, ints(2, 3)],
        lambda: rand(4, 5, 6)[:, ints(2, 3), ints(3)],
        lambda: rand(4, 5, 6, 7)[:, ints(3), 0, ints(3)],
        lambda: rand(4, 5, 6)[[0, 1]],
        lambda: rand(4, 5, 6)[0, ..., None],
        lambda: rand(4, 5, 6)[ints(3), None, ints(3)],
        lambda: rand(4, 5)[torch.tensor(1)],
        lambda: rand(4, 5)[7:],
        lambda: rand(1, 4, 4)[:, 3:-3],
    ],
    "setitem": [lambda: _set(rand(3, 4))],
    "select": [lambda: rand(2, 3).select(1, 0), lambda: torch.select(rand(2, 3), -2, 1)],
    "narrow": [lambda: rand(2, 6).narrow(1, 2, 3), lambda: torch.narrow(rand(6), 0, -3, 2)],
    "index_select": [
        lambda: rand(4, 5).index_select(1, ints(3)),
        lambda: torch.index_select(rand(4, 5), 0, torch.tensor(1)),
    ],
    "gather": [lambda: rand(2, 3).gather(1, ints(2, 2)), lambda: torch.gather(rand(3), 0, ints(5))],
    "take": [lambda: torch.take(rand(2, 3), ints(4))],
    "take_along_dim": [
        lambda: torch.take_along_dim(rand(2, 3), ints(2, 2), 1),
        lambda: torch.take_along_dim(rand(2, 3), ints(1, 2), dim=1),
        lambda: torch.take_along_dim(rand(2, 3), ints(4)),
    ],
    "topk": [lambda: rand(2, 5).topk(3), lambda: torch.topk(rand(5, 2), 2, dim=0)],
    "sort": [lambda: rand(2, 3).sort(), lambda: torch.sort(rand(2, 3), dim=0, descending=True)],
    "argsort": [lambda: rand(2, 3).argsort(1)],
    "scatter": [lambda: torch.zeros(2, 3).scatter(1, ints(2, 2), rand(2, 2))],
    "scatter_add": [lambda: torch.zeros(2, 3).scatter_add_(1, ints(2, 2), rand(2, 2))],
    "index_add": [lambda: torch.zeros(3, 2).index_add_(0, ints(2), rand(2, 2))],
    "index_put": [lambda: torch.zeros(3).index_put((ints(2),), rand(2))],
    "masked_scatter": [lambda: rand(3).masked_scatter(bools(3), rand(3))],
    "one_hot": [lambda: F.one_hot(ints(2, 3), 5)],
    "where": [lambda: torch.where(bools(2, 1), rand(3), 0.0), lambda: rand(2).where(bools(2), 1.0)],
    # factories
    "zeros": [
        lambda: torch.zeros(2, 3),
        lambda: torch.zeros((2, 3)),
        lambda: torch.zeros(size=(2,)),
    ],
    "full": [lambda: torch.full((2, 3), 1.0)],
    "zeros_like": [lambda: torch.zeros_like(rand(2, 3))],
    "new_zeros": [lambda: rand(2).new_zeros(3, 4), lambda: rand(2).new_zeros((3,))],
    "new_full": [lambda: rand(2).new_full((3, 4), 1.0)],
    "arange": [
        lambda: torch.arange(5),
        lambda: torch.arange(2, 9, 3),
        lambda: torch.arange(0.0, 1.0, 0.3),
        lambda: torch.arange(end=4),
    ],
    "linspace": [lambda: torch.linspace(0, 1, 7), lambda: torch.linspace(0, 1, steps=3)],
    "eye": [lambda: torch.eye(3), lambda: torch.eye(3, 4)],
    "randperm": [lambda: torch.randperm(5)],
    "randint": [lambda: torch.randint(9, (2, 3)), lambda: torch.randint(0, 9, (4,))],
    "empty_permuted": [lambda: torch.empty_permuted((2, 3, 4), (0, 2, 1))],
    "hann_window": [lambda: torch.hann_window(8)],
    "tril_indices": [lambda: torch.tril_indices(4, 3, offset=-1)],
    "triu_indices": [lambda: torch.triu_indices(4, 3)],
}


def _set(tensor: Any) -> Any:
    tensor[:, 1:] = 0
    return tensor


CASES = [
    pytest.param(op, call, id=f"{op}-{number}")
    for op, calls in CALLS.items()
    for number, call in enumerate(calls)
]


@pytest.mark.parametrize(("op", "call"), CASES)
def test_picking(assert_matches: AssertMatches, op: str, call: Callable[[], Any]) -> None:
    assert_matches(op, call)
