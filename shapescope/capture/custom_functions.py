"""Custom autograd Functions: each `apply` as one step, which nothing else would see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

from shapescope.capture.called import Called
from shapescope.ops import lookup, snake_case

__all__ = ["applied_as_steps"]

Call: TypeAlias = Callable[[Called, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""Runs a function as one step."""


@contextmanager
def applied_as_steps(call: Call, is_inside: Callable[[], bool]) -> Iterator[None]:
    """Run each custom Function through `call`, unless `is_inside` says it belongs to a step."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        run = original.__get__(None, cls)
        # Checkpointing only calls what it was given: that is opened.
        if is_inside() or cls.__module__ == "torch.utils.checkpoint":
            return run(*args, **kwargs)
        name = snake_case(cls.__name__)
        return call(Called(name, lookup(name), False, False), run, args, kwargs)

    torch.autograd.Function.apply = classmethod(apply)
    try:
        yield
    finally:
        torch.autograd.Function.apply = original
