"""Where the batch axis goes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shapescope.analysis.batch import flowing, suspicions, walk_batch
from shapescope.analysis.batch.layout import Axis, Factor, batch, plain, regroup
from shapescope.capture.inputs import parse_inputs
from shapescope.capture.tracer import trace_model


def events(module: nn.Module, *inputs: str) -> list[str]:
    trace = trace_model(module, parse_inputs(inputs)).trace
    walk = walk_batch(trace)
    assert walk is not None
    return [event.kind for event in walk.events]


class Call(nn.Module):
    """A module whose forward is one expression."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.code = compile(text, "<expression>", "eval")
        self.table = nn.Parameter(torch.zeros(50, 1, 6))

    def forward(self, x: Tensor) -> object:
        return eval(self.code, {"torch": torch, "x": x, "self": self})  # noqa: S307


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("x.flatten(1)", []),
        ("x.transpose(1, 2).softmax(-1)", []),
        ("x.view(x.size(0) * x.size(1), 6).view(x.size(0), x.size(1), 6)", ["folded"]),
        ("x.view(-1, 6)", ["folded"]),
        ("x.flatten()", ["swallowed"]),
        ("x.softmax(0)", ["read-across"]),
        ("x.mean(0)", ["reduced"]),
        ("x[-1]", ["picked"]),
        ("x[:, -1]", []),
        ("torch.cat([x, x], 0)", ["joined"]),
        ("torch.cat([x, x], 1)", []),
        ("torch.cat([x, x], 0).chunk(2)[0]", ["joined"]),
        ("x + self.table[:x.size(0)]", ["indexed"]),
        ("x + torch.zeros(x.size(0), 1, 6)", []),
        ("x.view(x.size(1), x.size(0), 6)", ["scrambled"]),
        ("x - x.mean(0, keepdim=True)", ["reduced"]),
        ("x[:, :0].reshape(x.size(0), 0, 3, 2)", []),
    ],
)
def test_what_a_step_does_to_the_batch(text: str, kinds: list[str]) -> None:
    assert events(Call(text), "5,4,6") == kinds


@pytest.mark.parametrize("first", [True, False])
def test_recurrence_along_the_batch(first: bool) -> None:
    lstm = nn.Sequential(nn.LSTM(6, 3, batch_first=first))
    assert events(lstm, "5,4,6") == ([] if first else ["read-across"])


def test_a_fold_that_is_undone_leaves_nothing_open() -> None:
    call = Call("x.reshape(-1, 6).relu().reshape(x.size(0), x.size(1), 6)")
    trace = trace_model(call, parse_inputs(["5,4,6"])).trace
    walk = walk_batch(trace)
    assert walk is not None
    assert suspicions(trace, walk) == frozenset()


@given(st.integers(2, 7), st.lists(st.integers(1, 5), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_regroup_keeps_the_batch_apart(size: int, rest: list[int]) -> None:
    """Flattening and its way back give the batch its own axis again, whatever the sizes."""
    axes = (batch(size), *map(plain, rest))
    total = 1
    for one in rest:
        total *= one
    folded = regroup(axes, (size, total))
    assert folded is not None
    assert folded[0].is_batch
    again = regroup(folded, (size, *rest))
    assert again is not None
    assert again[0].is_batch
    assert [axis.size for axis in again] == [size, *rest]


def test_a_batch_is_never_cut() -> None:
    assert regroup((batch(6), plain(4)), (3, 8)) is None


def test_an_axis_of_several_factors() -> None:
    axis = Axis((Factor(5, True), Factor(3)))
    assert axis.size == 15
    assert axis.has_batch
    assert not axis.is_batch


def test_a_block_like_another_is_followed_once() -> None:
    missed = []
    for count in (2, 6):
        flowing._placed.cache_clear()
        blocks = (nn.Conv1d(4, 4, 3, padding=1) for _ in range(count))
        assert events(nn.Sequential(*blocks), "5,4,6") == []
        missed.append(flowing._placed.cache_info().misses)
    assert missed[0] == missed[1] <= 2
