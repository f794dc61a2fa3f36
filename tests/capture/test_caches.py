"""What a model's code keeps in caches: it neither disturbs later passes nor stays behind."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shapescope
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.untouched.caches import caches_of
from shapescope.diagnostic import ShapescopeError
from shapescope.session import trace_any
from shapescope.sizing import valid_sizes
from shapescope.trace import verify

SIZE = (2, 5, 8)
SPECS = parse_inputs(["2,5,8"])


@functools.lru_cache(maxsize=4)
def bounded(length: int) -> Tensor:
    return torch.randn(length, 8)


@functools.cache
def endless(length: int) -> Tensor:
    return torch.randn(length, 8)


@functools.cache
def count(length: int) -> list[int]:
    return [length]


def through(length: int) -> Tensor:
    return endless(length) * len(count(length))


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(x + self.table(x.shape[1]))
        return out

    def table(self, length: int) -> Tensor:
        return bounded(length)


class Through(Base):
    def table(self, length: int) -> Tensor:
        return through(length)


class Method(Base):
    @functools.lru_cache(maxsize=2)  # noqa: B019 - as people write it
    def table(self, length: int) -> Tensor:
        return torch.randn(length, 8)


class Static(Base):
    @staticmethod
    @functools.cache
    def table(length: int) -> Tensor:
        return torch.randn(length, 8)


def _symbolic(model: nn.Module) -> None:
    # Open sizes of torch's are no keys of a cache; ours are.
    with contextlib.suppress(ShapescopeError):
        trace_any(model, SPECS, mode="symbolic")


TOOLS: dict[str, Any] = {
    "auto": lambda model: shapescope.trace(model, SIZE),
    "fake": lambda model: trace_any(model, SPECS, mode="fake"),
    "symbolic": lambda model: _symbolic(model),
    "sizes": lambda model: valid_sizes(model, SPECS),
    "peers": lambda model: trace_any(model, SPECS, peers=True),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("kind", [Base, Through, Method, Static])
def test_a_cache_keeps_no_tensor_of_a_trace(kind: type[Base], tool: str) -> None:
    bounded.cache_clear()
    endless.cache_clear()
    count.cache_clear()
    model = kind()
    TOOLS[tool](model)
    table = model.table(5)
    assert type(table) is Tensor
    assert table.device.type == "cpu"
    assert type(count(5)[0]) is int
    assert model(torch.randn(SIZE)).shape == SIZE


def test_what_the_user_had_cached_stays() -> None:
    model, kept, plain = Through(), endless(5), count(5)
    result = shapescope.trace(model, SIZE)
    assert result.trace.failure is None
    assert endless(5) is kept
    assert count(5) is plain


def test_a_cache_without_tensors_is_left_alone() -> None:
    model = Through()
    count.cache_clear()
    shapescope.trace(model, SIZE)
    assert count.cache_info().currsize == 1


def test_caches_are_found_through_functions_and_methods() -> None:
    assert set(caches_of([Base, Through])) == {bounded, endless, count}
    assert caches_of([nn.Conv2d]) == []


class Keeper:
    """Keeps a tensor where nothing is put back from."""

    __slots__ = ("tensor",)
    tensor: Tensor


KEEPER = Keeper()


class Keeps(Base):
    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(KEEPER, "tensor"):
            KEEPER.tensor = self.fc(x[0]).detach()
            return super().forward(x)
        out: Tensor = self.fc(x + KEEPER.tensor)
        return out


def test_a_tensor_of_an_earlier_pass_comes_from_no_step() -> None:
    model = Keeps()
    first = trace_any(model, SPECS, mode="real").trace
    second = trace_any(model, SPECS, mode="real").trace
    verify(first)
    verify(second)
    add = next(step for step in second.steps if step.op == "add")
    assert add.sources == ()
    assert [spec.name for spec in add.inputs] == ["x", "constant"]


FILE = """
import functools
import torch
from torch import nn

TABLES = {}


def table(length):
    if length not in TABLES:
        TABLES[length] = torch.randn(length, 8)
    return TABLES[length]


@functools.lru_cache
def cached(length):
    return torch.randn(length, 8)


class Global(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        x = self.fc(x + self.table(x.shape[1]))
        return x if x.sum().item() < 1e9 else x + 1

    def table(self, length):
        return table(length)


class OfTheClass(Global):
    tables = {}

    def table(self, length):
        if length not in self.tables:
            self.tables[length] = torch.randn(length, 8)
        return self.tables[length]


class Cached(Global):
    def table(self, length):
        return cached(length)


class Constructed(Global):
    def __init__(self):
        super().__init__()
        self.register_buffer("positions", cached(5))

    def table(self, length):
        return self.positions
"""


@pytest.mark.parametrize("name", ["Global", "OfTheClass", "Cached", "Constructed"])
def test_real_tensors_meet_none_of_the_pass_on_meta(name: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(FILE)
    result = trace_any(load(f"{file}:{name}"), SPECS)
    assert result.trace.failure is None
    assert result.trace.mode == "real"
    assert result.diagnostics == ()
