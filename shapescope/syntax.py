"""What the nodes of a syntax tree say, whatever file they are of."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator

__all__ = ["callee_of", "first_line", "statements_in"]

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node, from the outside in, without a look at expressions."""
    waiting: deque[ast.AST] = deque([node])
    while waiting:
        fields = vars(waiting.popleft())
        for name in _BLOCKS:
            for child in fields.get(name, ()):
                waiting.append(child)
                if isinstance(child, ast.stmt):
                    yield child


def first_line(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Where a definition begins for Python: at its first decorator, else at its def or class."""
    return min([node.lineno, *(mark.lineno for mark in node.decorator_list)])


def callee_of(node: ast.AST) -> str:
    """The last name of what a call calls, `Conv2d` of `nn.Conv2d(...)`; "" of anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
