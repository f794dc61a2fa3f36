"""What a model's code keeps by `functools.lru_cache` and `functools.cache`: tables of positions.

A pass on meta would leave a tensor without values in such a cache, for the pass on real tensors
that follows, and for the user's own model after the trace.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import torch

from shapescope.capture.code_objects import codes_of
from shapescope.capture.source import is_library_file, is_user_code
from shapescope.capture.tensors import tensors_of

__all__ = ["caches_in", "caches_of", "caches_stay", "is_installed", "is_torchs", "names_in"]

Cache: TypeAlias = "_lru_cache_wrapper[Any]"

_DEEPEST = 4
"""How many functions deep a cache is looked for."""


@contextmanager
def caches_stay(caches: Iterable[Cache]) -> Iterator[None]:
    """Empty, in the end, each cache that took tensors in: what it held is made anew."""
    before = [(cache, cache.cache_info().misses) for cache in caches]
    try:
        yield
    finally:
        for cache, misses in before:
            if cache.cache_info().misses != misses and _is_touched(cache):
                cache.cache_clear()


def caches_of(kinds: Iterable[type]) -> list[Cache]:
    """The caches that these classes can reach, each once."""
    found = [cache for kind in kinds for cache in _of_class(kind)]
    return list({id(cache): cache for cache in found}.values())


def caches_in(file: types.ModuleType) -> list[Cache]:
    """The caches that classes and functions of a file can reach, each once."""
    search = _Search()
    for value in list(vars(file).values()):
        members = vars(value).values() if isinstance(value, type) else [value]
        for member in members:
            search.look(_function_of(member), 0)
    return search.found


def _of_class(kind: type) -> Sequence[Cache]:
    known = _OF_INSTALLED.get(kind)
    if known is not None:
        return known
    search = _Search()
    for value in vars(kind).values():
        search.look(_function_of(value), 0)
    if is_installed(kind):
        _OF_INSTALLED[kind] = search.found
    return search.found


_OF_INSTALLED: WeakKeyDictionary[type, list[Cache]] = WeakKeyDictionary()
"""Code of packages stays as it is; the user's own may be another at the next pass."""


def is_torchs(kind: type) -> bool:
    """Whether a class is one of torch's, or what all classes come from."""
    return kind is object or kind.__module__.partition(".")[0] == "torch"


def is_installed(kind: type) -> bool:
    """Whether a class is part of an installed package."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and is_library_file(file)


def _function_of(value: Any) -> Any:
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    return value.fget if isinstance(value, property) else value


class _Search:
    """Follows functions to what they close over and look up, each once."""

    def __init__(self) -> None:
        self.found: list[Cache] = []
        self._seen: set[int] = set()

    def look(self, value: Any, depth: int) -> None:
        """Note a cache; look into a function of the model's code."""
        if not isinstance(value, _lru_cache_wrapper | types.FunctionType):
            return
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, _lru_cache_wrapper):
            self.found.append(value)
            self.look(getattr(value, "__wrapped__", None), depth)
        elif depth <= _DEEPEST and is_user_code(value.__code__):
            self._inside(value, depth + 1)

    def _inside(self, function: types.FunctionType, depth: int) -> None:
        for cell in function.__closure__ or ():
            try:
                self.look(cell.cell_contents, depth)
            except ValueError:  # the name was never given a value
                continue
        known = function.__globals__
        names = names_in(function.__code__)
        for name in names:
            value = known.get(name)
            if type(value) is types.ModuleType and value.__name__.partition(".")[0] != "torch":
                for attribute in names:
                    self.look(vars(value).get(attribute), depth)
            else:
                self.look(value, depth)


@lru_cache(maxsize=4096)
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """The names that a function and those written in it look up or assign outside."""
    names = [name for one in codes_of(code) for name in one.co_names]
    return tuple(name for name in names if not name.startswith("__"))


def _is_touched(cache: Cache) -> bool:
    """Whether a tensor, or a size that is open, is what a cache was asked with or hands out."""
    return any(map(_is_of_a_pass, gc.get_referents(cache)))


def _is_of_a_pass(held: Any) -> bool:
    parts = [held]
    if isinstance(held, list | tuple | set):
        parts += held
    elif type(held) is dict:
        parts += [*held.keys(), *held.values()]
    odd = any(isinstance(it, int | torch.SymInt) and type(it) not in (int, bool) for it in parts)
    return odd or bool(tensors_of(held))
