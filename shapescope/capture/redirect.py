"""Keeps a forward pass from allocating: what it makes or moves goes to the device of the trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._device import _device_constructors

from shapescope.capture.grouped import ON_META

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
    if device == "meta" and func in ON_META:
        return ON_META[func], args, kwargs
    name = getattr(func, "__name__", "")
    if name == "type" and (dtype := dtype_of_type(args, kwargs)) is not None:
        return func, (args[0], dtype), {}
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
    if isinstance(value, torch.device) or is_gpu_number(value):
        return True
    return isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda", "mps", "xpu")


def is_gpu_number(value: Any) -> bool:
    """Whether a value that stands where a device may stand is a GPU's number, as in `x.to(0)`."""
    return type(value) is int


def dtype_of_type(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> torch.dtype | None:
    """The dtype of what `x.type(...)` asks for by a type of tensors on one device.

    `torch.cuda.FloatTensor` and `torch.FloatTensor` are such types, given themselves or by name;
    None where it asks for something else.
    """
    wanted = args[1] if len(args) > 1 else kwargs.get("dtype")
    name = wanted if isinstance(wanted, str) else _type_name(wanted)
    package, _, kind = name.rpartition(".")
    if package not in ("torch", "torch.cuda"):
        return None
    dtype = getattr(getattr(torch, kind, None), "dtype", None)
    return dtype if isinstance(dtype, torch.dtype) else None


def _type_name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__name__}" if isinstance(kind, type) else ""


def _stay(tensor: Tensor) -> Tensor:
    """What `x.cuda()` and `x.cpu()` come to where there is one device only."""
    return tensor
