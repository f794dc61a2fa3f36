"""Whether a forward takes derivatives by itself: forces of an energy, residuals of an equation.

Such a forward runs only where gradients are recorded, whatever mode the model is in. All others are
traced without, as they are used once they are trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import nn

from shapescope.capture.code_objects import codes_of

__all__ = ["takes_derivatives"]

_TAKING: tuple[Any, ...] = (torch.autograd.grad, torch.autograd.backward)
_MODULES: tuple[Any, ...] = (torch, torch.autograd)


def takes_derivatives(modules: Iterable[nn.Module]) -> bool:
    """Whether the forward of one of a model's modules asks for gradients.

    Read from its code, and from that of the user's methods and functions that it calls.
    """
    kinds: set[Any] = set(map(type, modules))
    return any(map(_asks, kinds))


@lru_cache(maxsize=1024)
def _asks(kind: Any) -> bool:
    """The same for the forward of one class."""
    # A class that TorchScript made has none.
    waiting: list[Any] = [getattr(kind, "forward", None)]
    seen: set[CodeType] = set()
    while waiting:
        function = _plain(waiting.pop())
        if function is None or function.__code__ in seen or _is_torchs(function.__module__):
            continue
        seen.add(function.__code__)
        for code in codes_of(function.__code__):
            known = [function.__globals__.get(name) for name in code.co_names]
            if any(one is taking for one in known for taking in _TAKING):
                return True
            inside_torch = any(one is of for one in known for of in _MODULES)
            if "grad" in code.co_names and "autograd" in code.co_names and inside_torch:
                return True
            if "grad" in code.co_names and any(one is torch.autograd for one in known):
                return True
            if "backward" in code.co_names and not hasattr(kind, "backward"):
                return True
            waiting += known
            waiting += [getattr(kind, name, None) for name in code.co_names]
    return False


def _plain(function: Any) -> FunctionType | None:
    """The function below a method, a property or what a decorator left."""
    function = function.fget if isinstance(function, property) else function
    function = getattr(function, "__func__", function)
    while isinstance(getattr(function, "__wrapped__", None), FunctionType):
        function = function.__wrapped__
    return function if isinstance(function, FunctionType) else None


def _is_torchs(name: str | None) -> bool:
    return (name or "").partition(".")[0] == "torch"
