"""What nodes of a syntax tree say."""

from __future__ import annotations

import ast

import pytest

from shapescope.syntax import callee_of, first_line, statements_in


@pytest.mark.parametrize(
    ("expression", "callee"),
    [
        ("Conv2d(3, 6, 5)", "Conv2d"),
        ("torch.nn.Conv2d(3, 6, 5)", "Conv2d"),
        ("makers[0]()", ""),
        ("nn.Conv2d", ""),
    ],
)
def test_a_call_is_known_by_the_last_name_of_what_it_calls(expression: str, callee: str) -> None:
    assert callee_of(ast.parse(expression, mode="eval").body) == callee


def test_statements_come_from_the_outside_in_and_definitions_begin_at_decorators() -> None:
    tree = ast.parse("@staticmethod\ndef f():\n    if a:\n        b\n    else:\n        c\nd")
    kinds = [type(node).__name__ for node in statements_in(tree)]
    assert kinds == ["FunctionDef", "Expr", "If", "Expr", "Expr"]
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert (function.lineno, first_line(function)) == (2, 1)
