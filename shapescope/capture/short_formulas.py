"""Sizes that PyTorch's symbolic engine lets grow, in their shortest form."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from shapescope.arithmetic.expressions import Expr

_LONG = 6
"""Operations; what is shorter is left as torch has it."""


class ShortFormulas:
    """Puts the short form of a size in the place of a long one.

    A window that is padded to a multiple, cut and halved gives sizes that nest in each other. As
    multiples of a quotient they are as short behind ten such layers as behind one; torch keeps
    the chain, and takes longer with each layer to compare two of its sizes.
    """

    def __init__(self, symbol_names: Mapping[str, str], ours: Callable[[Any], Expr | None]) -> None:
        self._names = symbol_names
        self._ours = ours
        self._known: dict[Any, Any] = {}

    def shorten(self, sizes: Any) -> None:
        """Shorten each size, or stride, that is a symbol."""
        for size in sizes:
            node: Any = getattr(size, "node", None)
            if node is not None and node.expr.count_ops() > _LONG:
                node._expr = self._short(node.expr)

    def _short(self, expr: Any) -> Any:
        if expr not in self._known:
            made = self._ours(expr)
            short = None if made is None else self._theirs(made, expr)
            better = short is not None and short.count_ops() < expr.count_ops()
            self._known[expr] = short if better else expr
        return self._known[expr]

    def _theirs(self, made: Expr, expr: Any) -> Any:
        """One of our expressions as one of sympy's, with the symbols of `expr`."""
        symbols = {self._names.get(str(it), str(it)): it for it in expr.free_symbols}
        if len(symbols) < len(expr.free_symbols):
            # Two inputs have an axis of the same name.
            return None
        return _built(ast.parse(made.text, mode="eval").body, symbols)


def _built(node: ast.expr, symbols: Mapping[str, Any]) -> Any:
    """A sum, product, quotient or remainder as torch's engine writes it; None for all else."""
    import sympy
    from torch.utils._sympy.functions import FloorDiv, Mod

    if isinstance(node, ast.Constant):
        return sympy.Integer(node.value)
    if isinstance(node, ast.Name):
        return symbols.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _built(node.operand, symbols)
        return None if inner is None else -inner
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _built(node.left, symbols), _built(node.right, symbols)
    if left is None or right is None:
        return None
    operations: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.FloorDiv: FloorDiv,
        ast.Mod: Mod,
    }
    operation = operations.get(type(node.op))
    return None if operation is None else operation(left, right)
