"""Which call of a helper function made a layer: `*block(64, 128)`, `conv_block(3, 64)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code.calls import CallSource
from shapescope.analysis.code.owners import assignment_of, constructor_of, owner_of
from shapescope.analysis.code.source import Code, Function
from shapescope.trace import Trace


def calls_of(trace: Trace, path: str, code: Code, function: Function) -> Iterator[CallSource]:
    """The calls of a helper function that can have made the module at `path`.

    Args:
        trace: tells how the modules lie in one another.
        path: of the module.
        code: the file the helper function is in.
        function: the helper.
    """
    path = _below_owner(trace, path, code, function)
    assigned = assignment_of(trace, path)
    if assigned is not None:
        own = list(calls_in(assigned[0], assigned[2], function.name))
        if len(own) == 1:
            yield own[0]
            return
        if own:
            entry = _entry(trace, path, assigned[0], assigned[2], function)
            if entry is not None:
                yield from list(calls_in(assigned[0], entry, function.name))[:1]
            return
    appended = _appended(trace, path, function)
    if appended is not None:
        yield appended
        return
    anywhere = list(calls_in(code, code.tree, function.name))
    if len(anywhere) == 1:
        yield anywhere[0]


def _appended(trace: Trace, path: str, function: Function) -> CallSource | None:
    """The call that `self.decs.append(double(w, w))` hands in, where it is the only one."""
    found = owner_of(trace, path)
    if found is None:
        return None
    owner, code, cls = found
    name = path[len(owner) + 1 if owner else 0 :].split(".")[0]
    calls = [
        call
        for node in ast.walk(cls)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("append", "extend", "insert", "add_module")
        if isinstance(node.func.value, ast.Attribute) and node.func.value.attr == name
        for call in calls_in(code, node, function.name)
    ]
    return calls[0] if len(calls) == 1 else None


def _below_owner(trace: Trace, path: str, code: Code, function: Function) -> str:
    """The part of `path` that lies right below the module whose class the helper is a method of."""
    cls = code.class_of(function)
    found = owner_of(trace, path)
    while cls is not None and found is not None and found[2].name != cls.name and found[0]:
        path = found[0]
        found = owner_of(trace, path)
    return path


def calls_in(code: Code, node: ast.AST, name: str) -> Iterator[CallSource]:
    """The calls of a function below a node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            call = CallSource(code, inner)
            if call.callee == name:
                yield call


def made_often(code: Code, function: Function) -> bool:
    """Whether a helper function is called in several places, so that a change in it spreads."""
    return len(list(calls_in(code, code.tree, function.name))) > 1


def _entry(
    trace: Trace, path: str, code: Code, value: ast.expr, function: Function
) -> ast.expr | None:
    """The argument of a container's constructor that made its entry at `path`."""
    found = owner_of(trace, path)
    if found is None or not isinstance(value, ast.Call):
        return None
    owner = found[0]
    name, _, below = path[len(owner) + 1 if owner else 0 :].partition(".")
    number = below.partition(".")[0]
    entries = _entries(value)
    if not number.isdigit():
        return None
    container = f"{owner}.{name}" if owner else name
    counts = _counts(trace, container, code, entries, function)
    place = int(number)
    for entry, count in zip(entries, counts, strict=False):
        if place < count:
            return entry
        place -= count
    return None


def _entries(value: ast.Call) -> list[ast.expr]:
    """What a container is made of: its arguments, or those of the list it is given."""
    args = value.args
    if len(args) == 1 and isinstance(args[0], ast.List | ast.Tuple):
        return list(args[0].elts)
    return list(args)


def _counts(
    trace: Trace, container: str, code: Code, entries: Sequence[ast.expr], function: Function
) -> list[int]:
    """How many modules each argument of a container made; empty where that cannot be told.

    A starred call makes a run of modules whose constructors stand ever further down in the helper
    function: the next call begins where they start from the top again.
    """
    lines = _made_at(trace, container, code, function)
    counts: list[int] = []
    place = 0
    for entry in entries:
        if not isinstance(entry, ast.Starred):
            counts.append(1)
            place += 1
            continue
        if not any(True for _ in calls_in(code, entry, function.name)):
            return counts
        length = 0
        while place + length < len(lines) and lines[place + length] is not None:
            here, before = lines[place + length], lines[place + length - 1] if length else None
            if here is not None and before is not None and here <= before:
                break
            length += 1
        counts.append(length)
        place += length
    return counts


def _made_at(
    trace: Trace, container: str, code: Code, function: Function
) -> list[tuple[int, int] | None]:
    """Where in the helper function each entry of a container was made; None for another place."""
    last = function.end_lineno or function.lineno
    found: list[tuple[int, int] | None] = []
    while True:
        path = f"{container}.{len(found)}"
        if not any(spec.path == path for spec in trace.modules):
            return found
        call = constructor_of(trace, path)
        inside = (
            call is not None
            and call.code.file == code.file
            and function.lineno <= call.span.line <= last
        )
        found.append((call.span.line, call.span.column) if call is not None and inside else None)
