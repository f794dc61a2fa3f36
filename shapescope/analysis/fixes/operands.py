"""The tensors that go into a call, as expressions, and with text put around them."""

from __future__ import annotations

import ast

from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.source import Code
from shapescope.diagnostic import Edit
from shapescope.trace import SourceSpan, Step


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
    plain = _is_plain(node)
    text = code.text(node)
    inner = (
        text if plain or (before.endswith("(") and after.startswith((",", ")"))) else f"({text})"
    )
    return code, node, f"{before}{inner}{after}"


def exchanged(step: Step, one: int, two: int) -> tuple[Edit, ...]:
    """Two operands in each other's place; none where they have no expressions of their own."""
    first, second = operand_of(step, one), operand_of(step, two)
    if first is None or second is None or first[0] is not second[0]:
        return ()
    code, nodes = first[0], (first[1], second[1])
    texts = [code.text(node) if _is_plain(node) else f"({code.text(node)})" for node in nodes]
    return code.replace(nodes[0], texts[1]), code.replace(nodes[1], texts[0])


def around(step: Step, before: str, behind: str) -> tuple[Edit, Edit] | None:
    """A method call behind the first operand of a call, and another one behind the call itself."""
    made, span = wrap(step, 0, "", before), step.call_site
    if made is None or span is None:
        return None
    code, node, text = made
    end = SourceSpan(span.file, span.end_line, span.end_column, span.end_line, span.end_column)
    return code.replace(node, text), Edit(end, behind)


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression binds as tightly as a name."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
