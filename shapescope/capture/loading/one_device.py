"""Code that asks for a GPU, run where there is none: what it makes or moves stays where it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from shapescope.capture.redirect import dtype_of_type, is_gpu_number
from shapescope.turns import one_at_a_time

__all__ = ["on_one_device", "without_gpu"]

P = ParamSpec("P")
R = TypeVar("R")

_GPUS = ("cuda", "mps", "xpu", "hip")
_MISSING = re.compile(r"NVIDIA|CUDA|\bMPS\b|\bXPU\b|\bHIP\b|torch\.cuda\.\w+Tensor")
_TYPES = (
    "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "ByteTensor", "CharTensor",
    "ShortTensor", "IntTensor", "LongTensor", "BoolTensor",
)  # fmt: skip


def without_gpu(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call, and where that fails for want of a GPU, call again with the CPU in its place.

    Raises:
        Exception: whatever the call raises, the second time if there was one.
    """
    try:
        return call(*args, **kwargs)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        if not _MISSING.search(str(error)):
            raise
    with on_one_device():
        return call(*args, **kwargs)


@contextmanager
def on_one_device() -> Iterator[None]:
    """While inside, nothing goes to a GPU: tensors stay, and new ones come to where others do."""
    with one_at_a_time():
        yield from _one_device()


def _one_device() -> Iterator[None]:
    cuda: Any = torch.cuda
    functions: dict[str, Any] = {
        "set_device": _nothing,
        "synchronize": _nothing,
        "current_device": _first,
    }
    functions |= {name: getattr(torch, name) for name in _TYPES}
    before = {name: getattr(cuda, name) for name in functions}
    for name, function in functions.items():
        setattr(cuda, name, function)
    try:
        with _Redirect():
            yield
    finally:
        for name, function in before.items():
            setattr(cuda, name, function)


class _Redirect(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in _GPUS and args and isinstance(args[0], Tensor):
            return args[0]
        if name == "type" and (dtype := dtype_of_type(args, kwargs)) is not None:
            return args[0].to(dtype)
        if name == "to":
            device = args[0].device
            args = tuple(device if _is_gpu(value) else value for value in args)
            if _is_gpu(kwargs.get("device")):
                kwargs["device"] = device
        elif _is_gpu(kwargs.get("device")):
            # Left unsaid, it is the device that everything else is made on.
            del kwargs["device"]
        return func(*args, **kwargs)


def _is_gpu(value: Any) -> bool:
    if isinstance(value, torch.device):
        return value.type in _GPUS
    if isinstance(value, str):
        return value.partition(":")[0] in _GPUS
    return is_gpu_number(value)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _first() -> int:
    return 0
