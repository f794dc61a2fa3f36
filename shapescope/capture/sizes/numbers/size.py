"""Sizes of axes, and ints computed from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from shapescope.arithmetic.expressions import (
    Condition,
    Expr,
    above,
    as_expr,
    at_least,
    equal,
    extreme,
    number,
    unequal,
)
from shapescope.capture.sizes.numbers.formula import Book, Formula, at_most, below, now


def expr_of(value: Any) -> Expr:
    """The formula of an int or an `AxisSize`."""
    return value.expr if type(value) is AxisSize else as_expr(int(value))


def is_size(value: Any) -> bool:
    """Whether the value is an int, with or without a formula."""
    return type(value) is AxisSize or (isinstance(value, int) and not isinstance(value, bool))


_LONGEST = 2000
"""Characters. A layer that makes its formula several times longer is not followed any further."""


def sized(expr: Expr, now: int, book: Book) -> Any:
    """An `AxisSize`, or a plain int where no axis is in the formula, or too many terms are."""
    if expr.is_number:
        return expr.constant
    if len(expr.text) > _LONGEST:
        book.doubt("the formulas grow with every step")
        return now
    return AxisSize(expr, now, book)


def _whole(operation: Callable[[Expr, Expr], Expr], python: Callable[[int, int], int]) -> Any:
    def forward(self: AxisSize, other: Any) -> Any:
        if not is_size(other):
            return _with_other(self, other, python)
        return sized(operation(self.expr, expr_of(other)), python(self.now, now(other)), self.book)

    def backward(self: AxisSize, other: Any) -> Any:
        if not is_size(other):
            return _with_other(self, other, lambda a, b: python(b, a))
        return sized(operation(expr_of(other), self.expr), python(now(other), self.now), self.book)

    return forward, backward


def _with_other(size: AxisSize, other: Any, python: Callable[[Any, Any], Any]) -> Any:
    """A size together with a float, a ratio, or something that knows what to do itself."""
    if isinstance(other, bool):
        return python(size, int(other))
    if isinstance(other, float):
        return python(_ratio(size), other)
    return NotImplemented


def _ratio(value: Any) -> Any:
    """A size as a float that keeps its formula; plain numbers stay as they are."""
    from shapescope.capture.sizes.numbers.ratio import AxisRatio

    return AxisRatio.of(value)


def _root(size: AxisSize) -> Any:
    from shapescope.capture.sizes.numbers.root import AxisRoot

    return AxisRoot(size)


def _compared(condition: Callable[[Expr, Expr], Condition]) -> Any:
    def compare(self: AxisSize, other: Any) -> Any:
        if is_size(other) or isinstance(other, bool):
            return self.book.decide(condition(self.expr, expr_of(other)))
        if isinstance(other, float):
            return _ratio(self)._compare(other, condition)
        return NotImplemented

    return compare


class AxisSize(Formula, torch.SymInt):
    """The size of an axis, or an int computed from sizes.

    A torch.SymInt, so that torch hands it on to whoever listens without asking its value first.
    """

    __slots__ = ("book", "expr", "now")

    now: int

    def __init__(self, expr: Expr, value: int, book: Book) -> None:
        self.expr = expr
        self.now = value
        self.book = book

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(size, int)` holds, as it does for the int this stands for."""
        return int

    @property
    def text(self) -> str:
        """The formula of an int."""
        return self.expr.text

    # --- arithmetic

    __add__, __radd__ = _whole(lambda a, b: a + b, lambda a, b: a + b)
    __sub__, __rsub__ = _whole(lambda a, b: a - b, lambda a, b: a - b)
    __mul__, __rmul__ = _whole(lambda a, b: a * b, lambda a, b: a * b)

    def __floordiv__(self, other: Any) -> Any:
        return _divided(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _divided(other, self)

    def __mod__(self, other: Any) -> Any:
        return _divided(self, other, rest=True)

    def __rmod__(self, other: Any) -> Any:
        return _divided(other, self, rest=True) if is_size(other) else NotImplemented

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __truediv__(self, other: Any) -> Any:
        return _ratio(self) / other

    def __rtruediv__(self, other: Any) -> Any:
        return _ratio(other) / self if isinstance(other, int | float) else NotImplemented

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        if modulo is None and type(other) is int and 0 <= other <= 8:
            result: Any = 1
            for _ in range(other):
                result = result * self
            return result
        if modulo is None and other == 0.5:
            return _root(self)
        return int(self) ** other

    def __rpow__(self, other: Any) -> Any:
        return other ** int(self)

    def __neg__(self) -> Any:
        return sized(-self.expr, -self.now, self.book)

    def __pos__(self) -> AxisSize:
        return self

    def __abs__(self) -> Any:
        return sized(extreme((self.expr, -self.expr), largest=True), abs(self.now), self.book)

    def __lshift__(self, other: Any) -> Any:
        return self * 2 ** int(other)

    def __rshift__(self, other: Any) -> Any:
        return self // 2 ** int(other)

    def __and__(self, other: Any) -> Any:
        if type(other) is int and other >= 0 and other & (other + 1) == 0:
            return self % (other + 1)
        return int(self) & int(other)

    def __or__(self, other: Any) -> Any:
        return int(self) | int(other)

    def __xor__(self, other: Any) -> Any:
        return int(self) ^ int(other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Any:
        return -self - 1

    # --- comparison

    __eq__ = _compared(equal)
    __ne__ = _compared(unequal)
    __lt__ = _compared(below)
    __le__ = _compared(at_most)
    __gt__ = _compared(above)
    __ge__ = _compared(at_least)

    def __bool__(self) -> bool:
        return self.book.decide(unequal(self.expr, number(0)))

    # --- where the formula ends

    def __index__(self) -> int:
        self.book.pin(self.expr)
        return self.now

    __int__ = __index__

    def __hash__(self) -> int:
        return hash(int(self))

    def __float__(self) -> float:
        return float(int(self))

    def __trunc__(self) -> AxisSize:
        return self

    __floor__ = __ceil__ = __trunc__

    def __round__(self, digits: int | None = None) -> AxisSize:
        return self

    def __copy__(self) -> AxisSize:
        return self

    def __deepcopy__(self, memo: Any) -> AxisSize:
        return self

    def __repr__(self) -> str:
        return repr(self.now)

    __str__ = __repr__

    def __format__(self, form: str) -> str:
        return format(self.now, form)

    def is_integer(self) -> bool:
        """True, as for every int."""
        return True

    def bit_length(self) -> int:
        """As for an int; the formula ends here."""
        return int(self).bit_length()

    def item(self) -> AxisSize:
        """Itself: NumPy's way to get a plain number."""
        return self

    @property
    def real(self) -> AxisSize:
        """Itself, as for every int."""
        return self

    @property
    def numerator(self) -> AxisSize:
        """Itself, as for every int."""
        return self

    @property
    def denominator(self) -> int:
        """1, as for every int."""
        return 1


def _divided(left: Any, right: Any, rest: bool = False) -> Any:
    size = left if type(left) is AxisSize else right
    if isinstance(right, bool) or isinstance(left, bool):
        return NotImplemented
    if isinstance(right, float):
        if rest:
            return now(left) % float(right)
        return (_ratio(left) / right).__floor__()
    if isinstance(left, float) or not is_size(left) or not is_size(right):
        return NotImplemented
    if right == 0:
        raise ZeroDivisionError("integer modulo by zero" if rest else "integer division by zero")
    top, under = expr_of(left), expr_of(right)
    if rest:
        return sized(top % under, now(left) % now(right), size.book)
    return sized(top // under, now(left) // now(right), size.book)
