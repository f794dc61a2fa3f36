"""Traces of the models that pictures are tested with, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from shapescope.result import TraceResult
from shapescope.trace import Trace


@cache
def _result(model: str, inputs: tuple[str, ...]) -> TraceResult:
    from shapescope.session import Request, run_trace

    return run_trace(Request(model, inputs))


@pytest.fixture(scope="session")
def result_of() -> Callable[..., TraceResult]:
    """A model by name, traced once for all tests."""
    return lambda model, *inputs: _result(model, inputs)


@pytest.fixture(scope="session")
def trace_of() -> Callable[..., Trace]:
    """The trace alone."""
    return lambda model, *inputs: _result(model, inputs).trace
