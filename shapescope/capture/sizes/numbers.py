"""Numbers that know where they come from: the size of an axis, as a forward reads and computes it.

An `AxisSize` is what `x.size(2)` gives while sizes are being explored. It is an int to everything
that asks, computes like one, and keeps the formula of its value. A comparison answers with the
truth for the present sizes and writes down the condition under which that is the answer. Where
Python wants a plain int out of it (`range(h)`, `[0]*h`), the formula ends, which is noted too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

import torch

from shapescope.arithmetic.expressions import (
    Condition,
    Expr,
    Scaled,
    above,
    as_expr,
    at_least,
    equal,
    extreme,
    number,
    of_atom,
    unequal,
)
from shapescope.arithmetic.expressions.terms import Root

_DYADIC = 1 << 20
"""Floats that are fractions of a power of two up to this are reckoned with exactly."""


class Book(Protocol):
    """Where decisions are written down."""

    def decide(self, condition: Condition) -> bool:
        """Whether the condition holds for the present sizes; it is part of the path from now on."""

    def pin(self, size: Expr) -> None:
        """The value of `size` was used as a plain number: the path holds for this value only."""


def expr_of(value: Any) -> Expr:
    """The formula of an int or an `AxisSize`."""
    return value.expr if type(value) is AxisSize else as_expr(int(value))


def is_size(value: Any) -> bool:
    """Whether the value is an int, with or without a formula."""
    return type(value) is AxisSize or (isinstance(value, int) and not isinstance(value, bool))


def sized(expr: Expr, now: int, book: Book) -> Any:
    """An `AxisSize`, or a plain int where no axis is in the formula."""
    return expr.constant if expr.is_number else AxisSize(expr, now, book)


def _below(a: Expr, b: Expr) -> Condition:
    return above(b, a)


def _at_most(a: Expr, b: Expr) -> Condition:
    return at_least(b, a)


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


def now(value: Any) -> Any:
    """The present value of a number."""
    if type(value) is AxisRoot:
        return math.sqrt(value.size.now)
    return value.now if type(value) in (AxisSize, AxisRatio) else value


def _with_other(size: AxisSize, other: Any, python: Callable[[Any, Any], Any]) -> Any:
    """A size together with a float, a ratio, or something that knows what to do itself."""
    if isinstance(other, bool):
        return python(size, int(other))
    if type(other) is AxisRatio:
        return python(AxisRatio.of(size), other)
    if isinstance(other, float):
        return python(AxisRatio.of(size), other)
    return NotImplemented


def _compared(condition: Callable[[Expr, Expr], Condition]) -> Any:
    def compare(self: AxisSize, other: Any) -> Any:
        if is_size(other) or isinstance(other, bool):
            return self.book.decide(condition(self.expr, expr_of(other)))
        if type(other) is AxisRatio or isinstance(other, float):
            return AxisRatio.of(self)._compare(other, condition)
        return NotImplemented

    return compare


class AxisSize(torch.SymInt):
    """The size of an axis, or an int computed from sizes.

    A torch.SymInt, so that torch hands it on to whoever listens without asking its value first.
    """

    __slots__ = ("book", "expr", "now")

    stays_in_attrs = True

    def __init__(self, expr: Expr, value: int, book: Book) -> None:
        self.expr = expr
        self.now = value
        self.book = book

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(size, int)` holds, as it does for the int this stands for."""
        return int

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
        return AxisRatio.of(self) / other

    def __rtruediv__(self, other: Any) -> Any:
        return AxisRatio.of(other) / self if isinstance(other, int | float) else NotImplemented

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        if modulo is None and type(other) is int and 0 <= other <= 8:
            result: Any = 1
            for _ in range(other):
                result = result * self
            return result
        if modulo is None and other == 0.5:
            return AxisRoot(self)
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
    __lt__ = _compared(_below)
    __le__ = _compared(_at_most)
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
    if type(right) is AxisRatio or isinstance(right, float):
        if rest:
            return now(left) % float(right)
        return (AxisRatio.of(left) / right).__floor__()
    if isinstance(left, float) or not is_size(left) or not is_size(right):
        return NotImplemented
    if right == 0:
        raise ZeroDivisionError("integer modulo by zero" if rest else "integer division by zero")
    top, under = expr_of(left), expr_of(right)
    if rest:
        return sized(top % under, now(left) % now(right), size.book)
    return sized(top // under, now(left) // now(right), size.book)


class AxisRatio(torch.SymFloat):
    """A float computed from sizes: an expression over another, times a float in rare cases."""

    __slots__ = ("book", "factor", "now", "over", "under")

    stays_in_attrs = True

    def __init__(self, over: Expr, under: Expr, factor: float, value: float, book: Book) -> None:
        self.over = over
        self.under = under
        self.factor = factor
        self.now = value
        self.book = book

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(ratio, float)` holds."""
        return float

    @classmethod
    def of(cls, value: Any) -> Any:
        """A size as a ratio; plain numbers stay as they are."""
        if type(value) is AxisSize:
            return cls(value.expr, number(1), 1.0, float(value.now), value.book)
        return value

    def _scaled(self, by: Fraction | float) -> AxisRatio:
        exact = by if isinstance(by, Fraction) else Fraction(by)
        value = self.now * float(by)
        if exact.denominator <= _DYADIC and abs(exact.numerator) <= _DYADIC * 1024:
            over, under = self.over * exact.numerator, self.under * exact.denominator
            return AxisRatio(over, under, self.factor, value, self.book)
        return AxisRatio(self.over, self.under, self.factor * float(by), value, self.book)

    def __mul__(self, other: Any) -> Any:
        if type(other) is AxisSize:
            other = AxisRatio.of(other)
        if type(other) is AxisRatio:
            return AxisRatio(
                self.over * other.over,
                self.under * other.under,
                self.factor * other.factor,
                self.now * other.now,
                self.book,
            )
        return self._scaled(other) if isinstance(other, int | float) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if type(other) is AxisSize:
            other = AxisRatio.of(other)
        if type(other) is AxisRatio:
            if other.now == 0:
                raise ZeroDivisionError("float division by zero")
            return AxisRatio(
                self.over * other.under,
                self.under * other.over,
                self.factor / other.factor,
                self.now / other.now,
                self.book,
            )
        if isinstance(other, int | float):
            if isinstance(other, float) and not other.is_integer():
                inverse = Fraction(1) / Fraction(other)
                if inverse.denominator > _DYADIC or inverse.numerator > _DYADIC:
                    factor = self.factor / other
                    return AxisRatio(self.over, self.under, factor, self.now / other, self.book)
            return self._scaled(Fraction(1) / Fraction(other))
        return NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        turned = AxisRatio(self.under, self.over, 1 / self.factor, 1 / self.now, self.book)
        return turned * other

    def __add__(self, other: Any) -> Any:
        if type(other) is AxisSize:
            other = AxisRatio.of(other)
        if type(other) is AxisRatio and self.factor == other.factor == 1:
            over = self.over * other.under + other.over * self.under
            return AxisRatio(over, self.under * other.under, 1, self.now + other.now, self.book)
        if isinstance(other, int | float) and self.factor == 1:
            exact = Fraction(other)
            if exact.denominator <= _DYADIC:
                over = self.over * exact.denominator + self.under * exact.numerator
                under = self.under * exact.denominator
                return AxisRatio(over, under, 1, self.now + float(other), self.book)
        return float(self) + other if isinstance(other, int | float) else NotImplemented

    __radd__ = __add__

    def __neg__(self) -> AxisRatio:
        return AxisRatio(-self.over, self.under, self.factor, -self.now, self.book)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __floordiv__(self, other: Any) -> Any:
        return (self / other).__floor__() * 1.0

    def __pow__(self, other: Any) -> Any:
        return float(self) ** other

    def _compare(self, other: Any, condition: Callable[[Expr, Expr], Condition]) -> bool:
        other = AxisRatio.of(other)
        if type(other) is AxisRatio:
            over, under = other.over, other.under
        else:
            exact = Fraction(other)
            over, under = number(exact.numerator), number(exact.denominator)
        exactly = self.factor == 1 and getattr(other, "factor", 1) == 1
        positive = above(self.under, number(0)), above(under, number(0))
        if not exactly or not all(map(self.book.decide, positive)):
            return bool(_PLAIN[condition](float(self), float(other)))
        return self.book.decide(condition(self.over * under, over * self.under))

    def __eq__(self, other: Any) -> Any:
        return self._compare(other, equal) if _is_number(other) else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return self._compare(other, unequal) if _is_number(other) else NotImplemented

    def __lt__(self, other: Any) -> Any:
        return self._compare(other, _below) if _is_number(other) else NotImplemented

    def __le__(self, other: Any) -> Any:
        return self._compare(other, _at_most) if _is_number(other) else NotImplemented

    def __gt__(self, other: Any) -> Any:
        return self._compare(other, above) if _is_number(other) else NotImplemented

    def __ge__(self, other: Any) -> Any:
        return self._compare(other, at_least) if _is_number(other) else NotImplemented

    def __bool__(self) -> bool:
        return bool(self._compare(0, unequal))

    # --- back to ints

    def _rounded(self, rounding: str, value: int) -> Any:
        exact = self.factor == 1
        if exact and rounding == "int":
            rounding = "floor" if self >= 0 else "ceil"
        if exact and rounding == "floor":
            return sized(self.over // self.under, value, self.book)
        if exact and rounding == "ceil":
            return sized(-(-self.over // self.under), value, self.book)
        if self.under.is_number:
            factor = self.factor / self.under.constant
            return sized(of_atom(Scaled(self.over, factor, rounding)), value, self.book)
        self.book.pin(self.over)
        self.book.pin(self.under)
        return value

    def __floor__(self) -> Any:
        return self._rounded("floor", int(self.now // 1))

    def __ceil__(self) -> Any:
        return self._rounded("ceil", -int(-self.now // 1))

    def __trunc__(self) -> Any:
        return self._rounded("int", int(self.now))

    def __round__(self, digits: int | None = None) -> Any:  # type: ignore[override]
        return float(self).__round__(digits) if digits else self._rounded("round", round(self.now))

    def is_integer(self) -> bool:
        """Whether nothing stands behind the point."""
        if self.factor != 1:
            return float(self).is_integer()
        return self.book.decide(equal(self.over % self.under, number(0)))

    def __float__(self) -> float:
        self.book.pin(self.over)
        if not self.under.is_number:
            self.book.pin(self.under)
        return self.now

    def __int__(self) -> int:
        return int(self.__float__())

    def __hash__(self) -> int:
        return hash(float(self))

    def __repr__(self) -> str:
        return repr(self.now)

    def __format__(self, form: str) -> str:
        return format(self.now, form)


def _as_float(name: str) -> Any:
    def operate(self: AxisRoot, *others: Any) -> Any:
        return getattr(float(self), name)(*others)

    return operate


class AxisRoot(torch.SymFloat):
    """The square root of a size: rounded down it keeps its formula, else it is a plain float."""

    __slots__ = ("size",)

    stays_in_attrs = True

    def __init__(self, size: AxisSize) -> None:
        self.size = size

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """So that `isinstance(root, float)` holds."""
        return float

    def __trunc__(self) -> Any:
        whole = math.isqrt(self.size.now)
        return sized(of_atom(Root(self.size.expr)), whole, self.size.book)

    __floor__ = __trunc__

    def __float__(self) -> float:
        self.size.book.pin(self.size.expr)
        return math.sqrt(self.size.now)

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


class Maths:
    """Stands for `math` during a pass: the root of a size keeps its formula."""

    def __getattr__(self, name: str) -> Any:
        return getattr(math, name)

    @staticmethod
    def sqrt(value: Any) -> Any:
        """`math.sqrt`."""
        return AxisRoot(value) if type(value) is AxisSize else math.sqrt(value)

    @staticmethod
    def isqrt(value: Any) -> Any:
        """`math.isqrt`."""
        return AxisRoot(value).__trunc__() if type(value) is AxisSize else math.isqrt(value)


MATHS = Maths()


class _WholeNumber(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, int)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, int)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and type(args[0]) in (AxisSize, AxisRatio, AxisRoot):
            return args[0].__trunc__()
        return int(*args, **kwargs)


class Int(int, metaclass=_WholeNumber):
    """Stands for `int` during a pass: `int(size / 2)` keeps its formula, all else is as ever."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


_PLAIN: dict[Any, Callable[[float, float], bool]] = {
    equal: lambda a, b: a == b,
    unequal: lambda a, b: a != b,
    above: lambda a, b: a > b,
    at_least: lambda a, b: a >= b,
    _below: lambda a, b: a < b,
    _at_most: lambda a, b: a <= b,
}
