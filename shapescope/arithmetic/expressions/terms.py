"""Integer expressions of named axes, in a form that makes equal formulas look equal.

An expression is a sum of products with integer coefficients and a constant. The factors of a
product are atoms (a name, a floor division, a remainder, a maximum, ...) or sums that were
multiplied and are left as they stand: `16*(H//4 - 3)*(W//4 - 3)` says more than its expansion.
Every operation simplifies with the rules of integer arithmetic, so that the map behind two
convolutions and two pools reads `H//4 - 3`. Nothing here knows an axis' value.

This module has sums and products; `division` has what `//` and `%` simplify, `maxima` and
`expansion` the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import gcd
from typing import ClassVar

from shapescope.arithmetic.expressions.atoms import Atom, Factor, Name, Product, Remainder, value
from shapescope.arithmetic.expressions.text import Form, sum_text

CACHED = 1 << 15
"""How many results of each operation are kept; a deep network asks for the same ones again."""


class Expr:
    """A sum of products; made by `number`, `name` and the operators, never by hand.

    Attributes:
        terms: products and their coefficients, in the order they are written.
        constant: what is added to them.
        text: the formula, in the grammar of `parse` where `expressible`.
        names: the axes it speaks of.
    """

    __slots__ = ("constant", "expressible", "key", "names", "terms", "text")

    form: ClassVar[Form] = "sum"

    def __init__(self, terms: tuple[tuple[Product, int], ...], constant: int) -> None:
        self.terms = terms
        self.constant = constant
        self.text = sum_text(terms, constant)
        self.names: frozenset[str] = frozenset().union(
            *(factor.names for product, _ in terms for factor in product)
        )
        self.expressible: bool = all(
            factor.expressible for product, _ in terms for factor in product
        )
        self.key = (1, self.text)

    # --- the operators

    def __add__(self, other: Expr | int) -> Expr:
        return _add(self, as_expr(other))

    def __radd__(self, other: int) -> Expr:
        return _add(as_expr(other), self)

    def __sub__(self, other: Expr | int) -> Expr:
        return _add(self, scaled(as_expr(other), -1))

    def __rsub__(self, other: int) -> Expr:
        return _add(as_expr(other), scaled(self, -1))

    def __neg__(self) -> Expr:
        return scaled(self, -1)

    def __mul__(self, other: Expr | int) -> Expr:
        return _multiply(self, as_expr(other))

    def __rmul__(self, other: int) -> Expr:
        return _multiply(as_expr(other), self)

    def __floordiv__(self, other: Expr | int) -> Expr:
        return _divided(self, as_expr(other))

    def __rfloordiv__(self, other: int) -> Expr:
        return _divided(as_expr(other), self)

    def __mod__(self, other: Expr | int) -> Expr:
        return _left_over(self, as_expr(other))

    def __rmod__(self, other: int) -> Expr:
        return _left_over(as_expr(other), self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text

    # --- reading

    @property
    def is_number(self) -> bool:
        """Whether no axis is in it."""
        return not self.terms

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Its value where the axes have these sizes.

        Raises:
            KeyError: an axis without a size.
            ZeroDivisionError: a divisor is 0 there.
        """
        total = self.constant
        for product, coefficient in self.terms:
            for factor in product:
                coefficient *= (
                    factor.evaluate(sizes) if isinstance(factor, Expr) else value(factor, sizes)
                )
            total += coefficient
        return total


def _divided(left: Expr, right: Expr) -> Expr:
    from shapescope.arithmetic.expressions.division import divide

    return divide(left, right)


def _left_over(left: Expr, right: Expr) -> Expr:
    from shapescope.arithmetic.expressions.division import remainder

    return remainder(left, right)


@lru_cache(CACHED)
def number(constant: int) -> Expr:
    """A constant."""
    return Expr((), constant)


@lru_cache(CACHED)
def name(text: str) -> Expr:
    """The size of the axis of this name."""
    return Expr((((Name(text),), 1),), 0)


def of_atom(atom: Atom) -> Expr:
    """An atom as an expression."""
    return Expr((((atom,), 1),), 0)


def as_expr(given: Expr | int) -> Expr:
    """The expression, or the int as one."""
    return given if isinstance(given, Expr) else number(given)


def build(terms: Mapping[Product, int], constant: int) -> Expr:
    """A sum of these products and the constant, in order; coefficients of 0 are dropped."""
    kept = [(product, coefficient) for product, coefficient in terms.items() if coefficient]
    kept.sort(key=lambda item: tuple(factor.key for factor in item[0]))
    return Expr(tuple(kept), constant) if kept else number(constant)


def content(expr: Expr) -> int:
    """The greatest divisor of all coefficients and the constant, signed like the first term."""
    divisor = gcd(expr.constant, *(coefficient for _, coefficient in expr.terms))
    return -divisor if expr.terms and expr.terms[0][1] < 0 else divisor


def _add(left: Expr, right: Expr) -> Expr:
    if not right.terms and not right.constant:
        return left
    if not left.terms and not left.constant:
        return right
    return _added(left, right)


@lru_cache(CACHED)
def _added(left: Expr, right: Expr) -> Expr:
    terms = dict(left.terms)
    for product, coefficient in right.terms:
        terms[product] = terms.get(product, 0) + coefficient
    return _rounded_whole(build(terms, left.constant + right.constant))


def _rounded_whole(expr: Expr) -> Expr:
    """`x - x % m` as `m*(x//m)`, and `x + -x % m` as `m*((x + m - 1)//m)`."""
    if len(expr.terms) < 2:
        return expr
    for product, coefficient in expr.terms:
        inner = product[0]
        if len(product) > 1 or not isinstance(inner, Remainder) or not inner.left.terms:
            continue
        parts = dict(scaled(inner.left, coefficient).terms)
        rest = dict(expr.terms)
        del rest[product]
        if all(rest.get(part) == -count for part, count in parts.items()):
            for part in parts:
                del rest[part]
            whole = inner.right * (inner.left // inner.right)
            constant = expr.constant + coefficient * inner.left.constant
            return build(rest, constant) - scaled(whole, coefficient)
    return expr


@lru_cache(CACHED)
def scaled(expr: Expr, by: int) -> Expr:
    """The expression times an int."""
    if by == 0:
        return number(0)
    return Expr(
        tuple((product, coefficient * by) for product, coefficient in expr.terms),
        expr.constant * by,
    ) if expr.terms else number(expr.constant * by)  # fmt: skip


def _multiply(left: Expr, right: Expr) -> Expr:
    if not left.terms:
        return right if left.constant == 1 else scaled(right, left.constant)
    if not right.terms:
        return left if right.constant == 1 else scaled(left, right.constant)
    return _multiplied(left, right)


@lru_cache(CACHED)
def _multiplied(left: Expr, right: Expr) -> Expr:
    coefficient = 1
    factors: list[Factor] = []
    for expr in (left, right):
        outside, product = factored(expr)
        coefficient *= outside
        factors.extend(product)
    factors.sort(key=lambda factor: factor.key)
    return Expr(((tuple(factors), coefficient),), 0)


def factored(expr: Expr) -> tuple[int, Product]:
    """A coefficient and factors whose product is the expression."""
    if len(expr.terms) == 1 and not expr.constant:
        product, coefficient = expr.terms[0]
        return coefficient, product
    outside = content(expr)
    if outside in (0, 1):
        return 1, (expr,)
    return outside, (exactly_divided(expr, outside),)


def exactly_divided(expr: Expr, by: int) -> Expr:
    """The expression divided by an int that divides all of its coefficients."""
    return build(
        {product: coefficient // by for product, coefficient in expr.terms}, expr.constant // by
    )


def cancelled(over: Sequence[Factor], under: Sequence[Factor]) -> tuple[list[Factor], list[Factor]]:
    """Both lists of factors without those that they share, each as often as it is shared."""
    left, divisor = list(over), list(under)
    for factor in under:
        if factor in left:
            left.remove(factor)
            divisor.remove(factor)
    return left, divisor


def product_of(factors: Iterable[Factor], coefficient: int = 1) -> Expr:
    """The product of factors as they are."""
    result = number(coefficient)
    for factor in factors:
        result = result * (factor if isinstance(factor, Expr) else of_atom(factor))
    return result
