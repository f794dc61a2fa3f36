"""Where the constructor of each module in a model was called.

`Constructions` watches while a model is built and sees every call, in loops and helper functions
too. `find_constructors` reads the source of a live model that nobody watched, as far as that goes.
"""

from __future__ import annotations

import ast
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from shapescope.capture.module_tree import named_modules_of
from shapescope.capture.source import BOUNDARY, Site, SourceFile, code_span, is_user_code
from shapescope.source_text import function_at
from shapescope.syntax import callee_of, statements_in
from shapescope.trace import SourceSpan

__all__ = ["Constructions", "find_constructors"]

_original_init: Callable[..., None] = nn.Module.__init__
_watchers: list[Constructions] = []
_lock = threading.RLock()


class Constructions:
    """Notes for every module that is built while this is open where its constructor was called.

    `torch.nn.Module.__init__` is wrapped meanwhile. Several may be open at once. Modules that
    come to be without a constructor call (`copy.deepcopy`, unpickled ones) are not noted.
    """

    def __init__(self) -> None:
        self._sites: dict[int, tuple[weakref.ref[nn.Module], Site]] = {}

    def __enter__(self) -> Constructions:
        global _original_init
        with _lock:
            if not _watchers:
                _original_init = nn.Module.__init__
                _noting_init.__wrapped__ = _original_init  # type: ignore[attr-defined]
                nn.Module.__init__ = _noting_init  # type: ignore[method-assign]
            _watchers.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        with _lock:
            _watchers.remove(self)
            if not _watchers:
                nn.Module.__init__ = _original_init  # type: ignore[method-assign]

    def note(self, module: nn.Module, frame: FrameType | None) -> None:
        """Note a module that is being built, given the frame that runs `Module.__init__`."""
        known = self._sites.get(id(module))
        if known is not None and known[0]() is module:
            return
        site = _construction_site(module, frame)
        if site is not None:
            self._sites[id(module)] = (weakref.ref(module), site)

    def site(self, module: nn.Module) -> Site | None:
        """Where this module's constructor was called, if that was seen."""
        known = self._sites.get(id(module))
        return known[1] if known is not None and known[0]() is module else None

    def spans(self, model: nn.Module) -> dict[str, SourceSpan]:
        """The constructor expressions of a model's modules, by first registered name."""
        found: dict[str, SourceSpan] = {}
        for path, module in named_modules_of(model):
            site = self.site(module)
            span = None if site is None else code_span(*site)
            if span is not None:
                found[path] = span
        return found


def _noting_init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
    for watcher in tuple(_watchers):
        watcher.note(self, sys._getframe(1))
    _original_init(self, *args, **kwargs)


def _construction_site(module: nn.Module, frame: FrameType | None) -> Site | None:
    """The innermost frame of the user's that is outside of the module's own constructors."""
    while frame is not None:
        code = frame.f_code
        if code is BOUNDARY:
            return None
        if is_user_code(code) and not _works_on(frame, code, module):
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def _works_on(frame: FrameType, code: CodeType, module: nn.Module) -> bool:
    """Whether the first argument of a frame is the module: its `__init__`, or a wrapper of it."""
    if code.co_argcount:
        return frame.f_locals.get(code.co_varnames[0]) is module
    if code.co_flags & 0x04:  # *args
        rest = frame.f_locals.get(code.co_varnames[code.co_kwonlyargcount])
        return isinstance(rest, tuple) and bool(rest) and rest[0] is module
    return False


def find_constructors(model: nn.Module) -> dict[str, SourceSpan]:
    """The constructor expressions of a live model's modules, read from its classes' source.

    Finds what an `__init__` of the user's writes down in so many words: `self.NAME = CALL`, the
    entries of a Sequential, ModuleList, ModuleDict or OrderedDict by position or key, and
    `add_module`. What a loop or a helper function made is left out.

    Returns:
        Spans by first registered name; the root has none.
    """
    return _Reader(model).read()


_WITH_ENTRIES = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class _Reader:
    """Reads each class and each expression once, however many modules came of it."""

    def __init__(self, model: nn.Module) -> None:
        self.modules = named_modules_of(model)
        self.found: dict[str, SourceSpan] = {}
        self._written: dict[type, list[tuple[str, str, ast.expr]]] = {}
        self._spans: dict[int, SourceSpan | None] = {}
        self._files: dict[str, SourceFile] = {}

    def read(self) -> dict[str, SourceSpan]:
        """The spans that were found."""
        for path, module in self.modules:
            cls = type(module)
            written = self._written.get(cls)
            if written is None:
                written = self._written[cls] = list(self._written_in(cls))
            for file, name, value in written:
                below = f"{path}.{name}" if path else name
                self._match(below, module._modules.get(name), value, file)
        # An entry may be registered under another name first.
        paths = {path for path, _ in self.modules} if self.found else set()
        return {path: span for path, span in self.found.items() if path in paths}

    def _written_in(self, cls: type) -> Iterator[tuple[str, str, ast.expr]]:
        """File, attribute and value of all that the user's `__init__`s assign, bases first."""
        if cls.__module__.startswith("torch.nn.modules."):
            return  # nothing of it is the user's
        if issubclass(cls, torch.jit.ScriptModule):
            return  # what its class writes down was compiled away
        for base in reversed(cls.__mro__):
            function: Any = base.__dict__.get("__init__")
            while hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            code = getattr(function, "__code__", None)
            if not isinstance(code, CodeType) or not is_user_code(code):
                continue
            file = code.co_filename
            node = function_at(file, code.co_firstlineno)
            if node is None or node.name != code.co_name:
                continue
            for name, value in _assignments_in(node):
                yield file, name, value

    def _match(self, path: str, module: object, value: ast.expr, file: str) -> None:
        """Note the calls in `value` that made `module` and the modules inside it."""
        if not isinstance(module, nn.Module):
            return
        branches = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
        makers = [branch for branch in branches if _could_make(branch, module)]
        if len(makers) != 1 or not isinstance(makers[0], ast.Call):
            return
        value = makers[0]
        if id(value) not in self._spans:
            if file not in self._files:
                self._files[file] = SourceFile(file)
            self._spans[id(value)] = self._files[file].span(value)
        span = self._spans[id(value)]
        if span is not None:
            self.found[path] = span
        if isinstance(module, _WITH_ENTRIES):
            children = list(module._modules)
            for position, (name, entry) in enumerate(_entries(value)):
                if isinstance(entry, ast.Starred):
                    # How many it stands for is not written here: nothing behind it has a place.
                    break
                if name is None and position < len(children):
                    name = children[position]
                child = module._modules.get(name) if name is not None else None
                self._match(f"{path}.{name}", child, entry, file)


@lru_cache(maxsize=1024)
def _assignments_in(node: ast.FunctionDef) -> tuple[tuple[str, ast.expr], ...]:
    return tuple(_assignments(node.body))


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Name and value of each `self.NAME = VALUE` and `self.add_module("NAME", VALUE)`."""
    for statement in body:
        for node in (statement, *statements_in(statement)):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from _attribute_values(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                yield from _attribute_values(node.target, node.value)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield from _registered(node.value)


def _registered(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    if (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("add_module", "register_module")
        and len(call.args) == 2
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    ):
        yield call.args[0].value, call.args[1]


def _attribute_values(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        if len(target.elts) == len(value.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                yield from _attribute_values(one, its)
    elif isinstance(target, ast.Attribute):
        yield target.attr, value


def _entries(call: ast.Call) -> Iterator[tuple[str | None, ast.expr]]:
    """Name (None: by position) and expression of each entry of a container's constructor."""
    values: list[ast.expr] = list(call.args)
    if len(values) == 1:
        only = values[0]
        if isinstance(only, ast.Call) and callee_of(only) == "OrderedDict" and only.args:
            only = only.args[0]
        if isinstance(only, ast.Dict):
            for key, value in zip(only.keys, only.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
            return
        if isinstance(only, ast.List | ast.Tuple):
            values = only.elts
    for value in values:
        if isinstance(value, ast.Tuple) and len(value.elts) == 2:
            key = value.elts[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value.elts[1]
                continue
        yield None, value


def _names_of(module: nn.Module) -> frozenset[str]:
    kind: Any = type(module)
    return _names(kind)


@cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(base.__name__ for base in kind.__mro__)


def _could_make(value: ast.expr, module: nn.Module) -> bool:
    """Whether a call can have made the module: its class by name, or some function."""
    name = callee_of(value)
    return bool(name) and (name in _names_of(module) or not name[0].isupper())
