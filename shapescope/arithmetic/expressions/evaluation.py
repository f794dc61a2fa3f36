"""Conditions as functions: for asking the same ones of very many sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from shapescope.arithmetic.expressions.atoms import Atom, Name, value
from shapescope.arithmetic.expressions.conditions import Always, Comparison, Condition
from shapescope.arithmetic.expressions.terms import Expr

Judge: TypeAlias = Callable[[Mapping[str, int]], bool]
_Number: TypeAlias = Callable[[Mapping[str, int]], int]


def compiled(condition: Condition) -> Judge:
    """A function of sizes that says whether the condition holds.

    What depends on one axis alone is computed once for each of its sizes.
    """
    if isinstance(condition, Always):
        holds = condition.holds
        return lambda sizes: holds
    if isinstance(condition, Comparison):
        return _comparison(condition)
    parts = [compiled(part) for part in condition.parts]
    if condition.every:
        return lambda sizes: all(part(sizes) for part in parts)
    return lambda sizes: any(part(sizes) for part in parts)


def _comparison(condition: Comparison) -> Judge:
    number = _expr(condition.expr)
    is_zero, negated = condition.is_zero, condition.negated

    def judge(sizes: Mapping[str, int]) -> bool:
        try:
            found = number(sizes)
        except ZeroDivisionError:
            return False
        return (found == 0) != negated if is_zero else found >= 0

    return judge


def _expr(expr: Expr) -> _Number:
    if len(expr.names) == 1:
        return _remembered(expr.evaluate, next(iter(expr.names)))
    constant = expr.constant
    terms = [
        (coefficient, [_expr(f) if isinstance(f, Expr) else _atom(f) for f in product])
        for product, coefficient in expr.terms
    ]

    def compute(sizes: Mapping[str, int]) -> int:
        total = constant
        for coefficient, factors in terms:
            for factor in factors:
                coefficient *= factor(sizes)
            total += coefficient
        return total

    return compute


def _atom(atom: Atom) -> _Number:
    if isinstance(atom, Name):
        name = atom.text
        return lambda sizes: sizes[name]
    if len(atom.names) == 1:
        return _remembered(lambda sizes: value(atom, sizes), next(iter(atom.names)))
    return lambda sizes: value(atom, sizes)


def _remembered(compute: _Number, name: str) -> _Number:
    known: dict[int, int] = {}

    def look_up(sizes: Mapping[str, int]) -> int:
        size = sizes[name]
        found = known.get(size)
        if found is None:
            found = known[size] = compute({name: size})
        return found

    return look_up
