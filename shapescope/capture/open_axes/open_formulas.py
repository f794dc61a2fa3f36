"""Sizes of PyTorch's symbolic engine as our expressions, and as text."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from shapescope.arithmetic.expressions import Expr, Scaled, extreme, name, number, of_atom
from shapescope.arithmetic.expressions.atoms import is_at_least

_LARGEST_DENOMINATOR = 1024
"""A float such as 0.5 or 1.25 is a fraction, by which no product of a size is rounded."""


def size_text(expr: Any, symbol_names: dict[str, str]) -> int | str:
    """A size as a formula of the axes' names, a number where no axis is in it."""
    made = translated(expr, symbol_names)
    if made is None:
        return str(expr)
    return made.constant if made.is_number else made.text


def translated(expr: Any, names: dict[str, str]) -> Expr | None:
    """One of sympy's expressions as ours; None where it has something ours have not."""
    kind = type(expr).__name__
    if expr.is_Integer:
        return number(int(expr))
    if expr.is_Symbol:
        return name(names.get(str(expr), str(expr)))
    if kind in _ROUNDINGS:
        return _rounded(kind, expr.args[0], names)
    parts = [translated(part, names) for part in expr.args]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts) or not whole:
        return None
    operation = _OPERATIONS.get(kind)
    return None if operation is None else operation(whole)


def _rounded(kind: str, value: Any, names: dict[str, str]) -> Expr | None:
    """A float computed from sizes without its fraction."""
    if type(value).__name__ not in _TRUE_DIVISIONS:
        return _scaled(value, names) if kind == "TruncToInt" else None
    over, under = (translated(_whole(part), names) for part in value.args)
    if over is None or under is None or (under.is_number and under.constant == 0):
        return None
    if kind == "TruncToInt" and not (is_at_least(over, 0) and is_at_least(under, 1)):
        return None
    return -(-over // under) if kind == "CeilToInt" else over // under


def _whole(value: Any) -> Any:
    """The size of which a float was made."""
    return value.args[0] if type(value).__name__ == "ToFloat" else value


_ROUNDINGS = ("TruncToInt", "FloorToInt", "CeilToInt")
_TRUE_DIVISIONS = ("IntTrueDiv", "FloatTrueDiv")


def _scaled(product: Any, names: dict[str, str]) -> Expr | None:
    """A size times a float and without its fraction, as `interpolate` makes it of its scale."""
    scales = [float(part) for part in product.args if part.is_Float]
    sizes = [part.args[0] for part in product.args if type(part).__name__ == "ToFloat"]
    if not product.is_Mul or len(scales) != 1 or len(sizes) != 1 or len(product.args) > 2:
        return None
    size = translated(sizes[0], names)
    if size is None or scales[0] < 0:
        return None
    exact = Fraction(scales[0])
    if exact.denominator <= _LARGEST_DENOMINATOR:
        return size * exact.numerator // exact.denominator
    return of_atom(Scaled(size, scales[0], "int"))


def _sum(parts: list[Expr]) -> Expr:
    total = number(0)
    for part in parts:
        total = total + part
    return total


def _product(parts: list[Expr]) -> Expr:
    total = number(1)
    for part in parts:
        total = total * part
    return total


def _power(parts: list[Expr]) -> Expr | None:
    base, exponent = parts
    if not exponent.is_number or exponent.constant < 1:
        return None
    return _product([base] * exponent.constant)


_OPERATIONS: dict[str, Callable[[list[Expr]], Expr | None]] = {
    "Add": _sum,
    "Mul": _product,
    "Pow": _power,
    "PowByNatural": _power,
    "FloorDiv": lambda parts: parts[0] // parts[1],
    "CleanDiv": lambda parts: parts[0] // parts[1],
    "Mod": lambda parts: parts[0] % parts[1],
    "PythonMod": lambda parts: parts[0] % parts[1],
    "Max": lambda parts: extreme(parts, largest=True),
    "Min": lambda parts: extreme(parts, largest=False),
}
