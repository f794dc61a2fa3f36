"""Square roots of sizes: the side of a square of patches."""

from __future__ import annotations

import math
from typing import Any

import torch

from shapescope.arithmetic.expressions import of_atom
from shapescope.arithmetic.expressions.atoms import Root
from shapescope.capture.sizes.numbers.formula import Formula
from shapescope.capture.sizes.numbers.size import AxisSize, sized


def _as_float(name: str) -> Any:
    def operate(self: AxisRoot, *others: Any) -> Any:
        return getattr(float(self), name)(*others)

    return operate


class AxisRoot(Formula, torch.SymFloat):
    """The square root of a size: rounded down it keeps its formula, else it is a plain float."""

    __slots__ = ("size",)

    def __init__(self, size: AxisSize) -> None:
        self.size = size

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(root, float)` holds."""
        return float

    @property
    def now(self) -> float:
        """The root of the present size."""
        return math.sqrt(self.size.now)

    def __trunc__(self) -> Any:
        whole = math.isqrt(self.size.now)
        return sized(of_atom(Root(self.size.expr)), whole, self.size.book)

    __floor__ = __trunc__

    def __float__(self) -> float:
        self.size.book.pin(self.size.expr)
        return self.now

    def is_integer(self) -> bool:
        """Whether the size is a square."""
        whole = self.__trunc__()
        return bool(whole * whole == self.size)

    __add__, __radd__, __sub__ = map(_as_float, ("__add__", "__radd__", "__sub__"))
    __rsub__, __mul__, __rmul__ = map(_as_float, ("__rsub__", "__mul__", "__rmul__"))
    __truediv__, __rtruediv__ = map(_as_float, ("__truediv__", "__rtruediv__"))
    __floordiv__, __mod__, __pow__ = map(_as_float, ("__floordiv__", "__mod__", "__pow__"))
    __eq__, __ne__, __lt__ = map(_as_float, ("__eq__", "__ne__", "__lt__"))
    __le__, __gt__, __ge__ = map(_as_float, ("__le__", "__gt__", "__ge__"))
    __bool__, __hash__, __int__ = map(_as_float, ("__bool__", "__hash__", "__int__"))
    __ceil__, __round__, __neg__ = map(_as_float, ("__ceil__", "__round__", "__neg__"))
    __repr__ = _as_float("__repr__")
