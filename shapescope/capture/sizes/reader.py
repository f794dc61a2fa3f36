"""Between the forward and torch: sizes go out with their formulas, and come back as plain ints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from shapescope.capture.sizes.judge import Judge
from shapescope.capture.sizes.numbers import AxisRatio, AxisRoot, AxisSize, Int, now
from shapescope.capture.sizes.tags import sizes_of


class Sizes(tuple[Any, ...]):
    """What `x.shape` gives: a tuple that passes for a torch.Size."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(x.shape, torch.Size)` holds."""
        return torch.Size

    def numel(self) -> Any:
        """The product of the sizes."""
        total: Any = 1
        for size in self:
            total = total * size
        return total


class SizeReader(TorchFunctionMode):
    """Answers what a forward asks of shapes, and hands everything else on with plain numbers.

    `last` is the latest call as the forward made it, for rules that need its formulas.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge
        self.last: tuple[tuple[Any, ...], Mapping[str, Any]] = ((), {})

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = _READERS.get(func)
        if read is not None:
            return read(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__get__" and getattr(func.__self__, "__name__", "") not in _TENSOR_PROPERTIES:
            return func(*args, **kwargs)
        if name in _VALUE_READERS:
            self.judge.doubt(f"`{name}` reads a value")
        elif name == "stride":
            self.judge.doubt("strides are read")
        elif func is Tensor.__iter__:
            first = sizes_of(args[0])[:1]
            if first and type(first[0]) is AxisSize:
                self.judge.pin(first[0].expr)
        self.last = (args, kwargs)
        plain_kwargs = {key: plain_numbers(value) for key, value in kwargs.items()}
        return func(*(plain_numbers(value) for value in args), **plain_kwargs)


def plain_numbers(value: Any) -> Any:
    """The value with every size in it as a plain int, everything else untouched."""
    kind = type(value)
    if kind is AxisSize or kind is AxisRatio or kind is AxisRoot:
        return now(value)
    if kind is Tensor or kind is int or kind is float or kind is bool or value is None:
        return value
    if kind is Sizes:
        return torch.Size([plain_numbers(item) for item in value])
    if kind is tuple or kind is list:
        changed = [plain_numbers(item) for item in value]
        if all(new is old for new, old in zip(changed, value, strict=True)):
            return value
        return kind(changed)
    if kind is dict:
        return {key: plain_numbers(item) for key, item in value.items()}
    if kind is slice:
        return slice(*(plain_numbers(part) for part in (value.start, value.stop, value.step)))
    return int if value is Int else value


def _size(tensor: Tensor, dim: Any = None) -> Any:
    sizes = sizes_of(tensor)
    return Sizes(sizes) if dim is None else sizes[dim]


def _numel(tensor: Tensor) -> Any:
    return Sizes(sizes_of(tensor)).numel()


def _length(tensor: Tensor) -> Any:
    sizes = sizes_of(tensor)
    if not sizes:
        raise TypeError("len() of a 0-d tensor")
    return sizes[0]


_READERS: dict[Any, Callable[..., Any]] = {
    Tensor.size: _size,
    Tensor.shape.__get__: _size,  # type: ignore[attr-defined]
    Tensor.numel: _numel,
    Tensor.nelement: _numel,
    torch.numel: _numel,
    Tensor.__len__: _length,
}
_TENSOR_PROPERTIES = frozenset({"T", "mT", "H", "mH", "data", "real", "imag"})
_VALUE_READERS = frozenset(
    {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "is_nonzero", "equal",
     "allclose", "numpy", "__array__", "__contains__"}
)  # fmt: skip
