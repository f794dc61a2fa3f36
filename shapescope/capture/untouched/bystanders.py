"""What a live model's code changes beside the model: classes, globals, what its hooks write to.

A copy of the model keeps its own attributes apart, but its class, the names that its functions
look up in their file, and what its hooks close over or have as defaults are the user's own. A
hook that writes `activation[name] = output` into a dictionary of the notebook would leave tensors
of a trace there.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn

from shapescope.capture.module_tree import modules_of
from shapescope.capture.untouched.caches import (
    caches_of,
    caches_stay,
    is_installed,
    is_torchs,
    names_in,
)
from shapescope.capture.untouched.functions import HOOK_DICTS, has_hooks

_SEARCHED = 1_000
"""The most items of a container that are looked into; it is put back itself whatever its size."""

_DEEPEST = 4

_ABSENT = object()


@contextmanager
def bystanders_stay(modules: Sequence[nn.Module], *, installed: bool = True) -> Iterator[None]:
    """Put back, in the end, all that lies beside a model and its code can reach.

    Args:
        modules: all of a model that runs meanwhile.
        installed: also what classes of installed packages can reach. Of those only the caches are
            emptied where it is not asked for: they have the most code, and seldom keep more.
    """
    kept = _Kept()
    kinds = {base for own in set(map(type, modules)) for base in own.__mro__ if not is_torchs(base)}
    for kind in kinds:
        if installed or not is_installed(kind):
            kept.class_(kind)
    for module in modules:
        own = module.__dict__
        if has_hooks(own):
            for name in HOOK_DICTS:
                for hook in own.get(name, {}).values():
                    kept.value(hook)
    try:
        with caches_stay(caches_of(kinds)):
            yield
    finally:
        kept.put_back()


def bystanders_of(model: object) -> AbstractContextManager[None]:
    """The same for a live model; one that is loaded has its file to itself."""
    if isinstance(model, nn.Module):
        return bystanders_stay(modules_of(model))
    return nullcontext()


class _Kept:
    """Values as they were, and how each is put back."""

    def __init__(self) -> None:
        self._put_back: list[Callable[[], None]] = []
        # By identity, and kept alive, so that no other object gets the same one.
        self._known: dict[int, Any] = {}

    def put_back(self) -> None:
        """Make everything as it was."""
        for call in self._put_back:
            call()

    def class_(self, kind: type) -> None:
        """The attributes of a class of the user's, and what its methods reach."""
        for name, value in list(vars(kind).items()):
            if name.startswith("__") and name.endswith("__"):
                continue
            if isinstance(value, staticmethod | classmethod | property):
                self.value(value.fget if isinstance(value, property) else value.__func__)
            else:
                self.value(value)
        before = _settings(vars(kind))

        def restore() -> None:
            now = _settings(vars(kind))
            for name in now.keys() | before.keys():
                if name not in before:
                    delattr(kind, name)
                elif now.get(name, _ABSENT) is not before[name]:
                    setattr(kind, name, before[name])

        self._put_back.append(restore)

    def value(self, value: Any, depth: int = 0) -> None:
        """A container, an object, a function: what can be changed without being assigned."""
        if depth > _DEEPEST or isinstance(value, _LEFT_ALONE) or id(value) in self._known:
            return
        self._known[id(value)] = value
        if isinstance(value, types.MethodType):
            self.value(value.__func__, depth)
            self.value(value.__self__, depth)
        elif isinstance(value, types.BuiltinMethodType):
            self.value(value.__self__, depth)
        elif isinstance(value, types.FunctionType):
            self._function(value, depth)
        elif isinstance(value, list | deque):
            self._items(value, list(value), depth)
            self._put_back.append(lambda before=list(value): _refill(value, before))  # type: ignore[misc]
        elif isinstance(value, dict):
            self._items(value, list(value.values()), depth)
            self._put_back.append(lambda before=dict(value): _refill_dict(value, before))  # type: ignore[misc]
        elif isinstance(value, set):
            self._put_back.append(lambda before=set(value): _refill_set(value, before))  # type: ignore[misc]
        elif isinstance(value, tuple):
            self._items(value, list(value), depth)
        elif type(vars(value) if hasattr(value, "__dict__") else None) is dict:
            self.value(vars(value), depth + 1)

    def _items(self, container: Any, items: list[Any], depth: int) -> None:
        if len(container) <= _SEARCHED:
            for item in items:
                self.value(item, depth + 1)

    def _function(self, function: types.FunctionType, depth: int) -> None:
        if function.__module__ and function.__module__.partition(".")[0] in ("torch", "shapescope"):
            return
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value(default, depth + 1)
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # the name was never given a value
                continue
            self.value(content, depth + 1)
            self._put_back.append(lambda c=cell, before=content: _refill_cell(c, before))  # type: ignore[misc]
        known = function.__globals__
        for name in names_in(function.__code__):
            if name not in known:
                continue
            content = known[name]
            # Functions of other files have a life of their own.
            if getattr(content, "__globals__", known) is known:
                self.value(content, depth)
            if not isinstance(content, types.ModuleType):
                self._put_back.append(
                    lambda n=name, before=content: known.__setitem__(n, before)  # type: ignore[misc]
                )


_LEFT_ALONE = (
    nn.Module,
    Tensor,
    type,
    types.ModuleType,
    str,
    bytes,
    int,
    float,
    complex,
    type(None),
)
"""Modules of the model are copied, values cannot change, and other modules are not its own."""


def _settings(attributes: Any) -> dict[str, Any]:
    """The attributes of a class that are no methods."""
    return {
        name: value
        for name, value in attributes.items()
        if not (name.startswith("__") and name.endswith("__"))
        and not isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType)
    }


def _refill(kept: Any, before: list[Any]) -> None:
    if len(kept) != len(before) or any(a is not b for a, b in zip(kept, before, strict=True)):
        kept.clear()
        kept.extend(before)


def _refill_dict(kept: dict[Any, Any], before: dict[Any, Any]) -> None:
    same = list(kept) == list(before)
    if not same or any(kept[key] is not value for key, value in before.items()):
        kept.clear()
        kept.update(before)


def _refill_set(kept: set[Any], before: set[Any]) -> None:
    if kept != before:
        kept.clear()
        kept.update(before)


def _refill_cell(cell: types.CellType, before: Any) -> None:
    cell.cell_contents = before
