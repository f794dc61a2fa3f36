"""Expressions and conditions with something in them replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shapescope.arithmetic.expressions.atoms import (
    Atom,
    Extreme,
    Name,
    Quotient,
    Remainder,
    Root,
    Scaled,
)
from shapescope.arithmetic.expressions.conditions import (
    Always,
    Comparison,
    Condition,
    at_least,
    equal,
    junction,
    negation,
)
from shapescope.arithmetic.expressions.division import divide, remainder
from shapescope.arithmetic.expressions.expansion import expanded
from shapescope.arithmetic.expressions.maxima import extreme
from shapescope.arithmetic.expressions.terms import Expr, number, of_atom

Replace = Callable[[Atom], "Expr | None"]


def rewritten(expr: Expr, replace: Replace) -> Expr:
    """The expression with atoms replaced where `replace` gives something for them."""
    total = number(expr.constant)
    for product, coefficient in expr.terms:
        part = number(coefficient)
        for factor in product:
            part = part * (
                rewritten(factor, replace) if isinstance(factor, Expr) else _atom(factor, replace)
            )
        total = total + part
    return total


def _atom(atom: Atom, replace: Replace) -> Expr:
    found = replace(atom)
    if found is not None:
        return found
    if isinstance(atom, Quotient):
        return divide(rewritten(atom.left, replace), rewritten(atom.right, replace))
    if isinstance(atom, Remainder):
        return remainder(rewritten(atom.left, replace), rewritten(atom.right, replace))
    if isinstance(atom, Extreme):
        return extreme((rewritten(item, replace) for item in atom.items), largest=atom.largest)
    if isinstance(atom, Root):
        return of_atom(Root(rewritten(atom.base, replace)))
    if isinstance(atom, Scaled):
        return of_atom(Scaled(rewritten(atom.base, replace), atom.factor, atom.rounding))
    return of_atom(atom)


def rewritten_condition(condition: Condition, replace: Replace) -> Condition:
    """The condition with atoms replaced where `replace` gives something for them."""
    if isinstance(condition, Always):
        return condition
    if isinstance(condition, Comparison):
        expr = rewritten(condition.expr, replace)
        if not condition.is_zero:
            return at_least(expr, number(0))
        zero = equal(expr, number(0))
        return negation(zero) if condition.negated else zero
    return junction(
        (rewritten_condition(part, replace) for part in condition.parts), every=condition.every
    )


def renamed(condition: Condition, names: Mapping[str, Expr]) -> Condition:
    """The condition with axes replaced by expressions."""

    def replace(atom: Atom) -> Expr | None:
        return names.get(atom.text) if isinstance(atom, Name) else None

    return rewritten_condition(condition, replace)


def given_equalities(condition: Condition, zeros: list[Expr]) -> Condition:
    """What is left of a condition where each of `zeros` is known to be 0."""

    def replace(atom: Atom) -> Expr | None:
        if not isinstance(atom, Quotient | Remainder) or not atom.right.is_number:
            return None
        for zero in zeros:
            for signed in (zero, -zero):
                rest = expanded(atom.left - signed)
                if rest.is_number:
                    kind = divide if isinstance(atom, Quotient) else remainder
                    return kind(rest, atom.right)
        return None

    changed = rewritten_condition(condition, replace)
    if isinstance(changed, Comparison):
        for zero in zeros:
            for signed in (zero, -zero):
                rest = expanded(changed.expr - signed)
                if rest.is_number:
                    holds = rest.constant == 0 if changed.is_zero else rest.constant >= 0
                    return Always(holds != changed.negated)
    return changed
