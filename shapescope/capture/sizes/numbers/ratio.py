"""Floats computed from sizes: `h / 2`, `h * 0.5`, and what rounding makes of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch

from shapescope.arithmetic.expressions import (
    Condition,
    Expr,
    Scaled,
    above,
    at_least,
    equal,
    number,
    of_atom,
    unequal,
)
from shapescope.arithmetic.expressions.text import operand
from shapescope.capture.sizes.numbers.formula import Book, Formula, at_most, below
from shapescope.capture.sizes.numbers.size import AxisSize, sized

_DYADIC = 1 << 20
"""Floats that are fractions of a power of two up to this are reckoned with exactly."""


class AxisRatio(Formula, torch.SymFloat):
    """A float computed from sizes: an expression over another, times a float in rare cases."""

    __slots__ = ("book", "factor", "now", "over", "under")

    now: float

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

    @property
    def text(self) -> str:
        """`(H - 1)/2`, or `H*0.7` where no fraction says it."""
        under = "" if self.under == number(1) else f"/{operand(self.under, tight=True)}"
        factor = "" if self.factor == 1 else f"*{self.factor!r}"
        return f"{operand(self.over)}{under}{factor}"

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
        return self._compare(other, below) if _is_number(other) else NotImplemented

    def __le__(self, other: Any) -> Any:
        return self._compare(other, at_most) if _is_number(other) else NotImplemented

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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


_PLAIN: dict[Any, Callable[[float, float], bool]] = {
    equal: lambda a, b: a == b,
    unequal: lambda a, b: a != b,
    above: lambda a, b: a > b,
    at_least: lambda a, b: a >= b,
    below: lambda a, b: a < b,
    at_most: lambda a, b: a <= b,
}
