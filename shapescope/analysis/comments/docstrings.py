"""Shapes in docstrings and in jaxtyping annotations, and what each of them speaks of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapescope.analysis.comments.lines import bare_lines_of
from shapescope.analysis.comments.notation import INPUT, written_shapes
from shapescope.analysis.comments.places import (
    ANNOTATION,
    DOCSTRING,
    PARAMETER,
    PARAMETERS,
    RESULT,
    STATEMENT,
    Place,
    Remark,
    statements_of,
)
from shapescope.syntax import first_line

_JAXTYPING = frozenset(
    ["Float", "Int", "UInt", "Bool", "Num", "Shaped", "Real", "Inexact", "Integer", "Complex"]
    + [f"{kind}{bits}" for kind in ("Float", "Int", "UInt") for bits in (8, 16, 32, 64)]
    + ["BFloat16"]
)
_FIELD = re.compile(
    r"\s*(?:[-*]\s*|:(?:param|arg|type)\s+(?:\w+\s+)?|:(?=returns?:|rtype:))?(?:`{0,2}|\*{2})"
    r"(?P<name>[A-Za-z_][\w.]*(?:\s*,\s*[A-Za-z_]\w*)*)(?:`{0,2}|\*{2})\s*(?:\(|:|$)"
)
_ARGUMENTS = re.compile(r"args|arguments|parameters|params|inputs?|shapes?", re.IGNORECASE)
_RESULTS = re.compile(r"returns?|outputs?|result|yields?", re.IGNORECASE)


def docstring_remarks(tree: ast.Module, source: str) -> Iterator[Remark]:
    """The lines of docstrings that speak of an argument or a result."""
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
    all_of_them = Place(PARAMETERS, first_line(function), 0, tuple(arguments))
    result = Place(RESULT, first_line(function))
    in_results = False
    for line in range(first, last + 1):
        text = lines[line - 1]
        found = _FIELD.match(text.replace('"""', "   ").replace("'''", "   "))
        names = [part.strip() for part in found["name"].split(",")] if found else []
        place = None
        if names and set(names) <= set(arguments):
            place = Place(PARAMETER, first_line(function), targets=tuple(names))
        elif names and _RESULTS.fullmatch(names[0]):
            in_results, place = True, result
        elif names and _ARGUMENTS.fullmatch(names[0]):
            in_results, place = False, all_of_them
        elif in_results:
            place = result
        elif any(one.role == INPUT for one in written_shapes(text)):
            place = all_of_them  # `(B, T, C) -> (B, T, D)`
        if place is not None:
            yield Remark(DOCSTRING, line, 1, text, place)


def annotation_remarks(tree: ast.Module) -> Iterator[Remark]:
    """The shapes in jaxtyping annotations of arguments, results and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                if argument.annotation is not None:
                    place = Place(PARAMETER, first_line(node), targets=(argument.arg,))
                    yield from _jaxtyping(argument.annotation, place)
            if node.returns is not None:
                yield from _jaxtyping(node.returns, Place(RESULT, first_line(node)))
    for one in statements_of(tree):
        match one.node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if one.function:
                last = one.node.end_lineno or one.node.lineno
                yield from _jaxtyping(annotation, Place(STATEMENT, one.node.lineno, last, (name,)))


def _jaxtyping(annotation: ast.expr, place: Place) -> Iterator[Remark]:
    """The axes in `Float[Tensor, "b c"]`, also inside a tuple of such."""
    for node in ast.walk(annotation):
        match node:
            case ast.Subscript(
                value=ast.Name(id=kind) | ast.Attribute(attr=kind),
                slice=ast.Tuple(elts=[_, ast.Constant(value=str(axes)) as text]),
            ) if kind in _JAXTYPING and text.lineno == text.end_lineno:
                yield Remark(ANNOTATION, text.lineno, text.col_offset + 2, axes, place)
