"""Widths of arguments that the constructor of a model names: `state_dim` of `state`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from torch import nn

__all__ = ["widths_of"]

_LEAST = 3
_OF_WIDTHS = frozenset(
    {"dim", "dims", "size", "features", "feats", "channels", "units", "width", "len", "shape", "n"}
)


def widths_of(names: Sequence[str], module: nn.Module, whole: int) -> Iterator[tuple[int, ...]]:
    """The widths of arguments that are `whole` together, where the model names those it needs."""
    numbers = _numbers(module)
    found = [_width(name, numbers) for name in names]
    missing = [at for at, width in enumerate(found) if width is None]
    known = sum(width for width in found if width is not None)
    if len(missing) == 1 and len(found) > 1 and known < whole:
        found[missing[0]], known = whole - known, whole
    widths = tuple(width for width in found if width is not None)
    if len(widths) == len(found) and known == whole:
        yield widths


def _numbers(module: nn.Module) -> dict[str, int]:
    """The whole numbers that a model keeps, or that its constructor takes by itself."""
    try:
        parameters = inspect.signature(type(module).__init__).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    found = {name: it.default for name, it in parameters.items()} | module.__dict__
    return {name: value for name, value in found.items() if type(value) is int and value > 0}


def _width(name: str, numbers: dict[str, int]) -> int | None:
    """The number whose name speaks of the argument, where there is one alone."""
    words = [word for word in name.lower().split("_") if len(word) >= _LEAST]
    found = {
        value
        for key, value in numbers.items()
        for word in words
        if _speaks_of(key.lower().split("_"), word)
    }
    return found.pop() if len(found) == 1 else None


def _speaks_of(key: list[str], word: str) -> bool:
    """Whether one word of a name is the other's, perhaps cut short, and the rest means a width."""
    others = [it for it in key if not _alike(it, word)]
    return len(others) == len(key) - 1 and bool(others) and _OF_WIDTHS.issuperset(others)


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _LEAST and long.startswith(short)
