"""Where shapes are written down in a file, and what each of them speaks of."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from shapescope.analysis.comments.lines import bare_lines_of

COMMENT, DOCSTRING, ANNOTATION = "comment", "docstring", "annotation"
STATEMENT, ARGUMENT, PARAMETERS, PARAMETER, RESULT, ALONE, NOTHING = (
    "statement", "argument", "parameters", "parameter", "result", "alone", "nothing",
)  # fmt: skip

_JAXTYPING = frozenset(
    ["Float", "Int", "UInt", "Bool", "Num", "Shaped", "Real", "Inexact", "Integer", "Complex"]
    + [f"{kind}{bits}" for kind in ("Float", "Int", "UInt") for bits in (8, 16, 32, 64)]
    + ["BFloat16"]
)
_FIELD = re.compile(
    r"\s*(?:[-*]\s*)?(?P<name>[A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_]\w*)*)\s*(?:\(|:|$)"
)
_ARGUMENTS = re.compile(r"args|arguments|parameters|params|inputs?|shape", re.IGNORECASE)
_RESULTS = re.compile(r"returns?|outputs?|result|yields?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """What a remark speaks of.

    Attributes:
        subject: `statement` (what it assigns or returns), `argument` (an expression inside one),
            `parameters` (those of a def), `parameter` (one by name), `result` (of a function),
            `alone` (a comment on its own line), `nothing` (code that is in no function).
        line: the first line of the statement, or of the def.
        end_line: its last line.
        targets: the names that the statement assigns.
        returns: whether it is a return.
        node: the expression of an argument, as (line, column, end line, end column) from 1.
        names: variables read inside the statement, in order.
        next_line: for a comment alone, the first line of the statement below it; 0 if none.
        next_targets: the names that this one assigns.
        function: the line of the def around it.
    """

    subject: str
    line: int = 0
    end_line: int = 0
    targets: tuple[str, ...] = ()
    returns: bool = False
    node: tuple[int, int, int, int] | None = None
    names: tuple[str, ...] = ()
    next_line: int = 0
    next_targets: tuple[str, ...] = ()
    next_returns: bool = False
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
class _Statement:
    node: ast.stmt
    function: int


def remarks(source: str) -> tuple[Remark, ...]:
    """Every comment, docstring line and jaxtyping annotation of a file, in order of position.

    Raises:
        SyntaxError: the source is no Python.
    """
    tree = ast.parse(source)
    statements = list(_statements(tree.body, 0))
    found = [*_comments(source, tree, statements), *_docstrings(tree, source), *_annotations(tree)]
    return tuple(sorted(found, key=lambda remark: (remark.line, remark.column)))


def statement_lines(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """For each line inside a function, the first and last line of its innermost statement."""
    lines: dict[int, tuple[int, int]] = {}
    for one in _statements(tree.body, 0):
        if one.function:
            first, last = _extent(one.node)
            for line in range(first, last + 1):
                lines[line] = (first, last)
    return lines


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Where a function begins for Python: at its first decorator, else at its def."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


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


def _statements(body: list[ast.stmt], function: int) -> Iterator[_Statement]:
    for node in body:
        yield _Statement(node, function)
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


def _comments(source: str, tree: ast.Module, statements: list[_Statement]) -> Iterator[Remark]:
    lines = bare_lines_of(source)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, offset = token.start
        alone = not lines[line - 1][:offset].strip()
        place = _place_alone(line, offset, statements) if alone else _place(line, statements)
        text = token.string.lstrip("#")
        column = offset + 1 + len(token.string) - len(text)
        yield Remark(COMMENT, line, column, text, place)


def _place(line: int, statements: list[_Statement]) -> Place:
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
        names = here if node.lineno != last else [argument.arg for argument in arguments]
        return Place(PARAMETERS, first_line(node), last, tuple(n for n in names if n != "self"))
    statement = _of_statement(one)
    if line < last:
        expression = _argument(node, line)
        if expression is not None:
            return Place(
                ARGUMENT, first, last, statement.targets, statement.returns,
                _position(expression), _read_names(expression), function=one.function,
            )  # fmt: skip
    return statement


def _of_statement(one: _Statement) -> Place:
    first, last = _extent(one.node)
    return Place(
        STATEMENT, first, last, assigned_names(one.node), isinstance(one.node, ast.Return),
        names=_read_names(one.node), function=one.function,
    )  # fmt: skip


def _argument(node: ast.stmt, line: int) -> ast.expr | None:
    """The largest argument or element that ends on `line` inside the statement."""
    parts: list[ast.expr] = []
    for inner in ast.walk(node):
        match inner:
            case ast.Call(args=args, keywords=keywords):
                parts += [*args, *(keyword.value for keyword in keywords)]
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
    names = [
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    ]
    return tuple(dict.fromkeys(names))


def _place_alone(line: int, offset: int, statements: list[_Statement]) -> Place:
    """A comment on its own line: before the next statement of its block, behind the last."""
    inside = [one for one in statements if one.function]
    below = min(
        (one for one in inside if one.node.lineno > line and one.node.col_offset == offset),
        key=lambda one: one.node.lineno,
        default=None,
    )
    above = max(
        (one for one in inside if _extent(one.node)[1] < line),
        key=lambda one: one.node.lineno,
        default=None,
    )
    if above is None and below is None:
        return Place(NOTHING)
    if below is not None and above is not None and below.function != above.function:
        below = None if above.node.col_offset == offset else below
        above = above if below is None else None
    last = _of_statement(above) if above is not None else Place(ALONE)
    nothing = Place(ALONE)
    following = _of_statement(below) if below is not None else nothing
    return Place(
        ALONE, last.line, last.end_line, last.targets, last.returns, names=last.names,
        next_line=following.line, next_targets=following.targets,
        next_returns=following.returns, function=last.function or following.function,
    )  # fmt: skip


def _docstrings(tree: ast.Module, source: str) -> Iterator[Remark]:
    lines = bare_lines_of(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            inside = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            function = next((one for one in inside if one.name == "forward"), None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node  # type: ignore[assignment]
        else:
            continue
        if function is None or not node.body or ast.get_docstring(node, clean=False) is None:
            continue
        text = node.body[0]
        yield from _docstring_lines(function, text.lineno, text.end_lineno or text.lineno, lines)


def _docstring_lines(
    function: ast.FunctionDef, first: int, last: int, lines: list[str]
) -> Iterator[Remark]:
    arguments = [
        one.arg
        for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        if one.arg != "self"
    ]
    section = ""
    for line in range(first, last + 1):
        text = lines[line - 1]
        found = _FIELD.match(text.replace('"""', "   ").replace("'''", "   "))
        names = [part.strip() for part in found["name"].split(",")] if found else []
        place = None
        if names and set(names) <= set(arguments):
            place = Place(PARAMETER, first_line(function), targets=tuple(names))
        elif names and _RESULTS.fullmatch(names[0]):
            section, place = "result", Place(RESULT, first_line(function))
        elif names and _ARGUMENTS.fullmatch(names[0]):
            section, place = (
                "arguments",
                Place(PARAMETERS, first_line(function), 0, tuple(arguments)),
            )
        elif section == "result":
            place = Place(RESULT, first_line(function))
        if place is not None:
            yield Remark(DOCSTRING, line, 1, text, place)


def _annotations(tree: ast.Module) -> Iterator[Remark]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if argument.annotation is not None:
                place = Place(PARAMETER, first_line(node), targets=(argument.arg,))
                yield from _jaxtyping(argument.annotation, place)
        if node.returns is not None:
            yield from _jaxtyping(node.returns, Place(RESULT, first_line(node)))


def _jaxtyping(annotation: ast.expr, place: Place) -> Iterator[Remark]:
    """The axes in `Float[Tensor, "b c"]`, also inside a tuple of such."""
    for node in ast.walk(annotation):
        match node:
            case ast.Subscript(
                value=ast.Name(id=kind) | ast.Attribute(attr=kind),
                slice=ast.Tuple(elts=[_, ast.Constant(value=str(axes)) as text]),
            ) if kind in _JAXTYPING and text.lineno == text.end_lineno:
                yield Remark(ANNOTATION, text.lineno, text.col_offset + 2, axes, place)
