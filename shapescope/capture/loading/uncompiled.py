"""Keeps the compilers away while code of the user's runs: a trace is made of what they compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from shapescope.turns import one_at_a_time

__all__ = ["uncompiled"]


@contextmanager
def uncompiled() -> Iterator[None]:
    """While inside, compiling, scripting and tracing give back what they were given.

    They promise to compute the same. Compiling takes many seconds, scripting fails on meta, and
    what comes out does not tell its layers. Classes are scripted as asked; a class of modules that
    scripts its methods is one of plain modules.
    """
    with one_at_a_time():
        yield from _replaced()


def _replaced() -> Iterator[None]:
    program: Any = torch
    before = program.jit.script

    def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
        return before(obj, *args, **kwargs) if isinstance(obj, type) else obj

    instead = {
        (program, "compile"): _as_it_is,
        (program.jit, "script"): script,
        (program.jit, "trace"): _untraced,
        (program.jit, "script_method"): _method,
        (program.jit, "ScriptModule"): _ScriptModule,
    }
    found = {(place, name): getattr(place, name) for place, name in instead}
    _put(instead)
    try:
        yield
    finally:
        _put(found)


def _put(values: dict[tuple[Any, str], Any]) -> None:
    for (place, name), value in values.items():
        setattr(place, name, value)


_SCRIPTED = torch.jit.ScriptModule


class _InstancesOfScripts(type):
    """Lets what was scripted elsewhere still be told by asking for its class."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls is _ScriptModule:
            return isinstance(instance, _SCRIPTED)
        return super().__instancecheck__(instance)


class _ScriptModule(nn.Module, metaclass=_InstancesOfScripts):
    """What stands for `torch.jit.ScriptModule` as a base class."""


def _as_it_is(model: Callable[..., Any] | None = None, **_: Any) -> Any:
    """`torch.compile`, as a function and as a decorator with or without settings."""
    return _as_it_is if model is None else model


def _untraced(func: Any, *_: Any, **__: Any) -> Any:
    return func


def _method(fn: Any, *_: Any, **__: Any) -> Any:
    return fn
