"""One file's syntax tree, with the way from spans to nodes, back, and up to what is around."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from shapescope.diagnostic import Edit
from shapescope.source_text import display_path, source_lines, source_tree
from shapescope.syntax import statements_in
from shapescope.trace import SourceSpan

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_known: dict[str, Code] = {}


def code_of(file: str) -> Code | None:
    """The syntax of a file as it reads now; None where it cannot be read or parsed."""
    tree = source_tree(file)
    if tree is None:
        return None
    known = _known.get(file)
    if known is None or known.tree is not tree:
        known = _known[file] = Code(file, tree, source_lines(file))
    return known


def expression_at(span: SourceSpan | None) -> tuple[Code, ast.AST] | None:
    """The file and the expression (or augmented assignment) that a span covers exactly."""
    code = None if span is None else code_of(span.file)
    if code is None or span is None:
        return None
    node = code.at(span)
    return None if node is None else (code, node)


class Code:
    """A parsed file."""

    def __init__(self, file: str, tree: ast.Module, lines: list[str]) -> None:
        self.file = file
        self.tree = tree
        self.lines = lines

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {
            child: parent
            for parent in ast.walk(self.tree)
            for child in ast.iter_child_nodes(parent)
        }

    @cached_property
    def _by_place(self) -> dict[tuple[int, int, int, int], ast.AST]:
        found: dict[tuple[int, int, int, int], ast.AST] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr | ast.AugAssign):
                # Walked from the outside in: the outermost of equal extent stands first.
                found.setdefault(self._place(node), node)
        return found

    def _place(self, node: ast.expr | ast.stmt) -> tuple[int, int, int, int]:
        end_line = node.end_lineno or node.lineno
        return (
            node.lineno,
            self._column(node.lineno, node.col_offset),
            end_line,
            self._column(end_line, node.end_col_offset or 0),
        )

    def _column(self, line: int, offset: int) -> int:
        """A column in characters from 1, for an offset in bytes."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if text.isascii():
            return offset + 1
        return len(text.encode("utf-8")[:offset].decode("utf-8", errors="ignore")) + 1

    # --- from spans to nodes and back

    def at(self, span: SourceSpan) -> ast.AST | None:
        """The expression or augmented assignment that a span covers exactly."""
        return self._by_place.get((span.line, span.column, span.end_line, span.end_column))

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> SourceSpan:
        """The span of a node."""
        end_line = node.end_lineno or node.lineno
        return SourceSpan(
            display_path(self.file),
            node.lineno,
            self._column(node.lineno, node.col_offset),
            end_line,
            self._column(end_line, node.end_col_offset or 0),
        )

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The source of a node, as it is written."""
        return self.slice(self.span(node))

    def slice(self, span: SourceSpan) -> str:
        """The source under a span."""
        lines = self.lines[span.line - 1 : span.end_line]
        if not lines:
            return ""
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    # --- around a node

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node right around this one."""
        return self._parents.get(node)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around this one, from the inside out."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement that holds this node, or is it."""
        if isinstance(node, ast.stmt):
            return node
        return next((above for above in self.around(node) if isinstance(above, ast.stmt)), None)

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around this node."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return next((above for above in self.around(node) if isinstance(above, kinds)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class around this node."""
        return next((above for above in self.around(node) if isinstance(above, ast.ClassDef)), None)

    def classes(self) -> dict[str, ast.ClassDef]:
        """Every class of the file by name."""
        return self._classes

    @cached_property
    def _classes(self) -> dict[str, ast.ClassDef]:
        statements = statements_in(self.tree)
        return {node.name: node for node in statements if isinstance(node, ast.ClassDef)}

    def method(self, class_name: str, name: str) -> Function | None:
        """A method, looked up in the class and in those of its bases that this file holds."""
        classes = self.classes()
        waiting, seen = [class_name], set()
        while waiting:
            current = classes.get(waiting.pop(0))
            if current is None or current.name in seen:
                continue
            seen.add(current.name)
            for node in current.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    return node
            waiting += [base.id for base in current.bases if isinstance(base, ast.Name)]
        return None

    def indent(self, node: ast.stmt) -> str:
        """The white space in front of a statement."""
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    # --- edits

    def replace(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        """An edit that puts `text` in the place of a node."""
        return Edit(self.span(node), text)

    def insert_before(self, node: ast.stmt, *lines: str) -> Edit:
        """An edit that puts lines, indented alike, in front of a statement."""
        return self._insert(node.lineno, self.indent(node), lines)

    def insert_after(self, node: ast.stmt, *lines: str) -> Edit:
        """An edit that puts lines, indented alike, behind a statement."""
        return self._insert((node.end_lineno or node.lineno) + 1, self.indent(node), lines)

    def remove(self, node: ast.stmt) -> Edit:
        """An edit that takes the lines of a statement out."""
        end = (node.end_lineno or node.lineno) + 1
        return Edit(SourceSpan(display_path(self.file), node.lineno, 1, end, 1), "")

    def _insert(self, line: int, indent: str, lines: tuple[str, ...]) -> Edit:
        text = "".join(f"{indent}{part}\n" for part in lines)
        if line > len(self.lines) and self.lines:
            last = len(self.lines)
            end = len(self.lines[-1]) + 1
            here = SourceSpan(display_path(self.file), last, end, last, end)
            return Edit(here, "\n" + text.rstrip("\n"))
        return Edit(SourceSpan(display_path(self.file), line, 1, line, 1), text)

    def unused_attribute(self, name: str) -> str:
        """The name, or the like of it, for an attribute that nothing in the file has."""
        taken = {node.attr for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        while name in taken:
            name += "_"
        return name

    def module_name(self, dotted: str) -> str | None:
        """How this file spells a module of torch's: `F` for `torch.nn.functional`.

        None where no import makes it reachable.
        """
        parent, _, last = dotted.rpartition(".")
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for name in node.names:
                    if name.name == dotted and (name.asname or "." not in dotted):
                        return name.asname or dotted
            elif isinstance(node, ast.ImportFrom) and node.module == parent:
                for name in node.names:
                    if name.name == last:
                        return name.asname or last
        if parent:
            above = self.module_name(parent)
            return None if above is None else f"{above}.{last}"
        return None
