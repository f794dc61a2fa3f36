"""The functions that a model keeps: its hooks, and plain functions among its attributes.

A deep copy shares functions with the original. One that closes over a part of the model would then
run that part of the user's own model, so each gets a copy of what it closes over, and that copy
points at the parts of the copied model.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from shapescope.capture.module_tree import Attributes

__all__ = ["HOOK_DICTS", "copied_functions", "has_hooks", "point_at_copy"]

HOOK_DICTS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)
"""Where a module keeps the functions that were registered as hooks."""


def has_hooks(held: Mapping[str, Any]) -> bool:
    """Whether a module with this `__dict__` keeps any of them."""
    get = held.get  # written out, as it is asked of each module several times
    return bool(
        get("_forward_hooks")
        or get("_forward_pre_hooks")
        or get("_state_dict_hooks")
        or get("_load_state_dict_pre_hooks")
    )


def copied_functions(
    modules: Sequence[nn.Module], settings: Sequence[Attributes], memo: dict[int, Any]
) -> list[types.FunctionType]:
    """Copy each function that the modules keep, and note the copies in `memo`, as `deepcopy` does.

    Args:
        modules: all of a model.
        settings: the attributes of each of its own.
        memo: copies by the identity of what was copied.

    Returns:
        the copies, which still point at the original model until `point_at_copy` was called.
    """
    made: list[types.FunctionType] = []
    kept = [
        it for module, own in zip(modules, settings, strict=True) for it in _kept_by(module, own)
    ]
    if kept:
        parts = {id(module): module for module in modules}
        for function in kept:
            if id(function) not in memo:
                _copied(function, parts, memo, made)
    return made


def _kept_by(module: nn.Module, settings: Attributes) -> list[types.FunctionType]:
    """Functions lie among the hooks and the attributes of a module's own alone."""
    held = module.__dict__
    found: list[types.FunctionType] = []
    if has_hooks(held):
        for name in HOOK_DICTS:
            found += _functions_in(held.get(name, {}).values())
    for _, value in settings:
        kind = type(value)
        if kind is types.FunctionType:
            found.append(value)
        elif kind is list or kind is tuple:
            found += _functions_in(value)
        elif kind is dict:
            found += _functions_in(value.values())
    return found


def _functions_in(values: Any) -> list[types.FunctionType]:
    return [value for value in values if type(value) is types.FunctionType]


def _copied(
    function: types.FunctionType,
    parts: dict[int, nn.Module],
    memo: dict[int, Any],
    made: list[types.FunctionType],
) -> types.FunctionType:
    """A copy that may point elsewhere; the function itself where there is nothing to point."""
    known: types.FunctionType | None = memo.get(id(function))
    if known is not None:
        return known
    outside = function.__globals__
    names = [name for name in function.__code__.co_names if id(outside.get(name)) in parts]
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if not function.__closure__ and not names and not any(id(it) in parts for it in defaults):
        return function
    copied = memo[id(function)] = types.FunctionType(
        function.__code__,
        # A name of a notebook's that means the model must mean the copy.
        dict(outside) if names else outside,
        function.__name__,
        function.__defaults__,
        tuple(_copied_cell(cell, parts, memo, made) for cell in function.__closure__ or ()),
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    copied.__dict__.update(function.__dict__)
    copied.__module__ = function.__module__
    copied.__qualname__ = function.__qualname__
    made.append(copied)
    return copied


def _copied_cell(
    cell: types.CellType,
    parts: dict[int, nn.Module],
    memo: dict[int, Any],
    made: list[types.FunctionType],
) -> types.CellType:
    if _is_empty(cell):
        return types.CellType()
    content = cell.cell_contents
    if type(content) is types.FunctionType:
        content = _copied(content, parts, memo, made)
    elif isinstance(content, list | dict | set):
        content = copy.copy(content)
    return types.CellType(content)


def point_at_copy(
    functions: Sequence[types.FunctionType], model: nn.Module, copied: nn.Module
) -> None:
    """Let copied functions that reach a part of the model reach the copy's."""
    parts = {id(old): new for old, new in zip(model.modules(), copied.modules(), strict=False)}

    def of_copy(value: Any) -> Any:
        if isinstance(value, types.MethodType) and id(value.__self__) in parts:
            return types.MethodType(value.__func__, parts[id(value.__self__)])
        return parts.get(id(value), value)

    for function in functions:
        for cell in function.__closure__ or ():
            if not _is_empty(cell):
                cell.cell_contents = of_copy(cell.cell_contents)
        if function.__defaults__:
            function.__defaults__ = tuple(map(of_copy, function.__defaults__))
        if function.__kwdefaults__:
            function.__kwdefaults__ = {
                name: of_copy(value) for name, value in function.__kwdefaults__.items()
            }
        outside = function.__globals__
        for name in function.__code__.co_names:
            if id(outside.get(name)) in parts:
                outside[name] = of_copy(outside[name])


def _is_empty(cell: types.CellType) -> bool:
    """Whether a name that a function closes over was never given a value."""
    try:
        cell.cell_contents  # noqa: B018 - asking is the only way to know
    except ValueError:
        return True
    return False
