"""What known remainders make of formulas: `4*((H + 3)//4)` is H where `H % 4 == 0` holds.

A remainder that is known makes its size a multiple of a new name: `H % 4 == 0` is `H == 4*q`. With
that name in its place the rules of integer arithmetic do the rest, and what is left of the name
at the end is written as the size again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd

from shapescope.arithmetic.expressions.atoms import Atom, Name, Quotient, Remainder
from shapescope.arithmetic.expressions.bounds import interval
from shapescope.arithmetic.expressions.conditions import Comparison, Condition, Junction
from shapescope.arithmetic.expressions.division import divide
from shapescope.arithmetic.expressions.rewriting import rewritten, rewritten_condition
from shapescope.arithmetic.expressions.terms import Expr, as_expr, name, number, of_atom

_MARK = "~"
"""Before the new names; no axis has one."""


@dataclass(frozen=True, slots=True)
class _Multiple:
    """`atom + shift == by * symbol`."""

    atom: Atom
    shift: int
    by: int
    symbol: str

    @property
    def whole(self) -> Expr:
        """The multiple as it was written."""
        return of_atom(self.atom) + self.shift

    def replaced(self, atom: Atom) -> Expr | None:
        """The atom by the new name; None where it has nothing to do with it."""
        as_multiple = name(self.symbol) * self.by - self.shift
        if atom == self.atom:
            return as_multiple
        if not isinstance(atom, Quotient) or not isinstance(self.atom, Quotient):
            return None
        # (B + d)//(n*m*j) of B//n: the sum is n*m*q + d - n*shift, and less than n more
        if not atom.right.is_number or not self.atom.right.is_number:
            return None
        step, unit = self.atom.right.constant, self.atom.right.constant * self.by
        more = atom.left - self.atom.left
        if not more.is_number or step < 1 or atom.right.constant % unit:
            return None
        over = more.constant - step * self.shift
        if over % unit > step * (self.by - 1):
            return None
        return divide(name(self.symbol) + over // unit, number(atom.right.constant // unit))


class Exact:
    """Remainders and sizes that are known, and what they make of formulas.

    Args:
        conditions: what holds.
    """

    def __init__(self, conditions: Iterable[Condition] = ()) -> None:
        self._multiples: list[_Multiple] = []
        self._numbers: dict[Atom, int] = {}
        self.names: frozenset[str] = frozenset()
        for condition in conditions:
            self.learn(condition)

    def copy(self) -> Exact:
        """The same knowledge, to be added to apart from this."""
        twin = Exact()
        twin._multiples = list(self._multiples)
        twin._numbers = dict(self._numbers)
        twin.names = self.names
        return twin

    def learn(self, condition: Condition) -> None:
        """From now on this holds."""
        if isinstance(condition, Junction):
            for part in condition.parts if condition.every else ():
                self.learn(part)
            return
        if not isinstance(condition, Comparison) or not condition.is_zero or condition.negated:
            return
        expr = self._inside(condition.expr)
        if len(expr.terms) != 1:
            return
        (product, coefficient) = expr.terms[0]
        atom = product[0]
        if len(product) > 1 or coefficient != 1 or not isinstance(atom, Atom):
            return
        self.names |= condition.names
        if isinstance(atom, Remainder) and self._learn_multiple(atom, -expr.constant):
            return
        self._numbers[atom] = -expr.constant

    def _learn_multiple(self, given: Remainder, rest: int) -> bool:
        """`left % by == rest`; whether it could be used."""
        left, by = given.left, given.right.constant
        if len(left.terms) != 1 or not given.right.is_number or by < 2:
            return False
        (product, coefficient) = left.terms[0]
        atom = product[0]
        if len(product) > 1 or abs(coefficient) != 1 or not isinstance(atom, Name | Quotient):
            return False
        low = interval(of_atom(atom))[0]
        if low is None:
            return False
        # like every name, the new one is 1 or more
        shift = ((left.constant - rest) * coefficient + low - 1) % by + 1 - low
        symbol = f"{_MARK}{len(self._multiples)}"
        self._multiples.append(_Multiple(atom, shift, by, symbol))
        return True

    # --- there and back

    def shorter(self, expr: Expr) -> Expr:
        """The formula as what is known lets it be written; itself where that is no shorter."""
        if not self.names & expr.names:
            return expr
        found = self._outside(self._inside(expr))
        return found if len(found.text) < len(expr.text) else expr

    def settled(self, condition: Condition) -> Condition:
        """The condition as what is known lets it be written; itself where that is no shorter."""
        if not self.names & condition.names:
            return condition
        inside = rewritten_condition(condition, self._replaced)
        for multiple in self._multiples[1:]:
            inside = rewritten_condition(inside, multiple.replaced)
        if not inside.names:
            return inside
        if not isinstance(inside, Comparison):
            return condition
        found = self._outside(inside.expr)
        changed = rewritten_condition(Comparison(found, inside.is_zero, inside.negated), _as_it_is)
        return changed if len(changed.text) < len(condition.text) else condition

    def _replaced(self, atom: Atom) -> Expr | None:
        known = self._numbers.get(atom)
        if known is not None:
            return number(known)
        return self._multiples[0].replaced(atom) if self._multiples else None

    def _inside(self, expr: Expr) -> Expr:
        """The formula with the new names."""
        expr = rewritten(expr, self._replaced)
        for multiple in self._multiples[1:]:
            expr = rewritten(expr, multiple.replaced)
        return expr

    def _outside(self, expr: Expr) -> Expr:
        """The formula without the new names, the last one first: it may stand for another."""
        for multiple in reversed(self._multiples):
            if multiple.symbol in expr.names:
                expr = _written(expr, multiple)
        return expr


def _as_it_is(_: Atom) -> Expr | None:
    return None


def _written(expr: Expr, multiple: _Multiple) -> Expr:
    """The formula with a multiple as it was: whole where its coefficient allows that."""
    total = as_expr(expr.constant)
    for product, coefficient in expr.terms:
        part = number(1)
        for factor in product:
            if isinstance(factor, Expr):
                part = part * _written(factor, multiple)
            elif factor.text != multiple.symbol:
                part = part * _written_atom(factor, multiple)
            elif coefficient % multiple.by == 0:
                coefficient //= multiple.by
                part = part * multiple.whole
            else:
                part = part * (multiple.whole // multiple.by)
        total = total + part * coefficient
    return total


def _written_atom(atom: Atom, multiple: _Multiple) -> Expr:
    if multiple.symbol not in atom.names:
        return of_atom(atom)
    if isinstance(atom, Quotient) and atom.right.is_number:
        # (c*q + k)//m is (g*c*q + g*k)//(g*m), with a g that makes whole multiples
        factor = 1
        for product, coefficient in atom.left.terms:
            if any(one.text == multiple.symbol for one in product):
                one = multiple.by // gcd(coefficient, multiple.by)
                factor = factor * one // gcd(factor, one)
        return _written(atom.left * factor, multiple) // (atom.right * factor)
    return rewritten(of_atom(atom), lambda one: _symbol(one, multiple))


def _symbol(atom: Atom, multiple: _Multiple) -> Expr | None:
    if atom.text == multiple.symbol:
        return multiple.whole // multiple.by
    if isinstance(atom, Quotient) and multiple.symbol in atom.names and atom.right.is_number:
        return _written_atom(atom, multiple)
    return None
