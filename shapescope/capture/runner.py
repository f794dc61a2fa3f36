"""How a recorder has torch run what becomes one step: a layer, or a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Runner(Protocol):
    """Runs one step."""

    def of_layer(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a leaf module gives."""

    def of_call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        repeats: bool,
    ) -> Any:
        """What a function gives; `repeats`: given the same once more, it gives the same."""


class PlainRunner:
    """Runs each step as it is."""

    def of_layer(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a leaf module gives."""
        return module._call_impl(*args, **kwargs)

    def of_call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        repeats: bool,
    ) -> Any:
        """What a function gives."""
        return function(*args, **kwargs)
