"""What a user's file itself has ready for arguments that were left out: settings, and classes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import nn

__all__ = ["FileDefault", "file_default", "is_settings"]

_SETTINGS = frozenset(
    {"config", "cfg", "conf", "args", "params", "param", "hparams", "hps", "opt", "opts",
     "options", "settings", "model_args", "model_config", "configs", "hyperparameters"}
)  # fmt: skip
_ENDINGS = ("config", "cfg", "args", "arguments", "params", "hparams", "options", "settings",
            "hyperparameters", "conf")  # fmt: skip


class FileDefault(NamedTuple):
    """A value for an argument: how it is made, each time anew, and how that is written."""

    make: Callable[[], Any]
    text: str


def is_settings(parameter: inspect.Parameter) -> bool:
    """Whether an argument is called like an object that holds settings."""
    return parameter.name.lower().strip("_") in _SETTINGS


def file_default(value: Any, parameter: inspect.Parameter) -> FileDefault | None:
    """What the file of the class or function `value` has ready for one of its arguments.

    That is a plain value or settings object that the file keeps under the argument's own name,
    or a class for settings that can be made without arguments: the annotated one, or, for an
    argument called `config` or the like, the only one there is.
    """
    scope = _globals(value)
    kept = scope.get(parameter.name)
    if kept is not None and _is_value(kept):
        return FileDefault(lambda: copy.deepcopy(kept), parameter.name)
    annotated = _annotated(parameter, scope)
    if annotated is not None:
        return _made_by(annotated) if _needs_nothing(annotated) else None
    if parameter.annotation is not parameter.empty or not is_settings(parameter):
        return None
    known = {id(cls): cls for cls in scope.values() if _holds_settings(cls)}
    ready = [cls for cls in known.values() if _needs_nothing(cls)]
    return _made_by(ready[0]) if len(ready) == 1 else None


def _globals(value: Any) -> Mapping[str, Any]:
    function = value.__dict__.get("__init__", value) if isinstance(value, type) else value
    found = getattr(inspect.unwrap(function), "__globals__", {})
    return found if isinstance(found, dict) else {}


def _is_value(kept: Any) -> bool:
    """Whether a global is a setting and no part of the program."""
    parts = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, nn.Module)
    return not isinstance(kept, parts) and not callable(kept)


def _annotated(parameter: inspect.Parameter, scope: Mapping[str, Any]) -> type | None:
    kind = parameter.annotation
    if isinstance(kind, str):
        kind = scope.get(kind.strip("\"'"))
    own = isinstance(kind, type) and _holds_settings(kind)
    return kind if own and isinstance(kind, type) else None


def _holds_settings(cls: Any) -> bool:
    if not isinstance(cls, type) or issubclass(cls, nn.Module) or cls.__module__ == "builtins":
        return False
    if cls.__module__.partition(".")[0] in ("typing", "torch", "collections", "abc", "enum"):
        return False
    return dataclasses.is_dataclass(cls) or cls.__name__.lower().endswith(_ENDINGS)


def _needs_nothing(cls: type) -> bool:
    try:
        inspect.signature(cls).bind()
    except (TypeError, ValueError):
        return False
    return True


def _made_by(cls: type) -> FileDefault:
    return FileDefault(cls, f"{cls.__name__}()")
