"""The loss that a file's own training compares a model's output with, read beside the call of it.

The call is made while the file runs for its model, and ends that run; what follows it is only
read. Names are looked up, nothing is called but methods that give a target another form.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.losses import loss_called
from shapescope.capture.tensor_specs import spec_of_tensor
from shapescope.capture.traced import Target
from shapescope.source_text import source_tree

__all__ = ["loss_behind"]

_COMPARED = 2
_FORMING = frozenset(
    {"float", "double", "long", "int", "view", "reshape", "unsqueeze", "squeeze", "flatten"}
)
"""Methods that change no value of a target that matters to its shape and dtype."""


def loss_behind(frame: FrameType, line: int, module: nn.Module) -> Target | None:
    """What a file compares the output of a call with, if it is plain to see.

    `out = model(x)` and then `criterion(out, y)` in the same block, or `criterion(model(x), y)`.

    Args:
        frame: the one that calls the module.
        line: where it does.
        module: it is asked for by its name in that frame.
    """
    tree = source_tree(frame.f_code.co_filename)
    names = {**frame.f_globals, **frame.f_locals}
    for call, compared in () if tree is None else _comparisons(tree, line, names, module):
        loss = loss_called(_value(call.func, names))
        target = _value(compared, names)
        if loss is not None and isinstance(target, Tensor) and target.dim():
            return Target(spec_of_tensor(target), loss)
    return None


def _comparisons(
    tree: ast.Module, line: int, names: Mapping[str, Any], module: nn.Module
) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The calls of two arguments whose first one is what the module gave, each with the other."""
    for block in _blocks(tree):
        for place, statement in enumerate(block):
            own = _call_of(statement, line, names, module)
            if own is None:
                continue
            yield from _pairs(statement, own)
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if not isinstance(target, ast.Name) or getattr(statement, "value", None) is not own:
                return
            for behind in block[place + 1 :]:
                yield from _pairs(behind, target)
                if target.id in _bound(behind):
                    return
            return


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _call_of(
    statement: ast.stmt, line: int, names: Mapping[str, Any], module: nn.Module
) -> ast.Call | None:
    """The call of the module that stands on a line of a plain statement."""
    if not isinstance(statement, ast.Assign | ast.Expr):
        return None
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call))
    return next(
        (it for it in calls if it.lineno == line and _value(it.func, names) is module), None
    )


def _pairs(statement: ast.stmt, first: ast.expr) -> Iterator[tuple[ast.Call, ast.expr]]:
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call) or len(node.args) != _COMPARED or node.keywords:
            continue
        given, other = node.args
        named = isinstance(first, ast.Name) and isinstance(given, ast.Name)
        if given is first or (named and ast.unparse(given) == ast.unparse(first)):
            yield node, other


def _bound(statement: ast.stmt) -> set[str]:
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What an expression of names stands for; None where finding out would take more."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, names)
        known = isinstance(owner, nn.Module) or type(owner) is type(torch)
        return getattr(owner, node.attr, None) if known else None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    tensor = _value(node.func.value, names)
    if not isinstance(tensor, Tensor) or node.func.attr not in _FORMING or node.keywords:
        return None
    try:
        return getattr(tensor, node.func.attr)(*map(ast.literal_eval, node.args))
    except (ValueError, TypeError, RuntimeError, IndexError):
        return None
