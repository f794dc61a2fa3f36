"""What the expressions in a forward's source name, and the order in which they are done."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from torch import nn

__all__ = ["counted_layers", "dotted", "in_order", "layers_in_turn", "submodule_of", "text_of"]


def in_order(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes in the order in which they are done: what is inside a call before the call."""
    for statement in function.body:
        yield from _inside_first(statement)


def _inside_first(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.For | ast.comprehension | ast.If | ast.IfExp):
        yield node
    if isinstance(node, ast.Assign):
        yield from _inside_first(node.value)
        yield node
        return
    children = list(ast.iter_child_nodes(node))
    # What a comprehension goes over is known before what it makes of it.
    for child in sorted(children, key=lambda it: not isinstance(it, ast.comprehension)):
        yield from _inside_first(child)
    if not isinstance(node, ast.For | ast.comprehension | ast.If | ast.IfExp):
        yield node


def dotted(node: ast.expr) -> str:
    """`a.b.c` as it is written; "" for what is more than names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def text_of(node: ast.expr) -> str | None:
    """The text that is written, where it is one."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def submodule_of(module: nn.Module, path: str) -> nn.Module | None:
    """The part of a model below a path, None where there is none."""
    if not path or path == "self":
        return None
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None


def layers_in_turn(module: nn.Module, target: ast.expr, over: ast.expr) -> dict[str, str]:
    """The names that a loop gives to the layers of a list, each with the path of the list."""
    counted = isinstance(over, ast.Call) and dotted(over.func) == "enumerate" and over.args
    if counted and isinstance(over, ast.Call):
        over = over.args[0]
        target = target.elts[-1] if isinstance(target, ast.Tuple) else target
    together = isinstance(over, ast.Call) and dotted(over.func) == "zip"
    lists = over.args if together and isinstance(over, ast.Call) else [over]
    items = target.elts if together and isinstance(target, ast.Tuple) else [target]
    paths = [dotted(it).removeprefix("self.") for it in lists]
    return {
        item.id: path
        for item, path in zip(items, paths, strict=False)
        if isinstance(item, ast.Name) and isinstance(submodule_of(module, path), nn.ModuleList)
    }


def counted_layers(module: nn.Module, target: ast.expr, over: ast.expr) -> dict[str, str]:
    """The name by which a loop counts the layers of a list, with the path of the list."""
    if not isinstance(over, ast.Call) or not over.args:
        return {}
    called, inner = dotted(over.func), over.args[0]
    if called == "enumerate" and isinstance(target, ast.Tuple):
        counter = target.elts[0]
    elif called == "range" and isinstance(inner, ast.Call) and dotted(inner.func) == "len":
        counter, inner = target, inner.args[0] if inner.args else inner
    else:
        return {}
    path = dotted(inner).removeprefix("self.")
    known = isinstance(submodule_of(module, path), nn.ModuleList)
    return {counter.id: path} if known and isinstance(counter, ast.Name) else {}
