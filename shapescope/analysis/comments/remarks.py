"""Every text of a file that may hold shapes."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from shapescope.analysis.comments.docstrings import annotation_remarks, docstring_remarks
from shapescope.analysis.comments.lines import bare_lines_of
from shapescope.analysis.comments.places import (
    COMMENT,
    Remark,
    Statement,
    place_alone,
    place_behind,
    statements_of,
)

_ANY_CALL = re.compile(r"[\w\])]\(")
_CALL = re.compile(r"[\w\])]\((?!\[)")
_SHAPE_BEHIND_CALL = re.compile(r"\)\s+[(\[]")


def remarks(source: str) -> tuple[Remark, ...]:
    """Every comment, docstring line and jaxtyping annotation of a file, in order of position.

    Raises:
        SyntaxError: the source is no Python.
    """
    tree = ast.parse(source)
    found = [
        *_comments(source, statements_of(tree)),
        *docstring_remarks(tree, source),
        *annotation_remarks(tree),
    ]
    return tuple(sorted(found, key=lambda remark: (remark.line, remark.column)))


def _comments(source: str, statements: list[Statement]) -> Iterator[Remark]:
    lines = bare_lines_of(source)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("#")
        if is_code(text):
            continue
        line, offset = token.start
        alone = not lines[line - 1][:offset].strip()
        place = place_alone(line, offset, statements) if alone else place_behind(line, statements)
        column = offset + 1 + len(token.string) - len(text)
        yield Remark(COMMENT, line, column, text, place)


def is_code(text: str) -> bool:
    """Whether a comment is code put out of action: its shapes speak of nothing that runs."""
    code = text.partition("#")[0].strip()
    if not _ANY_CALL.search(code) or _SHAPE_BEHIND_CALL.search(code):
        return False
    try:
        body = ast.parse(code.rstrip(":,")).body
    except SyntaxError:
        return False
    if any(_assigns_a_call(node) for node in body):
        return True
    return _CALL.search(code) is not None and any(
        isinstance(node, ast.Call) for one in body for node in ast.walk(one)
    )


def _assigns_a_call(node: ast.stmt) -> bool:
    """`x = f([2, 3])`, but not `x.shape = torch.Size([2, 3])`, which tells a shape."""
    if not isinstance(node, ast.Assign | ast.Return) or not isinstance(node.value, ast.Call):
        return False
    called = node.value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name not in ("Size", "size", "shape")
