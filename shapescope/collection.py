"""Garbage collection waits while a model is traced.

A trace makes many small objects that all stay, and next to no garbage. The collector, which looks
at everything there is whenever there is a quarter more, would take a fifth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["collection_waits"]

P = ParamSpec("P")
R = TypeVar("R")


class collection_waits:  # noqa: N801 - used as the managers of `contextlib` are
    """While inside, cycles are not collected; afterwards they are, if they were before.

    A decorator too: each call then has one of its own, as threads may overlap.
    """

    def __enter__(self) -> None:
        self._before = gc.isenabled()
        gc.disable()

    def __exit__(self, *exception: object) -> None:
        if self._before:
            gc.enable()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, inside at every call."""

        @wraps(function)
        def waiting(*args: P.args, **kwargs: P.kwargs) -> R:
            with collection_waits():
                return function(*args, **kwargs)

        return waiting
