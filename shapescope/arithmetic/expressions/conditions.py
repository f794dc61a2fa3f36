"""Conditions on named axes: comparisons of expressions, and what `and`, `or`, `not` make of them.

A comparison is kept as a statement about one expression: that it is 0, or that it is at least 0.
Equal limits then have equal keys, whatever layer set them: `H//4 - 3 >= 1` is `H >= 16`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import TypeAlias

from shapescope.arithmetic.expressions.atoms import Product, Quotient, is_at_least
from shapescope.arithmetic.expressions.bounds import interval
from shapescope.arithmetic.expressions.division import (
    lone_remainder,
    plain_remainder,
    remainder_form,
)
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.maxima import lone_extreme, smallest_of
from shapescope.arithmetic.expressions.terms import (
    Expr,
    build,
    content,
    exactly_divided,
    number,
    of_atom,
)


@dataclass(frozen=True, slots=True)
class Always:
    """A condition that holds for all sizes, or for none."""

    holds: bool

    @property
    def text(self) -> str:
        """`1 == 1` or `1 == 0`: the grammar has no words for it."""
        return "1 == 1" if self.holds else "1 == 0"

    @property
    def names(self) -> frozenset[str]:
        """No axis."""
        return frozenset()

    @property
    def expressible(self) -> bool:
        """Always."""
        return True

    def evaluate(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds."""
        return self.holds


@dataclass(frozen=True, slots=True)
class Comparison:
    """`expr == 0` (`is_zero`) or `expr >= 0`; `negated` turns the first into `!=`."""

    expr: Expr
    is_zero: bool
    negated: bool = False

    @property
    def text(self) -> str:
        """As one writes it: what is subtracted stands on the other side."""
        return _comparison_text(self)

    @property
    def names(self) -> frozenset[str]:
        """The axes it speaks of."""
        return self.expr.names

    @property
    def expressible(self) -> bool:
        """Whether the grammar can say it."""
        return self.expr.expressible

    def evaluate(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes; where it divides by 0 it does not."""
        try:
            found = self.expr.evaluate(sizes)
        except ZeroDivisionError:
            return False
        return (found == 0) != self.negated if self.is_zero else found >= 0


@dataclass(frozen=True, slots=True)
class Junction:
    """All of its parts hold (`every`), or at least one does."""

    parts: tuple[Condition, ...]
    every: bool

    @property
    def text(self) -> str:
        """The parts joined by `and` or `or`."""
        word = " and " if self.every else " or "
        return word.join(
            f"({part.text})" if isinstance(part, Junction) else part.text for part in self.parts
        )

    @property
    def names(self) -> frozenset[str]:
        """The axes it speaks of."""
        return frozenset().union(*(part.names for part in self.parts))

    @property
    def expressible(self) -> bool:
        """Whether the grammar can say it."""
        return all(part.expressible for part in self.parts)

    def evaluate(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds for these sizes."""
        return (all if self.every else any)(part.evaluate(sizes) for part in self.parts)


Condition: TypeAlias = Always | Comparison | Junction

YES, NO = Always(True), Always(False)


def equal(left: Expr, right: Expr) -> Condition:
    """`left == right`."""
    return _zero(left - right)


def unequal(left: Expr, right: Expr) -> Condition:
    """`left != right`."""
    return negation(_zero(left - right))


def at_least(left: Expr, right: Expr) -> Condition:
    """`left >= right`."""
    return _not_negative(left - right)


def above(left: Expr, right: Expr) -> Condition:
    """`left > right`."""
    return _not_negative(left - right - 1)


@lru_cache(1 << 14)
def _zero(expr: Expr) -> Condition:
    full = expanded(expr)
    if full.is_number:
        return Always(full.constant == 0)
    low, high = interval(full)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return NO
    divisor = abs(content(full - full.constant))
    if full.constant % divisor:
        return NO
    parts = _extreme_is_zero(full) or _product_is_one(full)
    if parts is not None:
        return parts
    # the factored form is shorter to read; both are 0 together
    shown = expr if len(expr.terms) <= len(full.terms) else full
    shown = exactly_divided(shown, content(shown))
    return Comparison(plain_remainder(_unsigned(remainder_form(shown))), True)


def _unsigned(expr: Expr) -> Expr:
    return exactly_divided(expr, content(expr))


def _extreme_is_zero(full: Expr) -> Condition | None:
    """`a == min(a, b)` as `b >= a`; None where nothing is simpler than the equality."""
    each = smallest_of(full)
    if each is None:
        return None
    lows = [interval(one)[0] for one in each]
    left = [one for one, low in zip(each, lows, strict=True) if low is None or low < 1]
    if not left:
        return NO
    if len(left) == 1:
        return _zero(left[0])
    zero = number(0)
    if zero in left:
        return every(*(_not_negative(one) for one in left if one != zero))
    if all(low is not None and low >= 0 for low in lows):
        return some(*map(_zero, left))
    return None


def _product_is_one(full: Expr) -> Condition | None:
    """`a*b == 1` as `a == 1 and b == 1`, where neither is negative."""
    if len(full.terms) != 1:
        return None
    (product, coefficient) = full.terms[0]
    if len(product) < 2 or full.constant != -coefficient:
        return None
    factors = [factor if isinstance(factor, Expr) else of_atom(factor) for factor in product]
    if not all(is_at_least(factor, 0) for factor in factors):
        return None
    return every(*(_zero(factor - 1) for factor in dict.fromkeys(factors)))


@lru_cache(1 << 14)
def _not_negative(expr: Expr) -> Condition:
    full = expanded(expr)
    if full.is_number:
        return Always(full.constant >= 0)
    low, high = interval(full)
    if low is not None and low >= 0:
        return YES
    if high is not None and high < 0:
        return NO
    lowered = without_quotient(full)
    if lowered is not None:
        return _not_negative(lowered)
    if lone_remainder(expr) is not None and expr.constant == min(-expr.terms[0][1], 0):
        # x % m >= 1, or x % m <= 0
        zero = _zero(expr - expr.constant)
        return negation(zero) if expr.constant else zero
    inner = lone_extreme(full)
    if inner is not None:
        # min(a, b) >= c where both are; max(a, b) >= c where one is
        atom, coefficient, rest = inner
        return junction(
            (_not_negative(item * coefficient + rest) for item in atom.items),
            every=atom.largest != (coefficient > 0),
        )
    shown = expr if len(expr.terms) <= len(full.terms) else full
    divisor = gcd(*(coefficient for _, coefficient in shown.terms))
    return Comparison(
        build(
            {product: coefficient // divisor for product, coefficient in shown.terms},
            shown.constant // divisor,
        ),
        False,
    )


def without_quotient(expr: Expr) -> Expr | None:
    """`a//m >= c` as `a >= c*m`, and `a//m <= c` as `a <= c*m + m - 1`."""
    if len(expr.terms) != 1:
        return None
    (product, coefficient), constant = expr.terms[0], expr.constant
    inner = product[0]
    if len(product) > 1 or not isinstance(inner, Quotient):
        return None
    if not inner.right.is_number or inner.right.constant <= 0:
        return None
    by = inner.right.constant
    if coefficient > 0:
        return inner.left - (-(constant // coefficient)) * by
    return number(constant // -coefficient * by + by - 1) - inner.left


def negation(condition: Condition) -> Condition:
    """The condition that holds where this one does not."""
    if isinstance(condition, Always):
        return Always(not condition.holds)
    if isinstance(condition, Junction):
        return junction((negation(part) for part in condition.parts), every=not condition.every)
    if condition.is_zero:
        return Comparison(condition.expr, True, not condition.negated)
    return _not_negative(-condition.expr - 1)


def every(*parts: Condition) -> Condition:
    """All of these."""
    return junction(parts, every=True)


def some(*parts: Condition) -> Condition:
    """At least one of these."""
    return junction(parts, every=False)


def junction(parts: Iterable[Condition], *, every: bool) -> Condition:
    """All of these, or at least one; what is settled and what repeats is left out."""
    flat: dict[Condition, None] = {}
    for part in parts:
        if isinstance(part, Always):
            if part.holds != every:
                return part
        elif isinstance(part, Junction) and part.every == every:
            flat.update(dict.fromkeys(part.parts))
        else:
            flat[part] = None
    if not flat:
        return Always(every)
    for part in flat:
        if negation(part) in flat:
            return Always(not every)
    return next(iter(flat)) if len(flat) == 1 else Junction(tuple(flat), every)


def _comparison_text(condition: Comparison) -> str:
    left: dict[Product, int] = {}
    right: dict[Product, int] = {}
    for product, coefficient in condition.expr.terms:
        if coefficient > 0:
            left[product] = coefficient
        else:
            right[product] = -coefficient
    constant = condition.expr.constant
    if not left:
        # only subtracted terms: c - x >= 0 reads x <= c
        sign = ("!=" if condition.negated else "==") if condition.is_zero else "<="
        return f"{build(right, 0).text} {sign} {constant}"
    sign = ("!=" if condition.negated else "==") if condition.is_zero else ">="
    if not right:
        return f"{build(left, 0).text} {sign} {-constant}"
    # the constant stands where it is positive
    over, under = (constant, 0) if constant > 0 else (0, -constant)
    return f"{build(left, over).text} {sign} {build(right, under).text}"
