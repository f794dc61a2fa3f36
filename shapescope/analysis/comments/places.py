"""Where shapes are written down in a file, and what each of them speaks of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapescope.syntax import first_line

COMMENT, DOCSTRING, ANNOTATION = "comment", "docstring", "annotation"
STATEMENT, ARGUMENT, PARAMETERS, PARAMETER, RESULT, ALONE, BETWEEN, NOTHING = (
    "statement", "argument", "parameters", "parameter", "result", "alone", "between", "nothing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a remark speaks of.

    Attributes:
        subject: `statement` (what it assigns or returns), `argument` (an expression inside one),
            `parameters` (those of a def), `parameter` (one by name), `result` (of a function),
            `alone` (a comment on its own line), `between` (one between the lines of a statement),
            `nothing` (code that is in no function).
        line: the first line of the statement, or of the def.
        end_line: its last line.
        targets: the names that the statement assigns.
        returns: whether it is a return.
        node: the expression of an argument, as (line, column, end line, end column) from 1.
        names: variables read inside the statement, in order.
        paragraph: for a comment alone, the last line of the statements that follow without a gap.
        following: for a comment alone, the place of the statement below it, if there is one.
        function: the line of the def around it.
    """

    subject: str
    line: int = 0
    end_line: int = 0
    targets: tuple[str, ...] = ()
    returns: bool = False
    node: tuple[int, int, int, int] | None = None
    names: tuple[str, ...] = ()
    following: Place | None = None
    paragraph: int = 0
    function: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """A text that may hold shapes; `column` counts characters from 1."""

    kind: str
    line: int
    column: int
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and the line of the def around it; 0 if there is none."""

    node: ast.stmt
    function: int


def statements_of(tree: ast.Module) -> list[Statement]:
    """Every statement of a file, outer ones before those inside them."""
    return list(_statements(tree.body, 0))


def statement_lines(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """For each line inside a function, the first and last line of its innermost statement."""
    lines: dict[int, tuple[int, int]] = {}
    for one in _statements(tree.body, 0):
        if one.function:
            first, last = _extent(one.node)
            for line in range(first, last + 1):
                lines[line] = (first, last)
    return lines


def assigned_names(node: ast.stmt) -> tuple[str, ...]:
    """The variables that a statement gives a value, in order: `x`, `self.h`."""
    match node:
        case ast.Assign(targets=targets):
            return tuple(name for target in targets for name in _target_names(target))
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target):
            return tuple(_target_names(target))
        case ast.With(items=items):
            named = (item.optional_vars for item in items if item.optional_vars is not None)
            return tuple(name for target in named for name in _target_names(target))
    return ()


def _target_names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=ast.Name(id=base), attr=attr):
            yield f"{base}.{attr}"
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _target_names(part)
        case ast.Starred(value=inner):
            yield from _target_names(inner)
        case ast.Subscript(value=ast.Name(id=name)):
            yield name


def _statements(body: list[ast.stmt], function: int) -> Iterator[Statement]:
    for node in body:
        yield Statement(node, function)
        inner = (
            node.lineno if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        )
        if isinstance(node, ast.ClassDef):
            inner = 0
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, name, []), inner)
        for branch in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            yield from _statements(branch.body, inner)


def _extent(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, of a compound one those of its head."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return node.lineno, max(node.lineno, body[0].lineno - 1)
    return node.lineno, node.end_lineno or node.lineno


def place_behind(line: int, statements: list[Statement]) -> Place:
    """What a comment at the end of a line speaks of."""
    around = [one for one in statements if _extent(one.node)[0] <= line <= _extent(one.node)[1]]
    if not around:
        return Place(NOTHING)
    # of several that begin there, the innermost: `def f(x): return x  # ...`
    one = max(reversed(around), key=lambda found: _extent(found.node)[0])
    node = one.node
    first, last = _extent(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        here = [argument.arg for argument in arguments if argument.lineno == line]
        if node.name == "__init__":
            return Place(NOTHING)  # the numbers of a constructor are settings
        names = here if node.lineno != last else [argument.arg for argument in arguments]
        return Place(PARAMETERS, first_line(node), last, tuple(n for n in names if n != "self"))
    if not one.function:
        return Place(NOTHING)
    statement = _of_statement(one)
    if line < last:
        expression = _argument(node, line)
        if expression is not None:
            return Place(
                ARGUMENT, first, last, statement.targets, statement.returns,
                _position(expression), _read_names(expression), function=one.function,
            )  # fmt: skip
    return statement


def _of_statement(one: Statement) -> Place:
    first, last = _extent(one.node)
    return Place(
        STATEMENT, first, last, assigned_names(one.node), isinstance(one.node, ast.Return),
        names=_read_names(one.node), function=one.function,
    )  # fmt: skip


def _argument(node: ast.stmt, line: int) -> ast.expr | None:
    """The largest argument, element or call of a chain that ends on `line` in the statement."""
    parts: list[ast.expr] = []
    for inner in ast.walk(node):
        match inner:
            case ast.Call(args=args, keywords=keywords):
                parts += [inner, *args, *(keyword.value for keyword in keywords)]
            case ast.BinOp(left=left):
                parts.append(left)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                parts += elements
            case ast.Dict(values=values):
                parts += values
    ending = [part for part in parts if part.end_lineno == line]
    return min(ending, key=lambda part: (part.lineno, part.col_offset), default=None)


def _position(node: ast.expr) -> tuple[int, int, int, int]:
    # Offsets of ast are bytes; columns of spans are characters. Code is ASCII up to there nearly
    # always, and where it is not the lines still agree.
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return node.lineno, node.col_offset + 1, end_line, end_column + 1


def _read_names(node: ast.AST) -> tuple[str, ...]:
    names = []
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Load()) if name != "self":
                names.append(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Load()):
                names.append(f"self.{attribute}")
    return tuple(dict.fromkeys(names))


def place_alone(line: int, offset: int, statements: list[Statement]) -> Place:
    """A comment on its own line: before the next statement of its block, behind the last."""
    for one in reversed(statements):
        first, last = _extent(one.node)
        if first < line < last and not isinstance(one.node, ast.FunctionDef | ast.ClassDef):
            return Place(BETWEEN, first, last, function=one.function)
    function = _function_around(line, offset, statements)
    inside = [one for one in statements if function and one.function == function]
    behind = [one for one in inside if one.node.lineno > line]
    before = [one for one in inside if _extent(one.node)[1] < line]
    below = min(behind, key=lambda one: one.node.lineno, default=None)
    above = max(before, key=lambda one: one.node.lineno, default=None)
    if below is not None and below.node.col_offset != offset:
        below = None  # the end of a block
    if above is None and below is None:
        return Place(NOTHING)
    latest = _of_statement(above) if above is not None else Place(ALONE)
    following = _of_statement(below) if below is not None else None
    return Place(
        ALONE, latest.line, latest.end_line, latest.targets, latest.returns, names=latest.names,
        following=following, paragraph=_end_of_paragraph(below, behind), function=function,
    )  # fmt: skip


def _end_of_paragraph(below: Statement | None, behind: list[Statement]) -> int:
    """The last line of the statements that go on from this one without a blank or a comment."""
    end = _extent(below.node)[1] if below is not None else 0
    for one in sorted(behind, key=lambda one: one.node.lineno):
        if one.node.lineno == end + 1:
            end = _extent(one.node)[1]
    return end


def _function_around(line: int, offset: int, statements: list[Statement]) -> int:
    """The line of the def whose body a comment belongs to by its indentation; 0 if none."""
    for one in sorted(statements, key=lambda one: -one.node.lineno):
        if one.node.lineno < line and one.node.col_offset < offset:
            if isinstance(one.node, ast.FunctionDef | ast.AsyncFunctionDef):
                return one.node.lineno
            offset = one.node.col_offset
    return 0
