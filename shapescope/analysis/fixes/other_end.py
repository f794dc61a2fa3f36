"""A list of maps walked from the wrong end: the skips of a decoder, the deepest one first."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.operands import operand_of
from shapescope.diagnostic import Edit
from shapescope.trace import Step

_MESSAGE = "take the list from its other end"


def other_end(step: Step) -> Iterator[Proposal]:
    """The list behind an operand of a join or a sum, walked the other way.

    Args:
        step: joins or adds two maps of different levels.
    """
    for position in range(len(step.inputs)):
        found = operand_of(step, position)
        if found is None:
            continue
        code, node = found
        if isinstance(node, ast.Name):
            edit = _walked(code, node) or _taken(code, _assigned(code, node))
        else:
            edit = _taken(code, node)
        if edit is not None:
            yield Proposal(_MESSAGE, (edit,), kind="other end", follow=False)


def _walked(code: Code, node: ast.Name) -> Edit | None:
    """The list that a loop hands out, where the operand is what the loop names."""
    for above in code.around(node):
        if not isinstance(above, ast.For):
            continue
        for target, walked in _pairs(above.target, above.iter):
            if isinstance(target, ast.Name) and target.id == node.id:
                return _turned(code, walked)
    return None


def _pairs(target: ast.expr, walked: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The names of a loop, each with the list it runs through."""
    if isinstance(walked, ast.Call) and isinstance(walked.func, ast.Name) and walked.args:
        names = target.elts if isinstance(target, ast.Tuple) else []
        if walked.func.id == "enumerate" and len(names) == 2:
            yield from _pairs(names[1], walked.args[0])
        elif walked.func.id == "zip" and len(names) == len(walked.args):
            for name, one in zip(names, walked.args, strict=True):
                yield from _pairs(name, one)
        else:
            yield target, walked
    else:
        yield target, walked


def _turned(code: Code, walked: ast.expr) -> Edit | None:
    """`skips[::-1]` for `skips`, and back."""
    if isinstance(walked, ast.Call):
        back = isinstance(walked.func, ast.Name) and walked.func.id == "reversed"
        return code.replace(walked, code.text(walked.args[0])) if back and walked.args else None
    if isinstance(walked, ast.Subscript) and isinstance(walked.slice, ast.Slice):
        turned = code.text(walked)[len(code.text(walked.value)) :].replace(" ", "") == "[::-1]"
        return code.replace(walked, code.text(walked.value)) if turned else None
    if isinstance(walked, ast.Name | ast.Attribute):
        return code.replace(walked, f"{code.text(walked)}[::-1]")
    return None


def _assigned(code: Code, node: ast.Name) -> ast.expr | None:
    """What a variable was set to last, in front of a line of the same function."""
    function = code.function(node)
    found = None
    for one in ast.walk(function) if function is not None else ():
        if isinstance(one, ast.Assign) and one.lineno < node.lineno and len(one.targets) == 1:
            target = one.targets[0]
            if isinstance(target, ast.Name) and target.id == node.id:
                found = one.value
    return found


def _taken(code: Code, node: ast.expr | None) -> Edit | None:
    """`skips.pop()` for `skips.pop(0)`, `skips[-1 - i]` for `skips[i]`, and back."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr != "pop" or len(node.args) > 1:
            return None
        text = code.text(node.func)
        return code.replace(node, f"{text}(0)" if not node.args else f"{text}()")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        return code.replace(node.slice, f"-1 - {node.slice.id}")
    return None
