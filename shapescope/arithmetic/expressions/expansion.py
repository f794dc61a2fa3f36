"""Expressions multiplied out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from shapescope.arithmetic.expressions.atoms import Factor, Product, Remainder
from shapescope.arithmetic.expressions.terms import CACHED, Expr, build, number

_MOST_PRODUCTS = 500
"""A sum of more is left as it stands: powers of sums in each other would fill the memory."""


def expanded(expr: Expr) -> Expr:
    """The same expression with products multiplied out and remainders as differences.

    Two expressions that differ only in form have a difference that expands to 0, unless they are
    far too long to be read.
    """
    return _expanded(expr)


@lru_cache(CACHED)
def _expanded(expr: Expr) -> Expr:
    if not any(len(product) > 1 or isinstance(product[0], Remainder) for product, _ in expr.terms):
        return expr
    total = number(expr.constant)
    for product, coefficient in expr.terms:
        parts: dict[Product, int] = {(): coefficient}
        for factor in product:
            other = _as_parts(factor)
            if len(parts) * len(other) > _MOST_PRODUCTS:
                return expr
            parts = _cross(parts, other)
        total += build({part: c for part, c in parts.items() if part}, parts.get((), 0))
    return total


def _as_parts(factor: Factor) -> dict[Product, int]:
    if isinstance(factor, Remainder):
        factor = factor.left - factor.right * (factor.left // factor.right)
    if isinstance(factor, Expr):
        whole = _expanded(factor)
        return {**dict(whole.terms), (): whole.constant}
    return {(factor,): 1}


def _cross(left: Mapping[Product, int], right: Mapping[Product, int]) -> dict[Product, int]:
    result: dict[Product, int] = {}
    for one, a in left.items():
        for two, b in right.items():
            joined = tuple(sorted((*one, *two), key=lambda factor: factor.key))
            result[joined] = result.get(joined, 0) + a * b
    return result
