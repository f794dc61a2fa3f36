"""How large an expression can be, from the sizes that axes can have and from what else is known."""

from __future__ import annotations

from math import isqrt

from shapescope.arithmetic.expressions.atoms import (
    BATCH,
    Atom,
    Extreme,
    Name,
    Quotient,
    Remainder,
    Root,
    Scaled,
)
from shapescope.arithmetic.expressions.division import remainder_form
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.terms import Expr, build, content, exactly_divided

Interval = tuple[int | None, int | None]
"""The smallest and the largest value, None where there is no bound."""

_OPEN: Interval = (None, None)


class Facts:
    """Bounds on sums of terms that are known to hold, beyond those that always do."""

    __slots__ = ("_bounds", "_settled")

    def __init__(self) -> None:
        self._bounds: dict[Expr, Interval] = {}
        self._settled: dict[Expr, Interval] = {}

    def copy(self) -> Facts:
        """The same facts, to be added to apart from these."""
        twin = Facts()
        twin._bounds = dict(self._bounds)
        twin._settled = dict(self._settled)
        return twin

    def learn_at_least(self, expr: Expr, bound: int) -> None:
        """From now on `expr >= bound`."""
        part, factor, constant = _normal(expr)
        if not part.terms:
            return
        low, high = self._bounds.get(part, _OPEN)
        if factor > 0:
            new = -((constant - bound) // factor)  # ceil((bound - constant)/factor)
            low = new if low is None else max(low, new)
        else:
            new = (bound - constant) // factor
            high = new if high is None else min(high, new)
        self._bounds[part] = (low, high)
        self._settled.clear()

    def of(self, part: Expr) -> Interval:
        """What was learned about an expression without constant, its coefficients coprime."""
        return self._bounds.get(part, _OPEN)

    def interval(self, expr: Expr) -> Interval:
        """The bounds of `expr` under these facts."""
        found = self._settled.get(expr)
        if found is None:
            found = self._settled[expr] = interval(expr, self)
        return found


def _normal(expr: Expr) -> tuple[Expr, int, int]:
    """A part, a factor and a constant: `expr == factor*part + constant`."""
    bare = build(dict(expr.terms), 0)
    factor = content(bare) if bare.terms else 1
    return exactly_divided(bare, factor), factor, expr.constant


def interval(expr: Expr, facts: Facts | None = None) -> Interval:
    """The smallest and largest value of an expression whose axes are 1 or more (the batch 2).

    The bounds hold, but need not be reached.
    """
    low: int | None = expr.constant
    high: int | None = expr.constant
    for product, coefficient in expr.terms:
        one = _product_interval(product, facts)
        if coefficient < 0:
            one = (one[1], one[0])
        low = None if low is None or one[0] is None else low + coefficient * one[0]
        high = None if high is None or one[1] is None else high + coefficient * one[1]
    if len(expr.terms) > 1 and (low is None or high is None):
        # x - m*(x//m) lies between 0 and m
        bare = build(dict(expr.terms), 0)
        plain = remainder_form(bare)
        if plain != bare:
            shifted = interval(plain + expr.constant, facts)
            low, high = _narrowed((low, high), shifted)
        low, high = _narrowed((low, high), _between_quotients(expr, facts))
        low, high = _narrowed((low, high), (_above_undivided(expr, facts), None))
    if facts is not None and expr.terms:
        part, factor, constant = _normal(expr)
        known = facts.of(part)
        if factor < 0:
            known = (known[1], known[0])
        if known[0] is not None:
            bound = factor * known[0] + constant
            low = bound if low is None else max(low, bound)
        if known[1] is not None:
            bound = factor * known[1] + constant
            high = bound if high is None else min(high, bound)
    return low, high


def _between_quotients(expr: Expr, facts: Facts | None) -> Interval:
    """`a//m - b//m` lies between `(a - b)//m` and the same rounded up."""
    if len(expr.terms) != 2:
        return _OPEN
    (one, plus), (other, minus) = sorted(expr.terms, key=lambda term: -term[1])
    if (plus, minus) != (1, -1) or len(one) > 1 or len(other) > 1:
        return _OPEN
    a, b = one[0], other[0]
    if not isinstance(a, Quotient) or not isinstance(b, Quotient) or a.right != b.right:
        return _OPEN
    if not a.right.is_number or a.right.constant < 1:
        return _OPEN
    low, high = _bounds(a.left - b.left, facts)
    by = a.right.constant
    return (
        None if low is None else low // by + expr.constant,
        None if high is None else -(-high // by) + expr.constant,
    )


def _above_undivided(expr: Expr, facts: Facts | None) -> int | None:
    """The lowest value by that `a//m` is no more than `a` itself: `b - a//m >= b - a`."""
    for product, coefficient in expr.terms:
        quotient = product[0]
        if coefficient < 0 and len(product) == 1 and isinstance(quotient, Quotient):
            low = _bounds(quotient.left, facts)[0]
            divides = quotient.right.is_number and quotient.right.constant > 0
            if divides and low is not None and low >= 0:
                more = build({product: coefficient}, 0) - quotient.left * coefficient
                return interval(expr - more, facts)[0]
    return None


def _product_interval(product: tuple[Atom | Expr, ...], facts: Facts | None) -> Interval:
    low, high = _factor_interval(product[0], facts)
    for factor in product[1:]:
        other = _factor_interval(factor, facts)
        if low is None or other[0] is None or low < 0 or other[0] < 0:
            return _OPEN
        low *= other[0]
        high = None if high is None or other[1] is None else high * other[1]
    return low, high


def _factor_interval(factor: Atom | Expr, facts: Facts | None) -> Interval:
    if isinstance(factor, Expr):
        return facts.interval(factor) if facts is not None else interval(factor)
    found = _atom_interval(factor, facts)
    if facts is None:
        return found
    known = facts.of(Expr((((factor,), 1),), 0))
    return _narrowed(found, known)


def _narrowed(one: Interval, two: Interval) -> Interval:
    lows = [bound for bound in (one[0], two[0]) if bound is not None]
    highs = [bound for bound in (one[1], two[1]) if bound is not None]
    return (max(lows) if lows else None, min(highs) if highs else None)


def _atom_interval(atom: Atom, facts: Facts | None) -> Interval:
    if isinstance(atom, Name):
        return (2 if atom.text == BATCH else 1, None)
    if isinstance(atom, Quotient):
        return _quotient_interval(atom, facts)
    if isinstance(atom, Remainder):
        if atom.right.is_number and atom.right.constant > 0:
            return 0, atom.right.constant - 1
        low, high = _bounds(atom.right, facts)
        return (0, None if high is None else high - 1) if low is not None and low > 0 else _OPEN
    if isinstance(atom, Extreme):
        found = [_bounds(item, facts) for item in atom.items]
        lows = [low for low, _ in found if low is not None]
        highs = [high for _, high in found if high is not None]
        if atom.largest:
            return max(lows) if lows else None, max(highs) if len(highs) == len(found) else None
        return min(lows) if len(lows) == len(found) else None, min(highs) if highs else None
    if isinstance(atom, Root):
        low, high = _bounds(atom.base, facts)
        return (isqrt(max(low or 0, 0)), None if high is None else isqrt(max(high, 0)))
    assert isinstance(atom, Scaled)
    low, high = _bounds(atom.base, facts)
    if atom.factor < 0:
        return _OPEN
    return (
        None if low is None else int(low * atom.factor // 1),
        None if high is None else int(high * atom.factor // 1) + 1,
    )


def _quotient_interval(atom: Quotient, facts: Facts | None) -> Interval:
    low, high = _bounds(atom.left, facts)
    if atom.right.is_number and atom.right.constant > 0:
        by = atom.right.constant
        return (None if low is None else low // by, None if high is None else high // by)
    under = _bounds(atom.right, facts)
    if low is not None and low >= 0 and under[0] is not None and under[0] > 0:
        return (
            0 if under[1] is None else low // under[1],
            None if high is None else high // under[0],
        )
    return _OPEN


def _bounds(expr: Expr, facts: Facts | None) -> Interval:
    return interval(expr) if facts is None else facts.interval(expr)


def is_zero(expr: Expr) -> bool:
    """Whether the expression is 0 whatever the sizes, as far as algebra shows it."""
    if expr.is_number:
        return expr.constant == 0
    full = expanded(expr)
    return full.is_number and full.constant == 0
