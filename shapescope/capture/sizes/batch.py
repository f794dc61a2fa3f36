"""Conditions that hold for every batch of 2 or more, said without the batch."""

from __future__ import annotations

from shapescope.arithmetic.expressions import (
    BATCH,
    NO,
    Comparison,
    Condition,
    Expr,
    Junction,
    at_least,
    equal,
    every,
    expanded,
    junction,
    number,
)
from shapescope.arithmetic.expressions.atoms import Name, Product, Remainder
from shapescope.arithmetic.expressions.terms import build, product_of

SMALLEST = 2


def for_all_batches(condition: Condition) -> Condition:
    """The condition on the other axes under which `condition` holds for every batch.

    What cannot be rid of the batch comes back as it is.
    """
    if BATCH not in condition.names:
        return condition
    if isinstance(condition, Junction):
        if condition.every:
            return junction((for_all_batches(part) for part in condition.parts), every=True)
        return condition
    if not isinstance(condition, Comparison) or condition.negated:
        return condition
    powers = _powers(condition.expr)
    if powers is not None:
        if condition.is_zero:
            return every(*(equal(part, number(0)) for part in powers.values()))
        if set(powers) <= {0, 1}:
            rise, rest = powers.get(1, number(0)), powers.get(0, number(0))
            # a line in N that starts at 2: it must not fall, and start high enough
            return every(at_least(rise, number(0)), at_least(rise * SMALLEST + rest, number(0)))
    if condition.is_zero:
        divisibility = _divisibility(condition.expr)
        if divisibility is not None:
            return divisibility
    return condition


def _powers(expr: Expr) -> dict[int, Expr] | None:
    """The parts of a polynomial in the batch by its power; None where it is none."""
    if len(expr.terms) == 1 and not expr.constant:
        # a product keeps its factors
        ((product, coefficient),) = expr.terms
        plain = [factor for factor in product if not _is_batch(factor)]
        if not any(BATCH in factor.names for factor in plain):
            return {len(product) - len(plain): product_of(plain, coefficient)}
    full = expanded(expr)
    found: dict[int, dict[Product, int]] = {}
    for product, coefficient in full.terms:
        others = tuple(factor for factor in product if not _is_batch(factor))
        if any(BATCH in factor.names for factor in others):
            return None
        power = len(product) - len(others)
        terms = found.setdefault(power, {})
        terms[others] = terms.get(others, 0) + coefficient
    if full.constant:
        found.setdefault(0, {})[()] = full.constant
    parts = {}
    for power, terms in found.items():
        constant = terms.pop((), 0)
        parts[power] = build(terms, constant)
    return parts


def _is_batch(factor: object) -> bool:
    return isinstance(factor, Name) and factor.text == BATCH


def _divisibility(expr: Expr) -> Condition | None:
    """`(N*f) % k == 0` for all N is `f % k == 0`: take two neighbouring batches."""
    if len(expr.terms) != 1 or expr.constant:
        return None
    ((product, _),) = expr.terms
    inner = product[0]
    if len(product) > 1 or not isinstance(inner, Remainder) or BATCH in inner.right.names:
        return None
    powers = _powers(inner.left)
    if powers is None or not set(powers) <= {0, 1}:
        return None
    conditions = [equal(part % inner.right, number(0)) for part in powers.values()]
    return every(*conditions) if conditions else NO
