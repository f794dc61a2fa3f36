"""How an expression of one axis behaves for large sizes: what makes an answer hold for all sizes.

Expressions built of floor divisions, remainders and maxima are, from some size on, a straight line
plus something periodic: `H//4 - 3` rises by 1 every 4. So a condition on them, once the line has
left the bound behind or is level, repeats with a period; checking up to there checks all.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from shapescope.arithmetic.expressions.atoms import (
    Atom,
    Extreme,
    Name,
    Quotient,
    Remainder,
    Root,
    Scaled,
)
from shapescope.arithmetic.expressions.conditions import Always, Comparison, Condition
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.terms import Expr

LIMIT = 200_000
"""Sizes that are checked at most; what would need more is not proven."""


@dataclass(frozen=True, slots=True)
class Growth:
    """For sizes n > `settles`: within `error`*n**(degree - 1) of `slope`*n**degree.

    At degree 1, and with a `period`, the expression minus its line repeats with that period; at
    degree 0 the slope is 0, the expression itself repeats and is at most `error` in size.
    """

    degree: int
    slope: Fraction
    error: Fraction
    period: int | None
    settles: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """A condition is periodic with `period` for sizes above `settles`."""

    settles: int
    period: int

    @property
    def last(self) -> int:
        """The last size that has to be looked at."""
        return self.settles + self.period


def horizon(condition: Condition) -> Horizon | None:
    """From where on a condition on one axis repeats, or None where that cannot be shown."""
    if isinstance(condition, Always):
        return Horizon(0, 1)
    if isinstance(condition, Comparison):
        return _comparison_horizon(condition)
    settles, period = 0, 1
    for part in condition.parts:
        one = horizon(part)
        if one is None:
            return None
        settles, period = max(settles, one.settles), lcm(period, one.period)
    return Horizon(settles, period) if settles + period <= LIMIT else None


@lru_cache(1 << 12)
def _comparison_horizon(condition: Comparison) -> Horizon | None:
    found = growth(expanded(condition.expr))
    if found is None:
        return None
    if found.degree == 0:
        if found.period is None:
            return None
        result = Horizon(found.settles, found.period)
    else:
        # beyond error/slope the line alone decides the sign
        result = Horizon(max(found.settles, int(found.error / abs(found.slope)) + 1), 1)
    return result if result.last <= LIMIT else None


def growth(expr: Expr) -> Growth | None:
    """How an expression of one axis behaves for large sizes, or None where that is not known."""
    total: Growth | None = _constant(Fraction(expr.constant))
    for product, coefficient in expr.terms:
        part: Growth | None = None
        for position, factor in enumerate(product):
            one = growth(factor) if isinstance(factor, Expr) else _atom_growth(factor)
            if position:
                one = None if part is None or one is None else _times(part, one)
            part = one
        if part is None or total is None:
            return None
        total = _plus(total, _scaled(part, Fraction(coefficient)))
    return total


def _constant(size: Fraction) -> Growth:
    return Growth(0, Fraction(0), abs(size), 1, 0)


def _plus(a: Growth, b: Growth) -> Growth | None:
    if a.degree < b.degree:
        a, b = b, a
    settles = max(a.settles, b.settles)
    period = None if a.period is None or b.period is None else lcm(a.period, b.period)
    if a.degree != b.degree:
        # at n >= 1 a lower power is within the error of the higher one
        error = a.error + abs(b.slope) + b.error
        keeps = a.degree == 1
        return _checked(Growth(a.degree, a.slope, error, period if keeps else None, settles))
    slope = a.slope + b.slope
    error = a.error + b.error
    if a.degree == 0:
        return _checked(Growth(0, Fraction(0), error, period, settles))
    if slope:
        return _checked(Growth(a.degree, slope, error, period if a.degree == 1 else None, settles))
    if a.degree == 1 and period is not None:
        return _checked(Growth(0, slope, error, period, settles))
    return None


def _times(a: Growth, b: Growth) -> Growth | None:
    settles = max(a.settles, b.settles)
    if a.degree == 0 and b.degree == 0:
        period = None if a.period is None or b.period is None else lcm(a.period, b.period)
        return _checked(Growth(0, Fraction(0), a.error * b.error, period, settles))
    if a.degree and b.degree:
        error = abs(a.slope) * b.error + abs(b.slope) * a.error + a.error * b.error
        return Growth(a.degree + b.degree, a.slope * b.slope, error, None, settles)
    return None


def _scaled(a: Growth, by: Fraction) -> Growth:
    return Growth(a.degree, a.slope * by, a.error * abs(by), a.period, a.settles)


def _checked(found: Growth) -> Growth | None:
    if found.period is not None and found.period > LIMIT:
        return None
    return found


def _atom_growth(atom: Atom) -> Growth | None:
    if isinstance(atom, Name):
        return Growth(1, Fraction(1), Fraction(0), 1, 0)
    if isinstance(atom, Quotient | Remainder):
        inner = growth(expanded(atom.left))
        if inner is None or not atom.right.is_number or atom.right.constant <= 0:
            return None
        return _divided(inner, atom.right.constant, isinstance(atom, Remainder))
    if isinstance(atom, Extreme):
        found = growth(expanded(atom.items[0]))
        for item in atom.items[1:]:
            other = growth(expanded(item))
            if found is None or other is None:
                return None
            found = _chosen(found, other, atom.largest)
        return found
    if isinstance(atom, Root):
        return None
    assert isinstance(atom, Scaled)
    inner = growth(expanded(atom.base))
    if inner is None:
        return None
    scaled = _scaled(inner, Fraction(atom.factor))
    return Growth(scaled.degree, scaled.slope, scaled.error + 2, None, scaled.settles)


def _divided(inner: Growth, by: int, remainder: bool) -> Growth | None:
    period = inner.period
    if period is not None and inner.degree <= 1:
        # after this many steps the line has moved by a multiple of the divisor
        rise = inner.slope * period
        if rise.denominator != 1:
            period *= rise.denominator
            rise *= rise.denominator
        period *= by // gcd(int(rise), by)
    else:
        period = None
    if remainder:
        return _checked(Growth(0, Fraction(0), Fraction(by), period, inner.settles))
    scaled = _scaled(inner, Fraction(1, by))
    return _checked(Growth(scaled.degree, scaled.slope, scaled.error + 1, period, scaled.settles))


def _chosen(a: Growth, b: Growth, largest: bool) -> Growth | None:
    if a.degree > 1 or b.degree > 1:
        return None
    settles = max(a.settles, b.settles)
    if a.slope == b.slope:
        period = None if a.period is None or b.period is None else lcm(a.period, b.period)
        return _checked(
            Growth(max(a.degree, b.degree), a.slope, max(a.error, b.error), period, settles)
        )
    crossing = (a.error + b.error) / abs(a.slope - b.slope)
    winner = a if (a.slope > b.slope) == largest else b
    return Growth(
        winner.degree, winner.slope, winner.error, winner.period, max(settles, int(crossing) + 1)
    )
