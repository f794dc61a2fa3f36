"""Where a number in a constructor comes from: a literal, a default, an argument further out.

Names are followed through assignments, parameters and their defaults, helper functions and the
constructor calls of the modules around, as far as the text alone tells.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapescope.analysis.code.calls import CallSource
from shapescope.analysis.code.helpers import calls_of
from shapescope.analysis.code.owners import constructor_of, is_self
from shapescope.analysis.code.source import Code, Function
from shapescope.trace import SourceSpan, Trace

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """An expression that decides a value; `kind` is `here`, `default`, `argument` or `assigned`."""

    code: Code
    node: ast.expr
    kind: str

    @property
    def span(self) -> SourceSpan:
        """Where it stands."""
        return self.code.span(self.node)


def origins_of(trace: Trace, path: str, code: Code, node: ast.expr) -> tuple[Origin, ...]:
    """Every expression that decides the value of `node`, from itself outwards.

    Args:
        trace: tells how the modules lie in one another.
        path: of the module whose constructor `node` is an argument of.
        code: the file `node` is in.
        node: the argument.
    """
    return (Origin(code, node, "here"), *_further(trace, path, code, node, 0))


def _further(trace: Trace, path: str, code: Code, node: ast.expr, depth: int) -> Iterator[Origin]:
    if depth > _DEEPEST:
        return
    for origin in bindings(trace, path, code, node):
        yield origin
        yield from _further(trace, path, origin.code, origin.node, depth + 1)


def bindings(trace: Trace, path: str, code: Code, node: ast.expr) -> tuple[Origin, ...]:
    """What a name or an attribute of self is bound to, nearest first; none for other nodes."""
    if isinstance(node, ast.Name):
        return tuple(_name(trace, path, code, node))
    if isinstance(node, ast.Attribute) and is_self(node.value):
        return tuple(_attribute(code, node))
    if isinstance(node, ast.Subscript):
        return tuple(_item(trace, path, code, node))
    return ()


def value_of(trace: Trace, path: str, code: Code, node: ast.expr, depth: int = 0) -> int | None:
    """The int that an expression comes to, as far as the text alone tells."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value_of(trace, path, code, node.operand, depth)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        left = value_of(trace, path, code, node.left, depth)
        right = value_of(trace, path, code, node.right, depth)
        return None if left is None or right is None else _apply(node.op, left, right)
    if depth <= _DEEPEST:
        for origin in bindings(trace, path, code, node):
            return value_of(trace, path, origin.code, origin.node, depth + 1)
    return None


def factors_of(trace: Trace, path: str, code: Code, node: ast.expr) -> tuple[int, ...] | None:
    """The factors of a product as it is written, `16 * 5 * 5`; None where it is none."""
    parts: list[ast.expr] = []
    waiting = [node]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, ast.BinOp) and isinstance(current.op, ast.Mult):
            waiting = [current.left, current.right, *waiting]
        else:
            parts.append(current)
    values = [value_of(trace, path, code, part) for part in parts]
    if len(parts) < 2 or None in values:
        return None
    return tuple(value for value in values if value is not None)


def _apply(op: ast.operator, left: int, right: int) -> int | None:
    if isinstance(op, ast.Add):
        return left + right
    if isinstance(op, ast.Sub):
        return left - right
    if isinstance(op, ast.Mult):
        return left * right
    if isinstance(op, ast.FloorDiv) and right:
        return left // right
    if isinstance(op, ast.Div) and right and left % right == 0:
        return left // right
    if isinstance(op, ast.Pow) and 0 <= right < 32:
        return int(left**right)
    return None


def _name(trace: Trace, path: str, code: Code, node: ast.Name) -> Iterator[Origin]:
    function = code.function(node)
    if function is not None:
        assigned = _assigned(code, function.body, node.id, node.lineno)
        if assigned is not None:
            yield Origin(code, assigned, "assigned")
            return
        position = _parameter(function, node.id)
        if position is not None:
            yield from _passed(trace, path, code, function, node.id, position)
            return
    assigned = _assigned(code, code.tree.body, node.id, None)
    if assigned is not None:
        yield Origin(code, assigned, "assigned")


def _assigned(code: Code, body: list[ast.stmt], name: str, before: int | None) -> ast.expr | None:
    """The last value assigned to a name in front of a line."""
    found = None
    for statement in body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Assign) or (before is not None and node.lineno >= before):
                continue
            for target in node.targets:
                found = _matched(target, node.value, name) or found
    return found


def _matched(target: ast.expr, value: ast.expr, name: str) -> ast.expr | None:
    if isinstance(target, ast.Name) and target.id == name:
        return value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):
            if isinstance(one, ast.Name) and one.id == name:
                return its
    return None


def _parameter(function: Function, name: str) -> int | None:
    """The position of a parameter; -1 for one that is given by keyword only."""
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    if name in names:
        return names.index(name)
    return -1 if name in [arg.arg for arg in function.args.kwonlyargs] else None


def default_of(function: Function, name: str) -> ast.expr | None:
    """The default of a parameter."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    offset = len(positional) - len(arguments.defaults)
    for place, arg in enumerate(positional):
        if arg.arg == name and place >= offset:
            return arguments.defaults[place - offset]
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if arg.arg == name:
            return default
    return None


def _passed(
    trace: Trace, path: str, code: Code, function: Function, name: str, position: int
) -> Iterator[Origin]:
    """What the callers of `function` pass for a parameter, else its default."""
    cls = code.class_of(function)
    is_init = function.name == "__init__" and cls is not None
    if is_init and cls is not None:
        owner = _module_of_class(trace, path, cls.name)
        call = constructor_of(trace, owner) if owner else None
        calls = [] if call is None else [call]
    else:
        calls = list(calls_of(trace, path, code, function))
    offset = 1 if cls is not None and function in cls.body and not _is_static(function) else 0
    for call in calls:
        given = _given(call, name, position - offset)
        if given is not None:
            yield Origin(call.code, given, "argument")
            return
    default = default_of(function, name)
    if default is not None:
        yield Origin(code, default, "default")


def _is_static(function: Function) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in
               function.decorator_list)  # fmt: skip


def parameter_value(
    trace: Trace, path: str, code: Code, function: Function, name: ast.Name
) -> int | None:
    """The int that a parameter of a function comes to, as far as the text alone tells."""
    position = _parameter(function, name.id)
    if position is None:
        return None
    for origin in _passed(trace, path, code, function, name.id, position):
        return value_of(trace, path, origin.code, origin.node, 1)
    return None


def _given(call: CallSource, name: str, position: int) -> ast.expr | None:
    for keyword in call.node.keywords:
        if keyword.arg == name:
            return keyword.value
    args = call.node.args
    if 0 <= position < len(args):
        before = args[: position + 1]
        if not any(isinstance(arg, ast.Starred) for arg in before):
            return args[position]
    return None


def _module_of_class(trace: Trace, path: str, class_name: str) -> str:
    """The path of the nearest module at or above `path` that has this class."""
    names = {spec.path: spec.class_name for spec in trace.modules}
    above = path
    while above:
        if names.get(above) == class_name:
            return above
        above = above.rpartition(".")[0]
    return ""


def _attribute(code: Code, node: ast.Attribute) -> Iterator[Origin]:
    cls = code.class_of(node)
    if cls is None:
        return
    found = None
    for statement in ast.walk(cls):
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            pairs = [(target, statement.value)]
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                pairs = list(zip(target.elts, statement.value.elts, strict=False))
            for one, its in pairs:
                same = isinstance(one, ast.Attribute) and one.attr == node.attr
                if same and isinstance(one, ast.Attribute) and is_self(one.value):
                    found = found or its
    if found is not None:
        yield Origin(code, found, "assigned")


def _item(trace: Trace, path: str, code: Code, node: ast.Subscript) -> Iterator[Origin]:
    if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, int):
        return
    for origin in bindings(trace, path, code, node.value):
        if isinstance(origin.node, ast.Tuple | ast.List):
            items = origin.node.elts
            if -len(items) <= node.slice.value < len(items):
                yield Origin(origin.code, items[node.slice.value], origin.kind)
