"""The modules of a model, each once under its first name, in the order of registration."""

from __future__ import annotations

from typing import Any, TypeAlias

from torch import nn

from shapescope.capture.tensors import ATOMIC

__all__ = ["Attributes", "modules_of", "named_modules_of", "own_attributes"]

Attributes: TypeAlias = list[tuple[str, Any]]

_EVERY_MODULE = list(nn.Module().__dict__)


def named_modules_of(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """What `model.named_modules()` gives.

    Torch's own goes through a generator for every level above a module, for each module anew; a
    trace asks for all modules half a dozen times.
    """
    found: list[tuple[str, nn.Module]] = []
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", model)]
    while waiting:
        path, module = waiting.pop()
        number = id(module)
        if number in seen:
            continue
        if type(module).named_modules is not _TORCHS_OWN:
            # A class that tells of its modules in its own way is asked.
            return list(model.named_modules())
        seen.add(number)
        found.append((path, module))
        children = module._modules
        if children:
            prefix = f"{path}." if path else ""
            below = [(prefix + name, child) for name, child in children.items()]
            waiting += [entry for entry in reversed(below) if entry[1] is not None]
    return found


_TORCHS_OWN = nn.Module.named_modules


def modules_of(model: nn.Module) -> list[nn.Module]:
    """What `model.modules()` gives."""
    return [module for _, module in named_modules_of(model)]


def own_attributes(module: nn.Module) -> Attributes:
    """What a module keeps beside what every module has and plain values: functions, tensors."""
    held = module.__dict__
    names = list(held)
    count = len(_EVERY_MODULE)
    if names[:count] == _EVERY_MODULE:  # as `nn.Module.__init__` leaves it: nearly always
        names = names[count:]
    else:
        names = [name for name in names if name not in _EVERY_MODULE]
    found = []
    for name in names:
        value = held[name]
        kind = type(value)
        if kind in ATOMIC or (kind is tuple and ATOMIC.issuperset(map(type, value))):
            continue
        found.append((name, value))
    return found
