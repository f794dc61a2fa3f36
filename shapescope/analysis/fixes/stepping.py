"""A loop that was to walk through the steps of a sequence, and walks through its samples."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import code_of, expression_at
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.diagnostic import Edit
from shapescope.trace import Step

_MESSAGE = "walk through the steps, axis 1, not through the samples"


def steps_instead(step: Step) -> Iterator[Proposal]:
    """`x[:, t]` for `x[t]`, `x.unbind(1)` for `x`, and as many turns as axis 1 is long.

    Args:
        step: takes one entry of axis 0 after the other: an index, or the loop itself.
    """
    found = expression_at(step.call_site)
    if found is not None and isinstance(found[1], ast.Subscript):
        yield from _by_number(found[0], found[1])
    elif step.op == "unbind" and step.call_site is not None:
        code = code_of(step.call_site.file)
        if code is not None:
            yield from _by_iteration(code, step.call_site.line)


def _by_number(code: Code, node: ast.Subscript) -> Iterator[Proposal]:
    """An index that a loop counts."""
    if not isinstance(node.slice, ast.Name):
        return
    loop = _loop_of(code, node, node.slice.id)
    counted = loop.iter if loop is not None else None
    if not isinstance(counted, ast.Call) or not _is_call_of(counted, "range"):
        return
    tensor = code.text(node.value)
    sizes = [
        _second_size(code, size, tensor)
        for size in ast.walk(counted)
        if isinstance(size, ast.expr) and _is_first_size(size)
    ]
    edits = (code.replace(node.slice, f":, {node.slice.id}"), *sizes)
    yield Proposal(_MESSAGE, edits, kind="steps")


def _by_iteration(code: Code, line: int) -> Iterator[Proposal]:
    """A loop, or a comprehension, over a tensor itself."""
    for node in ast.walk(code.tree):
        if not isinstance(node, ast.For | ast.comprehension) or node.iter.lineno != line:
            continue
        walked = node.iter
        if isinstance(walked, ast.Call) and _is_call_of(walked, "enumerate") and walked.args:
            walked = walked.args[0]
        if isinstance(walked, ast.Name | ast.Attribute):
            edit = code.replace(walked, f"{code.text(walked)}.unbind(1)")
            yield Proposal(_MESSAGE, (edit,), kind="steps")


def _loop_of(code: Code, node: ast.AST, name: str) -> ast.For | None:
    for above in code.around(node):
        if isinstance(above, ast.For) and ast.unparse(above.target) == name:
            return above
    return None


def _is_call_of(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


def _is_first_size(node: ast.expr) -> bool:
    """Whether an expression is `x.size(0)`, `x.shape[0]` or `len(x)`."""
    if isinstance(node, ast.Call):
        if _is_call_of(node, "len"):
            return len(node.args) == 1
        sized = isinstance(node.func, ast.Attribute) and node.func.attr == "size"
        return sized and len(node.args) == 1 and _is_zero(node.args[0])
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "shape"
        and _is_zero(node.slice)
    )


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _second_size(code: Code, node: ast.expr, tensor: str) -> Edit:
    """The size of axis 1 where that of axis 0 of the same tensor is asked for."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return code.replace(node.args[0], "1")
    if isinstance(node, ast.Subscript):
        return code.replace(node.slice, "1")
    return code.replace(node, f"{tensor}.size(1)")
