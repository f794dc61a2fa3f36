"""Sizes of PyTorch's symbolic engine as our expressions, and as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapescope.arithmetic.expressions import Expr, extreme, name, number


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
    parts = [translated(part, names) for part in expr.args]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts) or not whole:
        return None
    operation = _OPERATIONS.get(kind)
    return None if operation is None else operation(whole)


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
