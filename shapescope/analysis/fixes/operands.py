"""The tensors that go into a call, as expressions, and with text put around them."""

from __future__ import annotations

import ast

from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.source import Code
from shapescope.trace import Step


def operand_of(step: Step, position: int) -> tuple[Code, ast.expr] | None:
    """The expression of one input of a call."""
    found = operand_nodes(step.call_site)
    if found is None or position >= len(found[1]):
        return None
    return found[0], found[1][position]


def wrap(step: Step, position: int, before: str, after: str) -> tuple[Code, ast.expr, str] | None:
    """An operand with text around it: the file, its node, and the new text."""
    found = operand_of(step, position)
    if found is None:
        return None
    code, node = found
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    text = code.text(node)
    inner = (
        text if plain or (before.endswith("(") and after.startswith((",", ")"))) else f"({text})"
    )
    return code, node, f"{before}{inner}{after}"
