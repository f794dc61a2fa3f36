"""A table of positions made longer by what was put in front of the sequence."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code.owners import class_node
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.trace import Trace

_MOST = 4


def one_more(trace: Trace, name: str, rows: int, needed: int) -> Iterator[Proposal]:
    """`n_patches + 1` for the rows of a table that a class token made one too few.

    Args:
        trace: tells the class that holds the table.
        name: of the table, a buffer or a parameter.
        rows: that it has.
        needed: that it should have; a few more, no other size of picture.
    """
    path, _, short = name.rpartition(".")
    spec = next((spec for spec in trace.modules if spec.path == path), None)
    found = None if spec is None else class_node(trace, spec.class_name)
    if found is None or not 0 < needed - rows <= _MOST:
        return
    code, cls = found
    for node in ast.walk(cls):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        named = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        if named != short:
            continue
        for inner in ast.walk(node.value):
            if not isinstance(inner, ast.Call):
                continue
            for size in (one for arg in inner.args for one in _sizes(arg)):
                if isinstance(size, ast.Constant | ast.Starred | ast.Call):
                    continue
                text = f"{code.text(size)} + {needed - rows}"
                yield Proposal(
                    f"make room for {needed - rows} more",
                    (code.replace(size, text),),
                    kind="longer",
                )


def _sizes(argument: ast.expr) -> list[ast.expr]:
    """The sizes that an argument gives: those of a tuple, or itself."""
    return list(argument.elts) if isinstance(argument, ast.Tuple | ast.List) else [argument]
