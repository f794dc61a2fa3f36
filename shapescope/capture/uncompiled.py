"""Keeps the compilers away while code of the user's runs: a trace is made of what they compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from shapescope.turns import one_at_a_time

__all__ = ["uncompiled"]


@contextmanager
def uncompiled() -> Iterator[None]:
    """While inside, compiling, scripting and tracing give back what they were given.

    They promise to compute the same. Compiling takes many seconds, scripting fails on meta, and
    what comes out does not tell its layers. Classes are scripted as asked.
    """
    with one_at_a_time():
        yield from _replaced()


def _replaced() -> Iterator[None]:
    program: Any = torch
    before = program.compile, program.jit.script, program.jit.trace, program.jit.script_method

    def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
        return before[1](obj, *args, **kwargs) if isinstance(obj, type) else obj

    program.compile, program.jit.script = _as_it_is, script
    program.jit.trace, program.jit.script_method = _untraced, _method
    try:
        yield
    finally:
        (program.compile, program.jit.script, program.jit.trace, program.jit.script_method) = before


def _as_it_is(model: Callable[..., Any] | None = None, **_: Any) -> Any:
    """`torch.compile`, as a function and as a decorator with or without settings."""
    return _as_it_is if model is None else model


def _untraced(func: Any, *_: Any, **__: Any) -> Any:
    return func


def _method(fn: Any, *_: Any, **__: Any) -> Any:
    return fn
