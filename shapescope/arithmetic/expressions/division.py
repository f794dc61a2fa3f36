"""Floor division and remainders of expressions, and what comes out of them."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

from shapescope.arithmetic.expressions.atoms import (
    Product,
    Quotient,
    Remainder,
    is_at_least,
)
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.maxima import extreme, lone_extreme
from shapescope.arithmetic.expressions.terms import (
    CACHED,
    Expr,
    build,
    cancelled,
    factored,
    number,
    of_atom,
    product_of,
    scaled,
)


def divide(left: Expr, right: Expr) -> Expr:
    """`left // right`, rounded down.

    Raises:
        ZeroDivisionError: `right` is 0.
    """
    if right.is_number:
        if right.constant == 1:
            return left
        if left.is_number:
            return number(left.constant // right.constant)
        if right.constant < 0:
            return _divided(scaled(left, -1), -right.constant)
        return _divided(left, right.constant)
    return _divided_by_expr(left, right)


@lru_cache(CACHED)
def _divided(left: Expr, by: int) -> Expr:
    if by == 0:
        raise ZeroDivisionError("an expression divided by 0")
    left = _without_remainders(left, by)
    # what the divisor divides comes out: (a*n + r)//n = a + r//n
    outside: dict[Product, int] = {}
    inside: dict[Product, int] = {}
    for product, coefficient in left.terms:
        if coefficient % by == 0:
            outside[product] = coefficient // by
        else:
            inside[product] = coefficient
    whole = build(outside, left.constant // by)
    rest = left.constant % by
    if not inside:
        return whole
    # (g*p + r)//(g*m) = (p + r//g)//m
    common = gcd(by, *inside.values())
    if common > 1:
        inside = {product: coefficient // common for product, coefficient in inside.items()}
        rest //= common
        by //= common
        if by == 1:
            return whole + build(inside, rest)
    return whole + _small_quotient(build(inside, rest), by)


def _small_quotient(left: Expr, by: int) -> Expr:
    """`left // by` where no more comes out: nested divisions made one, the sign made plain."""
    chosen = lone_extreme(left)
    if chosen is not None:
        # division keeps the order: max(a, b)//n = max(a//n, b//n)
        extreme_atom, coefficient, rest = chosen
        largest = extreme_atom.largest == (coefficient > 0)
        items = (_divided(scaled(item, coefficient) + rest, by) for item in extreme_atom.items)
        return extreme(items, largest=largest)
    if left.terms[0][1] < 0:
        # -p//n = -((p + n - 1)//n)
        return scaled(_divided(scaled(left, -1) + (by - 1), by), -1)
    for product, coefficient in left.terms:
        # (a//m + x)//n = (a + m*x)//(m*n)
        if coefficient == 1 and len(product) == 1 and isinstance(product[0], Quotient):
            inner = product[0]
            if inner.right.is_number and inner.right.constant > 0:
                others = left - of_atom(inner)
                m = inner.right.constant
                return _divided(inner.left + scaled(others, m), m * by)
    if len(left.terms) == 1 and not left.constant:
        product, coefficient = left.terms[0]
        if coefficient == 1 and len(product) == 1 and isinstance(product[0], Remainder):
            inner_rest = product[0]
            if inner_rest.right.is_number and 0 < inner_rest.right.constant <= by:
                return number(0)
    return of_atom(Quotient(left, number(by)))


def remainder_form(expr: Expr) -> Expr:
    """`x - m*(x//m)` as `x % m`, where that is all there is."""
    for product, coefficient in expr.terms:
        quotient = product[0]
        if len(product) > 1 or not isinstance(quotient, Quotient) or abs(coefficient) < 2:
            continue
        rest = expr - build({product: coefficient}, 0)
        signed = coefficient
        if coefficient > 0:
            rest, signed = -rest, -coefficient
        if divide(rest, number(-signed)) == build({product: 1}, 0):
            whole = remainder(rest, number(-signed))
            return whole if coefficient < 0 else -whole
        if divide(rest - signed - 1, number(-signed)) == build({product: 1}, 0):
            # m*((x + m - 1)//m) - x is what is missing to the next multiple
            whole = remainder(-rest, number(-signed))
            return whole if coefficient > 0 else -whole
    return expr


def plain_remainder(expr: Expr) -> Expr:
    """`(-x) % m` as `x % m`: they are 0 together."""
    atom = lone_remainder(expr)
    if atom is None or expr.constant or atom.left.terms[0][1] > 0:
        return expr
    return remainder(-atom.left, atom.right)


def lone_remainder(expr: Expr) -> Remainder | None:
    """The remainder of a positive number that stands alone but for a sign and a constant."""
    if len(expr.terms) != 1:
        return None
    (product, coefficient) = expr.terms[0]
    atom = product[0]
    if len(product) > 1 or abs(coefficient) != 1 or not isinstance(atom, Remainder):
        return None
    return atom if atom.right.is_number and atom.right.constant > 0 else None


def _without_remainders(left: Expr, by: int) -> Expr:
    """Remainders among other terms written as differences where the divisor then divides them."""
    if len(left.terms) < 2 and not left.constant:
        return left
    for product, coefficient in left.terms:
        if len(product) == 1 and isinstance(product[0], Remainder):
            inner = product[0]
            if inner.right.is_number and (coefficient * inner.right.constant) % by == 0:
                rest = left - scaled(of_atom(inner), coefficient)
                down = inner.left - inner.right * divide(inner.left, inner.right)
                result = rest + scaled(down, coefficient)
                if inner.right == number(2):
                    # x % 2 is also what is missing to the next even number
                    up = -inner.left - inner.right * divide(-inner.left, inner.right)
                    other = rest + scaled(up, coefficient)
                    result = min(result, other, key=lambda expr: len(expr.terms))
                return _without_remainders(result, by)
    return left


@lru_cache(CACHED)
def _divided_by_expr(left: Expr, right: Expr) -> Expr:
    if left.is_number and left.constant == 0:
        return number(0)
    if left == right:
        return number(1)
    top, bottom = factored(left), factored(right)
    over, under = cancelled(top[1], bottom[1])
    common = gcd(top[0], bottom[0])
    if bottom[0] < 0:
        common = -common
    changed = common != 1 or len(under) < len(bottom[1])
    left = product_of(over, top[0] // common)
    right = product_of(under, bottom[0] // common)
    if changed:
        return divide(left, right)
    difference = right - left
    if difference.is_number and difference.constant > 0 and is_at_least(left, 0):
        return number(0)
    return of_atom(Quotient(left, right))


def remainder(left: Expr, right: Expr) -> Expr:
    """`left % right`, with the sign of `right`.

    Raises:
        ZeroDivisionError: `right` is 0.
    """
    if not right.is_number or right.constant < 0:
        if left.is_number and left.constant == 0:
            return left
        quotient = divide(left, right)
        if not any(isinstance(factor, Quotient) for product, _ in quotient.terms
                   for factor in product):  # fmt: skip
            return expanded(left - right * quotient)
        return of_atom(Remainder(left, right))
    return _remainder(left, right.constant)


@lru_cache(CACHED)
def _remainder(left: Expr, by: int) -> Expr:
    if by == 0:
        raise ZeroDivisionError("an expression modulo 0")
    terms: dict[Product, int] = {}
    reduced = number(left.constant)
    for product, coefficient in left.terms:
        factor = product[0]
        alone = len(product) == 1 and isinstance(factor, Remainder) and factor.right.is_number
        if alone and isinstance(factor, Remainder):
            divides = (coefficient * factor.right.constant) % by == 0
            if divides:
                # (c*(x % m) + y) % n = (c*x + y) % n where n divides c*m
                reduced += scaled(factor.left, coefficient)
                continue
        terms[product] = terms.get(product, 0) + coefficient
    reduced += build(terms, 0)
    kept: dict[Product, int] = {}
    for product, coefficient in reduced.terms:
        coefficient %= by
        kept[product] = coefficient - by if 2 * coefficient > by else coefficient
    left = build(kept, reduced.constant % by)
    if left.is_number:
        return left
    common = gcd(by, *(coefficient for _, coefficient in left.terms))
    if common > 1:
        # (g*p + r) % (g*m) = g*((p + r//g) % m) + r % g
        inner = build(
            {product: coefficient // common for product, coefficient in left.terms},
            left.constant // common,
        )
        return scaled(remainder(inner, number(by // common)), common) + left.constant % common
    from shapescope.arithmetic.expressions.bounds import interval

    low, high = interval(left)
    if low is not None and high is not None and low >= 0 and high < by:
        return left
    return of_atom(Remainder(left, number(by)))
