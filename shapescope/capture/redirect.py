"""Keeps a forward pass from allocating: what it makes or moves goes to the device of the trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._device import _device_constructors

_MOVES = frozenset({"to", "type_as"})
_MOVES_AWAY = frozenset({"cpu", "cuda"})
_FROM_DATA = (torch.tensor, torch.as_tensor, torch.scalar_tensor)

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

_factories = cache(_device_constructors)


def redirected(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], device: str) -> Call:
    """The call with every device in it replaced by `device`.

    A single number made a tensor stays on the CPU, where it keeps its value: code that computes
    with it can go on, and tensors on any device take it.
    """
    if func in _factories():
        if func in _FROM_DATA and not (args and isinstance(args[0], list | tuple)):
            return func, args, {**kwargs, "device": "cpu"}
        return func, args, {**kwargs, "device": device}
    name = getattr(func, "__name__", "")
    if name in _MOVES_AWAY:
        return _stay, args[:1], {}
    if name in _MOVES:
        args = tuple(
            device if position and _is_device(arg) else arg for position, arg in enumerate(args)
        )
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": device}
    return func, args, kwargs


def _is_device(value: Any) -> bool:
    if isinstance(value, torch.device):
        return True
    return isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda", "mps", "xpu")


def _stay(tensor: Tensor) -> Tensor:
    """What `x.cuda()` and `x.cpu()` come to where there is one device only."""
    return tensor
