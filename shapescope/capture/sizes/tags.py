"""The formulas that tensors carry: the sizes of their axes, and bounds of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from shapescope.arithmetic.expressions import Expr
from shapescope.capture.sizes.numbers import expr_of

_SIZES = "_shapescope_sizes"
_VALUES = "_shapescope_values"


def sizes_of(tensor: Tensor) -> tuple[Any, ...]:
    """The sizes of a tensor, with their formulas where they have one."""
    tagged: tuple[Any, ...] | None = tensor.__dict__.get(_SIZES)
    return tuple(tensor.shape) if tagged is None else tagged


def tag_sizes(tensor: Tensor, sizes: Sequence[Any]) -> None:
    """Say what the sizes of a tensor are."""
    tensor.__dict__[_SIZES] = tuple(sizes)


def exprs_of(tensor: Tensor) -> tuple[Expr, ...]:
    """The sizes of a tensor as formulas."""
    return tuple(expr_of(size) for size in sizes_of(tensor))


def values_of(tensor: Tensor) -> tuple[Expr, Expr] | None:
    """The smallest and the largest value that an index tensor can hold, where that is known."""
    return tensor.__dict__.get(_VALUES)


def tag_values(tensor: Tensor, low: Expr, high: Expr) -> None:
    """Say between what the values of an index tensor lie."""
    tensor.__dict__[_VALUES] = (low, high)


class _Shown:
    """A tensor as far as rows read settings from it: its shape with formulas, and its dtype."""

    __slots__ = ("dtype", "shape")

    def __init__(self, tensor: Tensor) -> None:
        self.shape = sizes_of(tensor)
        self.dtype = tensor.dtype

    def dim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def shown(value: Any) -> Any:
    """Arguments as rows read them: each tensor with the formulas of its sizes."""
    if isinstance(value, Tensor):
        return _Shown(value)
    if type(value) in (tuple, list):
        return type(value)(shown(item) for item in value)
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    return value
