"""Equalities taken apart: what a product of sizes being right says about each of them."""

from __future__ import annotations

from collections.abc import Mapping

from shapescope.arithmetic.expressions import (
    Comparison,
    Condition,
    Expr,
    Facts,
    equal,
    every,
    expanded,
    number,
)
from shapescope.arithmetic.expressions.atoms import Factor, Product, Quotient
from shapescope.arithmetic.expressions.terms import build, of_atom, product_of


def with_exact_quotients(condition: Condition, held: Mapping[Condition, None]) -> Condition:
    """`x//k == c` as `x == c*k` where `x % k == 0` is known to hold."""
    if not isinstance(condition, Comparison):
        return condition
    for product, coefficient in condition.expr.terms:
        for factor in product:
            if not isinstance(factor, Quotient) or not factor.right.is_number:
                continue
            rest = factor.left % factor.right
            if equal(rest, number(0)) in held and len(product) == 1:
                others = condition.expr - build({product: coefficient}, 0)
                return equal(factor.left * coefficient, -others * factor.right)
    return condition


def split_equality(condition: Condition, facts: Facts) -> Condition:
    """`H*W == 49*(H//7)*(W//7)` as `H % 7 == 0 and W % 7 == 0`; common factors cancelled.

    Two products of sizes that are equal, each factor of one at least its partner in the other:
    then each factor equals its partner.
    """
    if not isinstance(condition, Comparison) or condition.negated:
        return condition
    full = expanded(condition.expr)
    if len(full.terms) < 2:
        return condition
    shared = _shared(full, facts)
    if shared:
        terms = {_without(product, shared): c for product, c in full.terms}
        constant = terms.pop((), 0)
        return split_equality(equal(build(terms, constant), number(0)), facts)
    if len(full.terms) != 2 or full.constant:
        return condition
    (one, a), (two, b) = full.terms
    if a < 0:
        (one, a), (two, b) = (two, b), (one, a)
    if a != 1 or b >= 0:
        # the larger side is the product without a coefficient
        return condition
    parts = _paired(one, two, -b, facts)
    return condition if parts is None else every(*parts)


def _shared(expr: Expr, facts: Facts) -> list[Factor]:
    """Factors above 0 that stand in every product."""
    if expr.constant:
        return []
    first = list(expr.terms[0][0])
    shared: list[Factor] = []
    for factor in first:
        atom = factor if isinstance(factor, Expr) else of_atom(factor)
        low = facts.interval(atom)[0]
        count = shared.count(factor) + 1
        if low is None or low < 1:
            continue
        if all(list(product).count(factor) >= count for product, _ in expr.terms):
            shared.append(factor)
    return shared


def _without(product: Product, shared: list[Factor]) -> Product:
    left = list(product)
    for factor in shared:
        left.remove(factor)
    return tuple(left)


def _paired(
    large: Product, small: Product, coefficient: int, facts: Facts
) -> list[Condition] | None:
    """For each axis, that its factors on both sides are equal; None where they do not pair up."""
    if len(large) != len(small) or len(large) < 2:
        return None
    left = list(small)
    conditions: list[Condition] = []
    product = 1
    for factor in large:
        whole = factor if isinstance(factor, Expr) else of_atom(factor)
        low = facts.interval(whole)[0]
        if low is None or low < 1:
            return None
        partner, by = _partner(whole, left)
        if partner is None:
            return None
        left.remove(partner)
        product *= by
        if by > 1:
            conditions.append(equal(whole % number(by), number(0)))
    return conditions if product == coefficient else None


def _partner(whole: Expr, candidates: list[Factor]) -> tuple[Factor | None, int]:
    for candidate in candidates:
        if whole == product_of((candidate,)):
            return candidate, 1
        if isinstance(candidate, Quotient) and candidate.right.is_number:
            by = candidate.right.constant
            if whole // by == of_atom(candidate):
                return candidate, by
            # the quotient of a quotient was made one: (x//4)//7 stands as x//28
            inner = whole.terms[0][0][0] if len(whole.terms) == 1 else None
            if isinstance(inner, Quotient) and inner.right.is_number:
                step = by // inner.right.constant if inner.right.constant else 0
                if step > 1 and whole // step == of_atom(candidate):
                    return candidate, step
    return None, 1
