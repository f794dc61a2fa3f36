"""The walk through the modules of a model, against torch's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from shapescope.capture.module_tree import modules_of, named_modules_of


class Shared(nn.Module):
    """A layer under two names, one of them deeper; and a name without a module."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.Linear(2, 2)
        self.block = nn.Sequential(nn.Sequential(nn.ReLU(), layer), nn.Tanh())
        self.again = layer
        self.nothing = None
        self.register_module("empty", None)
        self.last = nn.ModuleDict({"a": nn.Dropout(), "b": self.block})


class TellsItself(nn.Sequential):
    """A container that shows its modules under names of its own."""

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        yield from ((f"own.{name}", module) for name, module in super().named_modules())


@pytest.mark.parametrize(
    "model",
    [
        Shared(),
        nn.ReLU(),
        nn.Sequential(TellsItself(nn.ReLU()), nn.Tanh()),
        nn.TransformerEncoderLayer(8, 2, 16),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_it_is_what_torch_gives(model: nn.Module) -> None:
    expected = list(model.named_modules())
    found = named_modules_of(model)
    assert [path for path, _ in found] == [path for path, _ in expected]
    assert all(a is b for (_, a), (_, b) in zip(found, expected, strict=True))
    assert modules_of(model) == [module for _, module in expected]


@pytest.mark.filterwarnings("ignore")
def test_a_scripted_model_is_walked_too() -> None:
    model = torch.jit.script(nn.Sequential(nn.Sequential(nn.ReLU()), nn.Linear(2, 2)))
    assert [path for path, _ in named_modules_of(model)] == ["", "0", "0.0", "1"]


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    model: nn.Module = nn.ReLU()
    for _ in range(3_000):
        model = nn.Sequential(model)
    assert len(named_modules_of(model)) == 3_001
