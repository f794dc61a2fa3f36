"""What is known of the sizes decides of conditions, and conditions that hold add to it."""

from __future__ import annotations

from shapescope.arithmetic.expressions.bounds import Facts
from shapescope.arithmetic.expressions.conditions import (
    Always,
    Comparison,
    Condition,
    Junction,
    junction,
    without_quotient,
)
from shapescope.arithmetic.expressions.terms import Expr


def settled(condition: Condition, facts: Facts) -> bool | None:
    """Whether it holds or fails for all sizes under these facts; None where that is open."""
    if isinstance(condition, Always):
        return condition.holds
    if isinstance(condition, Junction):
        found = [settled(part, facts) for part in condition.parts]
        if condition.every:
            return False if False in found else None if None in found else True
        return True if True in found else None if None in found else False
    low, high = facts.interval(condition.expr)
    if not condition.is_zero:
        if low is not None and low >= 0:
            return True
        return False if high is not None and high < 0 else None
    if low == high == 0:
        return not condition.negated
    if (low is not None and low > 0) or (high is not None and high < 0):
        return condition.negated
    return None


def without_settled(condition: Condition, facts: Facts) -> Condition:
    """The condition without the parts that these facts, or its other parts, make needless."""
    if not isinstance(condition, Junction):
        found = settled(condition, facts)
        return condition if found is None else Always(found)
    parts = [without_settled(part, facts) for part in condition.parts]
    plain = junction(parts, every=condition.every)
    if not isinstance(plain, Junction):
        return plain
    left = list(plain.parts)
    for part in plain.parts:
        others = [other for other in left if other is not part]
        # of two sizes for which it holds the wider one is enough, of two limits the tighter one
        if plain.every:
            given = facts.copy()
            for other in others:
                learn(other, given)
            needless = settled(part, given) is True
        else:
            given = facts.copy()
            learn(part, given)
            needless = any(settled(other, given) is True for other in others)
        if needless:
            left = others
    return junction(left, every=plain.every)


def learn(condition: Condition, facts: Facts) -> None:
    """Add what follows for the size of expressions from a condition that holds."""
    if isinstance(condition, Junction) and condition.every:
        for part in condition.parts:
            learn(part, facts)
    if not isinstance(condition, Comparison):
        return
    expr = condition.expr
    if condition.negated:
        low, high = facts.interval(expr)
        if low == 0:
            facts.learn_at_least(expr, 1)
        if high == 0:
            facts.learn_at_least(-expr, 1)
        return
    facts.learn_at_least(expr, 0)
    if condition.is_zero:
        facts.learn_at_least(-expr, 0)
        _learn_inside(expr, facts)


def _learn_inside(expr: Expr, facts: Facts) -> None:
    """`a//m == c` also bounds a."""
    for signed in (expr, -expr):
        lowered = without_quotient(signed)
        if lowered is not None:
            facts.learn_at_least(lowered, 0)
