"""Keeps the compilers away while code of the user's runs: a trace is made of what they compile."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["uncompiled"]


@contextmanager
def uncompiled() -> Iterator[None]:
    """While inside, `torch.compile` gives back what it was given, and so does scripting a function.

    Both promise to compute the same. Compiling takes many seconds, and neither a compiled nor a
    scripted function tells what it does inside. Modules are scripted as asked.
    """
    program: Any = torch
    compile_, script = program.compile, program.jit.script

    def scripted(obj: Any, *args: Any, **kwargs: Any) -> Any:
        return obj if isinstance(obj, types.FunctionType) else script(obj, *args, **kwargs)

    program.compile, program.jit.script = _as_it_is, scripted
    try:
        yield
    finally:
        program.compile, program.jit.script = compile_, script


def _as_it_is(model: Callable[..., Any] | None = None, **_: Any) -> Any:
    """`torch.compile`, as a function and as a decorator with or without settings."""
    return _as_it_is if model is None else model
