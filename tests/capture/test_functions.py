"""Functions that a model keeps: in a copy they reach the copy, never the user's own model."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapescope.capture.tracer import trace_model
from shapescope.capture.untouched.copies import meta_copy, real_copy


class Kept(nn.Module):
    """Calls its layer through a function among its attributes."""

    function: Callable[[Tensor], Tensor]

    def __init__(self, keep: Callable[[nn.Module], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.function = keep(self.layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def closing_over(layer: nn.Module) -> Any:
    return lambda x: layer(x)


def with_a_default(layer: nn.Module) -> Any:
    return lambda x, layer=layer: layer(x)


def with_a_keyword(layer: nn.Module) -> Any:
    return lambda x, *, layer=layer: layer(x)


def through_another(layer: nn.Module) -> Any:
    inner = closing_over(layer)
    return lambda x: inner(x).relu()


def through_a_method(layer: nn.Module) -> Any:
    run = layer.forward
    return lambda x: run(x)


def through_a_global(layer: nn.Module) -> Any:
    return types.FunctionType(_by_name.__code__, {"the_layer": layer, "F": F})


def _by_name(x: Tensor) -> Tensor:
    return F.relu(the_layer(x))  # type: ignore[name-defined]  # noqa: F821


WAYS = [
    closing_over, with_a_default, with_a_keyword, through_another, through_a_method,
    through_a_global,
]  # fmt: skip


@pytest.mark.parametrize("keep", WAYS)
@pytest.mark.parametrize("copier", [meta_copy, real_copy])
def test_a_function_kept_by_a_model_runs_the_copys_layers(keep: Any, copier: Any) -> None:
    model = Kept(keep)
    mine = copier(model)
    called: list[str] = []
    model.layer.forward = lambda x: called.append("the user's") or x  # type: ignore[assignment, func-returns-value]
    device = next(mine.parameters()).device
    assert mine(torch.zeros(2, 4, device=device)).shape == (2, 3)
    assert called == []


@pytest.mark.parametrize("keep", [closing_over, with_a_default, through_another, through_a_global])
def test_the_layers_behind_a_function_are_steps(keep: Any) -> None:
    traced = trace_model(Kept(keep), ((torch.zeros(2, 4),), {}))
    assert traced.trace.mode == "meta"
    assert [step.path for step in traced.trace.steps if step.op == "linear"] == ["layer"]


def test_functions_in_containers_and_forwards_put_in_place() -> None:
    model: Any = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    first = model[0]
    model.kept = {"first": lambda x: first(x)}
    model.forward = lambda x: model[1](model.kept["first"](x))
    mine = meta_copy(model)
    assert mine(torch.zeros(2, 4, device="meta")).shape == (2, 2)


def test_a_function_that_reaches_nothing_of_the_model_is_shared() -> None:
    model = Kept(lambda layer: F.relu)
    model.function = torch.relu
    mine: Any = meta_copy(model)
    assert mine.function is torch.relu


@pytest.mark.skipif(
    not hasattr(torch.compiler, "set_stance"), reason="up to torch 2.5 a trace compiles"
)
def test_what_was_compiled_is_not_compiled_for_a_trace() -> None:
    compiled: list[str] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append("graph")
        return graph.forward

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.compile(nn.Conv2d(3, 4, 3), backend=backend)
            self.head = nn.Linear(4, 2)

        @torch.compile(backend=backend)
        def pool(self, x: Tensor) -> Tensor:
            return x.mean((2, 3))

        def forward(self, x: Tensor) -> Any:
            return self.head(self.pool(self.stem(x)))

    model = Net()
    trace = trace_model(model, ((torch.zeros(2, 3, 8, 8),), {})).trace
    assert compiled == []
    assert [step.op for step in trace.steps if step.op != "module"] == ["conv2d", "mean", "linear"]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the compiler itself has to warn of
        model(torch.zeros(2, 3, 8, 8))
    assert compiled  # the user's own call compiles as before
