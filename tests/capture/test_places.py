"""The names of input tensors that stand in tuples, dicts and fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from shapescope.api import trace
from shapescope.capture.tensors import placed_tensors, tensors_in
from shapescope.sizing import valid_sizes


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Held:
    ids: Tensor
    more: Any = None


ONE, TWO, THREE = torch.zeros(1), torch.zeros(2), torch.zeros(3)

CASES = [
    (ONE, ["x"]),
    ([ONE, TWO], ["x", "x.1"]),
    ((ONE, (TWO, THREE)), ["x", "x.1", "x.2"]),
    ({"ids": ONE, "mask": TWO}, ["x.ids", "x.mask"]),
    (Pair(ONE, TWO), ["x.left", "x.right"]),
    (Pair([ONE, TWO], {"a": THREE}), ["x.left", "x.left.1", "x.right"]),
    (Held(ONE, Held(TWO)), ["x.ids", "x.more"]),
    (Held(ONE, "no tensor"), ["x"]),
]


@pytest.mark.parametrize(("value", "names"), CASES)
def test_every_tensor_has_its_place(value: Any, names: list[str]) -> None:
    placed = list(placed_tensors(value, "x"))
    assert [name for name, _ in placed] == names
    assert [id(tensor) for _, tensor in placed] == [id(tensor) for tensor in tensors_in(value)]


class Adds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, pair: Pair) -> Tensor:
        made: Tensor = self.fc(pair.left) + self.fc(pair.right)
        return made


def test_fields_are_named_in_traces_and_sizes() -> None:
    pair = Pair(torch.zeros(3, 4), torch.zeros(3, 4))
    inputs = trace(Adds(), input_data=(pair,)).trace.inputs
    assert [spec.name for spec in inputs] == ["pair.left", "pair.right"]
    assert valid_sizes(Adds(), ((pair,), {})).inputs == inputs
