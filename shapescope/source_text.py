"""The text of source files: lines, trees and names, with edits that exist only in memory.

Everything that shows or measures source reads it here, so that a file under a trial edit, a file
that changed on disk and a notebook cell are all seen as Python saw them.
"""

# Paths are strings here, not `Path`: links stay as typed, and this is asked for every span.
# ruff: noqa: PTH109, PTH116, PTH117, PTH118
from __future__ import annotations

import ast
import codecs
import linecache
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from shapescope.syntax import first_line, statements_in

__all__ = [
    "absolute_path",
    "block_at",
    "class_around",
    "display_path",
    "enclosing_name",
    "function_at",
    "overridden",
    "source_lines",
    "source_text",
    "source_tree",
    "working_folder",
]

_Stamp: TypeAlias = tuple[object, ...]

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_UTF8_NAMES = {"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii"}

_overrides: dict[str, str] = {}
_texts: dict[str, tuple[_Stamp, str | None]] = {}
_lines: dict[str, tuple[_Stamp, list[str]]] = {}
_trees: dict[str, tuple[_Stamp, ast.Module | None]] = {}
_functions: dict[tuple[str, int], tuple[list[str], ast.FunctionDef | None]] = {}


@contextmanager
def overridden(texts: Mapping[Path, str]) -> Iterator[None]:
    """While this is open, each of these files reads as the text given, whatever the disk says."""
    global _overrides
    before = _overrides
    _overrides = {**before, **{absolute_path(file): text for file, text in texts.items()}}
    try:
        yield
    finally:
        _overrides = before


def absolute_path(file: str | os.PathLike[str]) -> str:
    """The file's absolute path; the name of something that is no file (`<stdin>`) stays."""
    name = os.fspath(file)
    if name.startswith("<"):
        return name
    # Joined by hand: the working folder may be gone, and then a name stays as it is.
    return _joined("" if os.path.isabs(name) else working_folder(), name)


@lru_cache(maxsize=4096)
def _joined(folder: str, name: str) -> str:
    return os.path.normpath(os.path.join(folder, name))


def display_path(file: str | os.PathLike[str]) -> str:
    """The path for people and spans: relative to the working folder where it lies below it."""
    path = absolute_path(file)
    if path.startswith("<"):
        return path
    folder = working_folder()
    return _from_folder(path, folder) if folder else path


@lru_cache(maxsize=4096)
def _from_folder(path: str, folder: str) -> str:
    """A path from a folder it lies below, by name or through links; else the path."""
    for base, name in ((folder, path), (os.path.realpath(folder), os.path.realpath(path))):
        prefix = base if base.endswith(os.sep) else base + os.sep
        if name.startswith(prefix):
            return name[len(prefix) :]
    return path


def working_folder() -> str:
    """The folder this runs in; empty where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def source_text(file: str | os.PathLike[str]) -> str | None:
    """The source with newlines as Python sees them.

    None where there is no such source, or where strict UTF-8 does not read what Python reads:
    bytes that are no UTF-8, or another encoding declared and used.
    """
    path = absolute_path(file)
    stamp = _stamp(path)
    known = _texts.get(path)
    if known is None or known[0] != stamp:
        known = (stamp, _read(path))
        _texts[path] = known
    return known[1]


def source_lines(file: str | os.PathLike[str]) -> list[str]:
    """The lines of the source without their ends; empty where `source_text` is None.

    Lines end where the tokenizer ends them: a form feed or U+2028 inside a line does not count.
    """
    path = absolute_path(file)
    stamp = _stamp(path)
    known = _lines.get(path)
    if known is None or known[0] != stamp:
        text = source_text(path)
        lines = [] if not text else text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        known = (stamp, lines)
        _lines[path] = known
    return known[1]


def source_tree(file: str | os.PathLike[str]) -> ast.Module | None:
    """The syntax tree of the source; None where it cannot be read or parsed."""
    path = absolute_path(file)
    stamp = _stamp(path)
    known = _trees.get(path)
    if known is None or known[0] != stamp:
        known = (stamp, _parse(source_text(path)))
        _trees[path] = known
    return known[1]


def function_at(file: str | os.PathLike[str], line: int) -> ast.FunctionDef | None:
    """The function that begins in this line, its decorators counted; None where none does.

    Of a large file no more than these lines are parsed.
    """
    lines = source_lines(file)
    key = absolute_path(file), line
    known = _functions.get(key)
    if known is None or known[0] is not lines:
        known = (lines, _function_at(lines, line))
        _functions[key] = known
    return known[1]


def _function_at(lines: list[str], line: int) -> ast.FunctionDef | None:
    block = block_at(lines, line)
    if not block:
        return None
    # Empty lines and an outer block keep every line and column where it was.
    outer = "if 1:" if block[0][:1].isspace() else ""
    above = [*[""] * (line - 2), outer][: line - 1]
    tree = _parse("\n".join([*above, *block]))
    if tree is None:  # the block ends elsewhere: text at the margin inside of it
        tree = _parse("\n".join(lines))
    for node in () if tree is None else statements_in(tree):
        if isinstance(node, ast.FunctionDef) and first_line(node) == line:
            return node
    return None


def block_at(lines: list[str], line: int) -> list[str]:
    """The lines of a definition that begins in this line, told by where they begin.

    Where text at the margin stands inside of a bracket or a string these are too few, and no
    syntax.
    """
    start = lines[line - 1] if 0 < line <= len(lines) else ""
    margin = len(start) - len(start.lstrip())
    defined = False
    for end in range(line - 1, len(lines)):
        text = lines[end].lstrip()
        if len(lines[end]) - len(text) > margin or not text or text[0] in "#)]}":
            continue
        if defined:
            return lines[line - 1 : end]
        defined = text.startswith(("def ", "async ", "class "))
    return lines[line - 1 :] if start else []


def class_around(file: str | os.PathLike[str], line: int) -> ast.ClassDef | None:
    """The innermost class definition around a line; a class's decorators belong to it."""
    tree = source_tree(file)
    around = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.ClassDef) and first_line(node) <= line <= (node.end_lineno or line)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def enclosing_name(file: str | os.PathLike[str], line: int) -> str | None:
    """The dotted name of the innermost class or function around a line, as `LeNet.forward`.

    None at module level, and where the source cannot be read.
    """
    tree = source_tree(file)
    return None if tree is None else ".".join(_names_around(tree, line)) or None


def _names_around(node: ast.AST, line: int) -> list[str]:
    """The names of the definitions around a line, from the outermost in."""
    inner: list[str] = []
    for child in ast.iter_child_nodes(node):
        marks = [child, *getattr(child, "decorator_list", ())]
        first = min(getattr(mark, "lineno", line) for mark in marks)
        if first <= line <= (getattr(child, "end_lineno", None) or line):
            inner = max(inner, _names_around(child, line), key=len)
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name, *inner]
    return inner


def _stamp(path: str) -> _Stamp:
    """What changes when the text does."""
    text = _overrides.get(path)
    if text is not None:
        return ("override", text)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        cached = linecache.cache.get(path)
        return ("cell", cached[2] if cached is not None and len(cached) == 4 else None)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _read(path: str) -> str | None:
    text = _overrides.get(path)
    if text is None:
        try:
            data = Path(path).read_bytes()
        except (OSError, ValueError):
            # A notebook cell lives in linecache alone.
            return "".join(linecache.getlines(path)) or None
        if not _is_utf8_for_python(data):
            return None
        try:
            text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        except UnicodeDecodeError:
            return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_utf8_for_python(data: bytes) -> bool:
    """Whether Python decodes these bytes as UTF-8: another declared encoding hides nothing else."""
    if data.isascii() or data.startswith(codecs.BOM_UTF8):
        return True
    for line in data.splitlines()[:2]:
        cookie = _COOKIE.match(line)
        if cookie is not None:
            return cookie[1].decode("ascii").lower().replace("_", "-") in _UTF8_NAMES
    return True


def _parse(text: str | None) -> ast.Module | None:
    if text is None:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
