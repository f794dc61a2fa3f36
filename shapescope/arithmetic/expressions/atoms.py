"""The factors that expressions are made of: names, divisions, maxima, roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from shapescope.arithmetic.expressions.text import Form, operand

if TYPE_CHECKING:
    from shapescope.arithmetic.expressions.terms import Expr


class Atom:
    """A factor that is no sum. Atoms are equal where their texts are."""

    __slots__ = ("expressible", "key", "names", "text")

    form: ClassVar[Form] = "whole"

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
            f"{operand(left)}{self.sign}{operand(right, tight=True)}",
            left.names | right.names,
            # a formula that may divide by 0 is none for other people
            left.expressible and right.expressible and never_zero(right),
        )


class Quotient(Pair):
    """`left // right`, rounded down."""

    __slots__ = ()
    sign = "//"
    form = "quotient"


class Remainder(Pair):
    """`left % right`, with the sign of `right`."""

    __slots__ = ()
    sign = " % "
    form = "remainder"


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
        super().__init__(f"{rounding}({operand(base)}*{factor!r})", base.names, False)


class Root(Atom):
    """The square root, rounded down."""

    __slots__ = ("base",)

    def __init__(self, base: Expr) -> None:
        self.base = base
        super().__init__(f"isqrt({base.text})", base.names, False)


Factor: TypeAlias = "Atom | Expr"
Product: TypeAlias = tuple[Factor, ...]


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


def never_zero(expr: Expr) -> bool:
    """Whether it is known not to be 0, whatever the sizes."""
    return expr.constant != 0 if expr.is_number else is_at_least(expr, 1)


def is_at_least(expr: Expr, bound: int) -> bool:
    """Whether it is known never to be below `bound`, whatever the sizes."""
    from shapescope.arithmetic.expressions.bounds import interval

    low = interval(expr)[0]
    return low is not None and low >= bound
