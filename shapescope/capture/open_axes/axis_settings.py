"""Settings of a symbolic trace in the names of its axes instead of torch's own symbols."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shapescope.arithmetic.expressions import parse_expression
from shapescope.attrs import with_values
from shapescope.trace import Trace

_SYMBOL = re.compile(r"\bs\d+\b")


def in_axis_names(trace: Trace, names: Mapping[str, str]) -> Trace:
    """The trace with `N` for `s75` in what was asked of each step, and in how it failed.

    Args:
        trace: whose settings hold formulas as torch writes them.
        names: the axis of each of torch's symbols.
    """
    steps = tuple(
        step
        if step.attrs is None
        else replace(step, attrs=with_values(step.attrs, lambda value: _value(value, names)))
        for step in trace.steps
    )
    failure = trace.failure
    if failure is not None:
        failure = replace(failure, message=_named(failure.message, names))
    return replace(trace, steps=steps, failure=failure)


def _named(text: str, names: Mapping[str, str]) -> str:
    return _SYMBOL.sub(lambda found: names.get(found[0], found[0]), text)


def _value(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str) and _SYMBOL.search(value):
        words = ":".join(map(_in_our_words, _named(value, names).split(":")))
        return int(words) if words.removeprefix("-").isdecimal() else words
    return value


def _in_our_words(text: str) -> str:
    """A formula with `(W*W) % 11` for torch's `Mod(W**2, 11)`; any other text as it is."""
    if "**" not in text and not _CALL.search(text):
        return text
    try:
        return parse_expression(ast.unparse(_Operators().visit(ast.parse(text, mode="eval")))).text
    except (SyntaxError, ValueError):
        return text


_CALL = re.compile(r"\w\(")
_MOST_FACTORS = 8


class _Operators(ast.NodeTransformer):
    """Writes the functions of torch's engine as Python's operators, and powers as products."""

    _BINARY: Mapping[str, type[ast.operator]] = {
        "Mod": ast.Mod,
        "PythonMod": ast.Mod,
        "FloorDiv": ast.FloorDiv,
        "CleanDiv": ast.FloorDiv,
        "IntTrueDiv": ast.Div,
    }

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`Mod(a, b)` as `a % b`, `Max(a, b)` as `max(a, b)`."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name):
            operator = self._BINARY.get(node.func.id)
            if operator is not None and len(node.args) == 2:
                return ast.BinOp(node.args[0], operator(), node.args[1])
            divided = node.args[0] if node.args else None
            if isinstance(divided, ast.BinOp) and isinstance(divided.op, ast.Div):
                if node.func.id == "FloorToInt":
                    return ast.BinOp(divided.left, ast.FloorDiv(), divided.right)
                if node.func.id == "CeilToInt":
                    up = ast.UnaryOp(ast.USub(), divided.left)
                    return ast.UnaryOp(ast.USub(), ast.BinOp(up, ast.FloorDiv(), divided.right))
            node.func.id = node.func.id.lower()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`W**2` as `W*W`."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow) or not isinstance(node.right, ast.Constant):
            return node
        factors = node.right.value
        if not isinstance(factors, int) or not 1 < factors <= _MOST_FACTORS:
            return node
        product = node.left
        for _ in range(factors - 1):
            product = ast.BinOp(product, ast.Mult(), node.left)
        return product
