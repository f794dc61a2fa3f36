"""Who holds a layer in the user's source: its constructor, its class, its assignment."""

from __future__ import annotations

import ast
from functools import lru_cache

from shapescope.analysis.code.calls import CallSource, call_at
from shapescope.analysis.code.source import Code, code_of
from shapescope.source_text import block_at, function_at, source_lines, source_text
from shapescope.syntax import callee_of
from shapescope.trace import SourceSpan, Trace


def defined_at(trace: Trace, path: str) -> SourceSpan | None:
    """Where the constructor of the module at `path` was called."""
    return next((spec.defined_at for spec in trace.modules if spec.path == path), None)


def constructor_of(trace: Trace, path: str) -> CallSource | None:
    """The constructor call of the module at `path`, where it is known."""
    return call_at(defined_at(trace, path))


def files_of(trace: Trace) -> tuple[str, ...]:
    """The source files that the trace touches, in order of appearance."""
    found: dict[str, None] = {}
    for spec in trace.modules:
        if spec.defined_at is not None:
            found[spec.defined_at.file] = None
    for step in trace.steps:
        if step.call_site is not None:
            found[step.call_site.file] = None
    if trace.failure is not None and trace.failure.call_site is not None:
        found[trace.failure.call_site.file] = None
    return tuple(found)


def class_node(trace: Trace, class_name: str) -> tuple[Code, ast.ClassDef] | None:
    """The class of that name, in one of the files the trace touches."""
    for file in files_of(trace):
        code = code_of(file)
        found = None if code is None else code.classes().get(class_name)
        if code is not None and found is not None:
            return code, found
    return None


def constructor_text(trace: Trace, class_name: str) -> str | None:
    """How the constructor of the class of that name is written; None where only a parse tells.

    Empty where no file that the trace touches holds such a class. A parse tells where the name
    stands in more than one place, or the class has no constructor or several.
    """
    texts = [(file, source_text(file) or "") for file in files_of(trace)]
    found = [
        (file, text, line) for file, text in texts for line in _lines_of_class(text, class_name)
    ]
    if not found:
        return ""
    return _constructor(*found[0]) if len(found) == 1 else None


@lru_cache(maxsize=512)
def _lines_of_class(text: str, name: str) -> tuple[int, ...]:
    """The lines where a class of that name may begin."""
    begins = []
    at = text.find(f"class {name}")
    while at >= 0:
        behind = at + len(f"class {name}")
        if not f"_{text[behind : behind + 1]}".isidentifier():
            begins.append(text.count("\n", 0, at) + 1)
        at = text.find(f"class {name}", behind)
    return tuple(begins)


@lru_cache(maxsize=512)
def _constructor(file: str, text: str, line: int) -> str | None:
    """The constructor of the class that begins in a line of a file that reads so."""
    lines = source_lines(file)
    found = [
        line + at
        for at, written in enumerate(block_at(lines, line))
        if written.lstrip().startswith("def __init__(")
    ]
    init = function_at(file, found[0]) if len(found) == 1 else None
    return None if init is None else "\n".join(lines[init.lineno - 1 : init.end_lineno])


def owner_of(trace: Trace, path: str) -> tuple[str, Code, ast.ClassDef] | None:
    """The nearest module above `path` whose class is in a file of the user's."""
    names = {spec.path: spec.class_name for spec in trace.modules}
    above = path
    while above:
        above = above.rpartition(".")[0]
        found = class_node(trace, names.get(above, ""))
        if found is not None:
            return above, *found
    return None


def assignment_of(trace: Trace, path: str) -> tuple[Code, ast.stmt, ast.expr] | None:
    """The statement `self.NAME = VALUE` of the module at `path`, or of the one it lies in.

    Returns:
        File, statement and value; for `features.3` those of `features`.
    """
    found = owner_of(trace, path)
    if found is None:
        return None
    owner, code, cls = found
    name = path[len(owner) + 1 if owner else 0 :].split(".")[0]
    for node in ast.walk(cls):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and target.attr == name and is_self(target.value):
                return code, node, node.value
    return None


def is_empty_container(node: ast.expr) -> bool:
    """Whether a value is a container without entries, `nn.ModuleList()`: they come later."""
    empty = isinstance(node, ast.Call) and not node.args and not node.keywords
    return empty and callee_of(node) in ("ModuleList", "ModuleDict", "Sequential")


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the name `self`."""
    return isinstance(node, ast.Name) and node.id == "self"
