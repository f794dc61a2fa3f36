"""From text to expressions and conditions: the grammar of `shapescope sizes --format json`.

Integers, axis names, `+ - * // %`, comparisons (chained as in Python), `and or not`, brackets and
`min max abs`, all with Python's meaning; beyond that grammar the two that no whole-number formula
says, `int(H*0.7)` with its like and `isqrt`. Nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from shapescope.arithmetic.expressions.atoms import ROUNDINGS, Root, Scaled
from shapescope.arithmetic.expressions.conditions import (
    Condition,
    above,
    at_least,
    equal,
    every,
    negation,
    some,
    unequal,
)
from shapescope.arithmetic.expressions.maxima import extreme
from shapescope.arithmetic.expressions.terms import Expr, name, number, of_atom

_OPERATORS: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Expr, Expr], Condition]] = {
    ast.Eq: equal,
    ast.NotEq: unequal,
    ast.GtE: at_least,
    ast.Gt: above,
    ast.LtE: lambda a, b: at_least(b, a),
    ast.Lt: lambda a, b: above(b, a),
}


def parse_expression(text: str) -> Expr:
    """The expression that `text` says.

    Raises:
        ValueError: it says something else, or nothing.
    """
    return _expression(_tree(text))


def parse_condition(text: str) -> Condition:
    """The condition that `text` says.

    Raises:
        ValueError: it says something else, or nothing.
    """
    return _condition(_tree(text))


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{text!r} is no expression") from error


def _expression(node: ast.expr) -> Expr:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return number(node.value)
    if isinstance(node, ast.Name):
        return name(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _expression(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        try:
            return _OPERATORS[type(node.op)](_expression(node.left), _expression(node.right))
        except ZeroDivisionError:
            raise ValueError(f"{ast.unparse(node)} divides by 0") from None
    scaled = _scaled(node)
    if scaled is not None:
        return scaled
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        items = [_expression(argument) for argument in node.args]
        if node.func.id in ("min", "max") and items:
            return extreme(items, largest=node.func.id == "max")
        if node.func.id == "abs" and len(items) == 1:
            return extreme((items[0], -items[0]), largest=True)
        if node.func.id == "isqrt" and len(items) == 1:
            return of_atom(Root(items[0]))
    raise ValueError(f"{ast.unparse(node)!r} is no expression of sizes")


def _scaled(node: ast.expr) -> Expr | None:
    """`int(H*0.7)`, `ceil(H*0.7)`: an expression times a float, rounded; None for all else."""
    match node:
        case ast.Call(
            ast.Name(rounding), [ast.BinOp(base, ast.Mult(), ast.Constant(float(factor)))]
        ) if rounding in ROUNDINGS:
            return of_atom(Scaled(_expression(base), factor, rounding))
    return None


def _condition(node: ast.expr) -> Condition:
    if isinstance(node, ast.BoolOp):
        parts = [_condition(part) for part in node.values]
        return every(*parts) if isinstance(node.op, ast.And) else some(*parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return negation(_condition(node.operand))
    if isinstance(node, ast.Compare):
        sides = [_expression(side) for side in (node.left, *node.comparators)]
        if all(type(sign) in _COMPARISONS for sign in node.ops):
            return every(
                *(
                    _COMPARISONS[type(sign)](left, right)
                    for sign, left, right in zip(node.ops, sides, sides[1:], strict=False)
                )
            )
    raise ValueError(f"{ast.unparse(node)!r} is no condition on sizes")
