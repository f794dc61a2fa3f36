"""Results to draw: real ones, traced once, and ones made by hand for what no real model has."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from shapescope.attrs import ModuleAttrs
from shapescope.result import TraceResult
from shapescope.trace import ParamSpec, Step, TensorSpec, Trace

MakeResult = Callable[..., TraceResult]


@cache
def _traced(model: str, *inputs: str) -> TraceResult:
    from shapescope.session import Request, run_trace

    return run_trace(Request(model, inputs))


@pytest.fixture
def traced() -> Callable[..., TraceResult]:
    """Trace a model by name; the same request gives the same result."""
    return _traced


@pytest.fixture
def network() -> TraceResult:
    """The network whose pools are function calls."""
    return _traced("network")


@pytest.fixture
def broken() -> TraceResult:
    """LeNet-5 fed 28 x 28: it fails at `fc`."""
    return _traced("lenet5", "1,1,28,28")


@pytest.fixture
def chain() -> Callable[..., Trace]:
    """A trace of relu steps inside modules with the names given, as deep as there are names."""

    def make(*names: str, count: int = 1, input_name: str = "x") -> Trace:
        spec = TensorSpec((1, 4))
        steps = [Step(0, "", "module", "module", None, (), (), (spec,), ModuleAttrs("Net"))]
        for name in names:
            parent = steps[-1]
            path = f"{parent.path}.{name}".lstrip(".")
            steps.append(
                Step(len(steps), path, "module", "module", parent.index, (), (), (spec,),
                     ModuleAttrs(name))
            )  # fmt: skip
        parent = steps[-1]
        for number in range(count):
            source = () if number == 0 else (steps[-1].index,)
            before = TensorSpec((1, 4), name=input_name) if number == 0 else spec
            steps.append(
                Step(len(steps), f"{parent.path}.{number}".lstrip("."), "relu", "module",
                     parent.index, source, (before,), (spec,))
            )  # fmt: skip
        inputs = (TensorSpec((1, 4), name=input_name),)
        return Trace("Net", "meta", inputs, tuple(steps), (spec,))

    return make


@pytest.fixture
def weighted() -> Callable[..., Trace]:
    """A trace of one linear step with parameters of the names and keys given."""

    def make(*params: tuple[str, str, tuple[int, ...]]) -> Trace:
        specs = tuple(ParamSpec(name, shape, "float32", True, key) for name, key, shape in params)
        step = Step(0, "fc", "linear", "module", None, (), (TensorSpec((1, 4), name="x"),),
                    (TensorSpec((1, 3)),), params=specs)  # fmt: skip
        return Trace("Net", "meta", step.inputs, (step,), step.outputs, params=specs)

    return make
