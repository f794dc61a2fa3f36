"""Conditions sorted by what they bind: sets of sizes of single axes, and what couples axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shapescope.arithmetic.expressions import (
    Comparison,
    Condition,
    Expr,
    Junction,
    SizeSet,
    at_least,
    everything,
    given_equalities,
    interval,
    number,
    where,
)
from shapescope.arithmetic.expressions.terms import of_atom


@dataclass(frozen=True)
class Region:
    """Sizes that are in a set for each axis and meet every condition that couples axes."""

    sets: Mapping[str, SizeSet]
    coupled: frozenset[Condition]

    @property
    def is_empty(self) -> bool:
        """Whether an axis has no size left; couplings are not looked at."""
        return any(found.is_empty for found in self.sets.values())

    def contains(self, sizes: Mapping[str, int]) -> bool:
        """Whether these sizes are in it."""
        return all(sizes[axis] in found for axis, found in self.sets.items()) and all(
            condition.evaluate(sizes) for condition in self.coupled
        )


def region_of(conditions: Iterable[Condition], axes: Iterable[str]) -> Region:
    """The sizes that meet all of the conditions."""
    sets = {axis: everything() for axis in axes}
    coupled: dict[Condition, None] = {}
    for condition in _flat(conditions):
        names = condition.names
        if len(names) == 1:
            (axis,) = names
            sets[axis] = sets[axis] & where(condition, axis)
        elif names:
            coupled[condition] = None
        elif not condition.evaluate({}):
            sets = {axis: found & ~found for axis, found in sets.items()}
    return Region(sets, frozenset(_without_implied(coupled)))


def tightened(region: Region) -> Region:
    """The same sizes, their sets cut to what a product with a given value allows."""
    sets = dict(region.sets)
    for condition in region.coupled:
        for bound in implied_bounds(condition, sets):
            (axis,) = bound.names
            sets[axis] = sets[axis] & where(bound, axis)
    return Region(sets, region.coupled)


def _flat(conditions: Iterable[Condition]) -> Iterable[Condition]:
    for condition in conditions:
        if isinstance(condition, Junction) and condition.every:
            yield from _flat(condition.parts)
        else:
            yield condition


def _without_implied(conditions: Iterable[Condition]) -> list[Condition]:
    """The conditions without those that follow from an equality among them."""
    given = list(conditions)
    zeros = [
        condition.expr
        for condition in given
        if isinstance(condition, Comparison) and condition.is_zero and not condition.negated
    ]
    kept = []
    for condition in given:
        others = [
            zero
            for zero in zeros
            if not (isinstance(condition, Comparison) and condition.expr == zero)
        ]
        left = given_equalities(condition, others)
        if left.names or not left.evaluate({}):
            kept.append(condition)
    return kept


def implied_bounds(condition: Condition, sets: Mapping[str, SizeSet]) -> list[Condition]:
    """Bounds on single axes that follow from a product with a given value.

    Where no factor is negative, each is 1 or more, and none can be larger than the product.
    """
    if not isinstance(condition, Comparison) or not condition.is_zero or condition.negated:
        return []
    expr = condition.expr
    if len(expr.terms) != 1:
        return []
    (product, coefficient) = expr.terms[0]
    if len(product) < 2 or expr.constant % coefficient:
        return []
    total = -expr.constant // coefficient
    factors = [factor if isinstance(factor, Expr) else of_atom(factor) for factor in product]
    if total < 1 or not all(_never_negative(factor, sets) for factor in factors):
        return []
    bounds = [
        bound
        for factor in factors
        for bound in (at_least(factor, number(1)), at_least(number(total), factor))
    ]
    return [bound for bound in bounds if len(bound.names) == 1]


def _never_negative(factor: Expr, sets: Mapping[str, SizeSet]) -> bool:
    low = interval(factor)[0]
    if low is not None and low >= 0:
        return True
    if len(factor.names) != 1:
        return False
    (axis,) = factor.names
    allowed = where(at_least(factor, number(0)), axis)
    return axis in sets and (sets[axis] & ~allowed).is_empty
