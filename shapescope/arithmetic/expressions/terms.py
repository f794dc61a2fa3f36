"""Integer expressions of named axes, in a form that makes equal formulas look equal.

An expression is a sum of products with integer coefficients and a constant. The factors of a
product are atoms (a name, a floor division, a remainder, a maximum, ...) or sums that were
multiplied and are left as they stand: `16*(H//4 - 3)*(W//4 - 3)` says more than its expansion.
Every operation simplifies with the rules of integer arithmetic, so that the map behind two
convolutions and two pools reads `H//4 - 3`. Nothing here knows an axis' value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import gcd, isqrt
from typing import ClassVar, TypeAlias

CACHED = 1 << 15
"""How many results of each operation are kept; a deep network asks for the same ones again."""


class Atom:
    """A factor that is no sum. Atoms are equal where their texts are."""

    __slots__ = ("expressible", "key", "names", "text")

    def __init__(self, text: str, names: frozenset[str], expressible: bool) -> None:
        self.text = text
        self.names = names
        self.expressible = expressible
        self.key = (0 if names == _BATCH_ONLY else 1, text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


BATCH = "N"
"""The name of the batch axis, whose size is 2 or more; every other name is 1 or more."""

_BATCH_ONLY = frozenset({BATCH})


class Name(Atom):
    """The size of an axis."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, frozenset({name}), True)


class Pair(Atom):
    """An atom of two expressions: `left sign right`."""

    __slots__ = ("left", "right")
    sign: ClassVar[str]

    def __init__(self, left: Expr, right: Expr) -> None:
        self.left = left
        self.right = right
        super().__init__(
            f"{_operand(left)}{self.sign}{_operand(right, tight=True)}",
            left.names | right.names,
            # a formula that may divide by 0 is none for other people
            left.expressible and right.expressible and _never_zero(right),
        )


class Quotient(Pair):
    """`left // right`, rounded down."""

    __slots__ = ()
    sign = "//"


class Remainder(Pair):
    """`left % right`, with the sign of `right`."""

    __slots__ = ()
    sign = " % "


class Extreme(Atom):
    """The largest or the smallest of several expressions."""

    __slots__ = ("items", "largest")

    def __init__(self, items: tuple[Expr, ...], largest: bool) -> None:
        self.items = items
        self.largest = largest
        word = "max" if largest else "min"
        super().__init__(
            f"{word}({', '.join(item.text for item in items)})",
            frozenset().union(*(item.names for item in items)),
            all(item.expressible for item in items),
        )


class Scaled(Atom):
    """An expression times a float, rounded as Python does: no whole-number formula says this."""

    __slots__ = ("base", "factor", "rounding")

    def __init__(self, base: Expr, factor: float, rounding: str) -> None:
        self.base = base
        self.factor = factor
        self.rounding = rounding
        super().__init__(f"{rounding}({_operand(base)}*{factor!r})", base.names, False)


class Root(Atom):
    """The square root, rounded down."""

    __slots__ = ("base",)

    def __init__(self, base: Expr) -> None:
        self.base = base
        super().__init__(f"isqrt({base.text})", base.names, False)


Factor: TypeAlias = "Atom | Expr"
Product: TypeAlias = tuple[Factor, ...]


class Expr:
    """A sum of products; made by `number`, `name` and the operators, never by hand.

    Attributes:
        terms: products and their coefficients, in the order they are written.
        constant: what is added to them.
        text: the formula, in the grammar of `parse` where `expressible`.
        names: the axes it speaks of.
    """

    __slots__ = ("constant", "expressible", "key", "names", "terms", "text")

    def __init__(self, terms: tuple[tuple[Product, int], ...], constant: int) -> None:
        self.terms = terms
        self.constant = constant
        self.text = _sum_text(terms, constant)
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
        return _add(self, _scale(as_expr(other), -1))

    def __rsub__(self, other: int) -> Expr:
        return _add(as_expr(other), _scale(self, -1))

    def __neg__(self) -> Expr:
        return _scale(self, -1)

    def __mul__(self, other: Expr | int) -> Expr:
        return _multiply(self, as_expr(other))

    def __rmul__(self, other: int) -> Expr:
        return _multiply(as_expr(other), self)

    def __floordiv__(self, other: Expr | int) -> Expr:
        return divide(self, as_expr(other))

    def __rfloordiv__(self, other: int) -> Expr:
        return divide(as_expr(other), self)

    def __mod__(self, other: Expr | int) -> Expr:
        return remainder(self, as_expr(other))

    def __rmod__(self, other: int) -> Expr:
        return remainder(as_expr(other), self)

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


def value(atom: Atom, sizes: Mapping[str, int]) -> int:
    """What an atom is where the axes have these sizes."""
    if isinstance(atom, Name):
        return sizes[atom.text]
    if isinstance(atom, Quotient):
        return atom.left.evaluate(sizes) // atom.right.evaluate(sizes)
    if isinstance(atom, Remainder):
        return atom.left.evaluate(sizes) % atom.right.evaluate(sizes)
    if isinstance(atom, Extreme):
        found = [item.evaluate(sizes) for item in atom.items]
        return max(found) if atom.largest else min(found)
    if isinstance(atom, Root):
        return isqrt(max(atom.base.evaluate(sizes), 0))
    assert isinstance(atom, Scaled)
    return ROUNDINGS[atom.rounding](atom.base.evaluate(sizes) * atom.factor)


def _ceil(number: float) -> int:
    return -int(-number // 1)


ROUNDINGS: dict[str, Callable[[float], int]] = {
    "int": int,
    "floor": lambda number: int(number // 1),
    "ceil": _ceil,
    "round": round,
}
"""The ways Python makes an int of a float, by the word that stands in the text."""


# --- making


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
        scaled = dict(_scale(inner.left, coefficient).terms)
        rest = dict(expr.terms)
        del rest[product]
        if all(rest.get(part) == -count for part, count in scaled.items()):
            for part in scaled:
                del rest[part]
            whole = inner.right * divide(inner.left, inner.right)
            constant = expr.constant + coefficient * inner.left.constant
            return build(rest, constant) - _scale(whole, coefficient)
    return expr


@lru_cache(CACHED)
def _scale(expr: Expr, by: int) -> Expr:
    if by == 0:
        return number(0)
    return Expr(
        tuple((product, coefficient * by) for product, coefficient in expr.terms),
        expr.constant * by,
    ) if expr.terms else number(expr.constant * by)  # fmt: skip


def _multiply(left: Expr, right: Expr) -> Expr:
    if not left.terms:
        return right if left.constant == 1 else _scale(right, left.constant)
    if not right.terms:
        return left if right.constant == 1 else _scale(left, right.constant)
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


def product_of(factors: Iterable[Factor], coefficient: int = 1) -> Expr:
    """The product of factors as they are."""
    result = number(coefficient)
    for factor in factors:
        result = result * (factor if isinstance(factor, Expr) else of_atom(factor))
    return result


# --- division


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
            return _divided(_scale(left, -1), -right.constant)
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
        items = (_divided(_scale(item, coefficient) + rest, by) for item in extreme_atom.items)
        return extreme(items, largest=largest)
    if left.terms[0][1] < 0:
        # -p//n = -((p + n - 1)//n)
        return _scale(_divided(_scale(left, -1) + (by - 1), by), -1)
    for product, coefficient in left.terms:
        # (a//m + x)//n = (a + m*x)//(m*n)
        if coefficient == 1 and len(product) == 1 and isinstance(product[0], Quotient):
            inner = product[0]
            if inner.right.is_number and inner.right.constant > 0:
                others = left - of_atom(inner)
                m = inner.right.constant
                return _divided(inner.left + _scale(others, m), m * by)
    if len(left.terms) == 1 and not left.constant:
        product, coefficient = left.terms[0]
        if coefficient == 1 and len(product) == 1 and isinstance(product[0], Remainder):
            inner_rest = product[0]
            if inner_rest.right.is_number and 0 < inner_rest.right.constant <= by:
                return number(0)
    return of_atom(Quotient(left, number(by)))


def lone_extreme(expr: Expr) -> tuple[Extreme, int, Expr] | None:
    """The one maximum or minimum among the terms, its coefficient, and the other terms."""
    found: tuple[Extreme, int, Expr] | None = None
    for product, coefficient in expr.terms:
        atom = product[0]
        if isinstance(atom, Extreme) and len(product) == 1:
            if found is not None:
                return None
            found = (atom, coefficient, expr - _scale(of_atom(atom), coefficient))
    return found


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


def _without_remainders(left: Expr, by: int) -> Expr:
    """Remainders among other terms written as differences where the divisor then divides them."""
    if len(left.terms) < 2 and not left.constant:
        return left
    for product, coefficient in left.terms:
        if len(product) == 1 and isinstance(product[0], Remainder):
            inner = product[0]
            if inner.right.is_number and (coefficient * inner.right.constant) % by == 0:
                rest = left - _scale(of_atom(inner), coefficient)
                down = inner.left - inner.right * divide(inner.left, inner.right)
                result = rest + _scale(down, coefficient)
                if inner.right == number(2):
                    # x % 2 is also what is missing to the next even number
                    up = -inner.left - inner.right * divide(-inner.left, inner.right)
                    other = rest + _scale(up, coefficient)
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
    over, under = list(top[1]), list(bottom[1])
    for factor in bottom[1]:
        if factor in over:
            over.remove(factor)
            under.remove(factor)
    common = gcd(top[0], bottom[0])
    if bottom[0] < 0:
        common = -common
    changed = common != 1 or len(under) < len(bottom[1])
    left = product_of(over, top[0] // common)
    right = product_of(under, bottom[0] // common)
    if changed:
        return divide(left, right)
    difference = right - left
    if difference.is_number and difference.constant > 0 and _is_at_least(left, 0):
        return number(0)
    return of_atom(Quotient(left, right))


def _never_zero(expr: Expr) -> bool:
    return expr.constant != 0 if expr.is_number else _is_at_least(expr, 1)


def _is_at_least(expr: Expr, bound: int) -> bool:
    from shapescope.arithmetic.expressions.bounds import interval

    low = interval(expr)[0]
    return low is not None and low >= bound


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
                reduced += _scale(factor.left, coefficient)
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
        return _scale(remainder(inner, number(by // common)), common) + left.constant % common
    from shapescope.arithmetic.expressions.bounds import interval

    low, high = interval(left)
    if low is not None and high is not None and low >= 0 and high < by:
        return left
    return of_atom(Remainder(left, number(by)))


# --- maxima


def extreme(items: Iterable[Expr], *, largest: bool) -> Expr:
    """The largest or smallest of the expressions; what can never be it is left out.

    Raises:
        ValueError: there are none.
    """
    flat: list[Expr] = []
    for item in items:
        atom = item.terms[0][0][0] if len(item.terms) == 1 else None
        nested = isinstance(atom, Extreme) and atom.largest == largest and item == of_atom(atom)
        flat.extend(atom.items if nested and isinstance(atom, Extreme) else (item,))
    kept: list[Expr] = []
    for item in dict.fromkeys(flat):
        if any(_never_beyond(item, other, largest) for other in kept):
            continue
        kept = [other for other in kept if not _never_beyond(other, item, largest)]
        kept.append(item)
    if not kept:
        raise ValueError("no expression to choose from")
    if len(kept) == 1:
        return kept[0]
    kept.sort(key=lambda item: (item.is_number, item.key))
    return of_atom(Extreme(tuple(kept), largest))


def _never_beyond(item: Expr, other: Expr, largest: bool) -> bool:
    return _is_at_least(expanded(other - item if largest else item - other), 0)


# --- expansion


def expanded(expr: Expr) -> Expr:
    """The same expression with products multiplied out and remainders as differences.

    Two expressions that differ only in form have a difference that expands to 0.
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
            parts = _cross(parts, _as_parts(factor))
        total += build({part: c for part, c in parts.items() if part}, parts.get((), 0))
    return total


def _as_parts(factor: Factor) -> dict[Product, int]:
    if isinstance(factor, Remainder):
        factor = factor.left - factor.right * divide(factor.left, factor.right)
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


# --- text


def _sum_text(terms: tuple[tuple[Product, int], ...], constant: int) -> str:
    text = ""
    for product, coefficient in sorted(terms, key=lambda item: item[1] < 0):
        piece = _product_text(product, abs(coefficient))
        if text:
            text += f" - {piece}" if coefficient < 0 else f" + {piece}"
        elif coefficient < 0:
            # -a//b would be (-a)//b
            loose = coefficient == -1 and len(product) == 1 and isinstance(product[0], Pair)
            text = f"-({piece})" if loose else f"-{piece}"
        else:
            text = piece
    if not text:
        return str(constant)
    if constant:
        text += f" - {-constant}" if constant < 0 else f" + {constant}"
    return text


def _product_text(product: Product, coefficient: int) -> str:
    alone = len(product) == 1 and coefficient == 1
    pieces = [] if coefficient == 1 else [str(coefficient)]
    for factor in product:
        bare = isinstance(factor, Name | Extreme | Scaled | Root)
        pieces.append(
            factor.text if bare or (alone and not _is_sum(factor)) else f"({factor.text})"
        )
    return "*".join(pieces)


def _is_sum(factor: Factor) -> bool:
    return isinstance(factor, Expr)


def _operand(expr: Expr, tight: bool = False) -> str:
    """The text of an operand of `//`, `%` or `*`, in brackets where it needs them.

    `tight` is the right operand, where `//` and `%` do not associate.
    """
    if not expr.terms:
        return expr.text if expr.constant >= 0 else f"({expr.text})"
    (product, coefficient), *more = expr.terms
    single = not more and not expr.constant and coefficient == 1 and len(product) == 1
    if not single:
        return f"({expr.text})"
    if isinstance(product[0], Name | Extreme | Scaled | Root):
        return expr.text
    return f"({expr.text})" if tight or isinstance(product[0], Remainder) else expr.text
