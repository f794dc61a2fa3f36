"""Steps made by torch itself: a function or a layer, run for real and written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from shapescope.analysis.step_check import check_step
from shapescope.capture.tracer import trace_model
from shapescope.trace import Step

StepsOf = Callable[..., tuple[Step, ...]]


class Calling(nn.Module):
    """A model whose forward is a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


@pytest.fixture(scope="session")
def steps_of() -> StepsOf:
    """Steps of a layer or a function: `steps_of(nn.ReLU(), x)`, `steps_of(lambda: F.relu(x))`."""

    def trace(
        what: Callable[..., Any], *args: Any, mode: str = "real", train: bool = False, **kwargs: Any
    ) -> tuple[Step, ...]:
        model = what if isinstance(what, nn.Module) else Calling(what)
        torch.manual_seed(0)
        traced = trace_model(model, (args, kwargs), mode=mode, train=train)
        return traced.trace.steps

    return trace


@pytest.fixture(scope="session")
def step_of(steps_of: StepsOf) -> Callable[..., Step]:
    """The last step that is no module that was opened."""

    def last(*args: Any, **kwargs: Any) -> Step:
        return [step for step in steps_of(*args, **kwargs) if step.op != "module"][-1]

    return last


@pytest.fixture(scope="session")
def assert_matches(step_of: Callable[..., Step]) -> Callable[[str, Callable[[], Any]], None]:
    """A call of torch is a step of this op, and has the shape that the op's rule gives."""

    def check(op: str, call: Callable[[], Any]) -> None:
        step = step_of(call)
        result = check_step(step)
        assert step.op == op
        assert (result.status, result.expected) == ("match", step.outputs[0].shape), step

    return check
