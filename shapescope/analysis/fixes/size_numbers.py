"""The size that a model is built for, where its constructors write it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code.owners import class_node
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints
from shapescope.trace import Trace

_LEAST = 8
_MOST = 6


def built_for_what_arrives(trace: Trace, path: str) -> Iterator[Proposal]:
    """The defaults of constructors that hold another size than the input has.

    A picture of 224 pixels that a table of positions was made for is a number among the defaults
    of the class that has the table, or of one around it: it is replaced by the side that arrives.

    Args:
        trace: tells the inputs and the classes.
        path: of the module that holds the table.
    """
    sides = tuple(
        dict.fromkeys(side for spec in trace.inputs for side in ints(spec.shape)[-2:] if side > 1)
    )
    maps = [ints(spec.shape)[-2:] for spec in trace.inputs if len(spec.shape) > 2]
    made: list[Proposal] = []
    for code, node in _defaults(trace, path):
        if isinstance(node, ast.Tuple | ast.List):
            for one in maps:
                text = f"({one[0]}, {one[1]})"
                made.append(_written(code, node, text))
        else:
            made += [_written(code, node, str(side)) for side in sides]
    yield from made[:_MOST]


def _written(code: Code, node: ast.expr, text: str) -> Proposal:
    return Proposal(
        f"build it for what arrives: {text} instead of {code.text(node)}",
        (code.replace(node, text),),
        kind="built for",
    )


def _defaults(trace: Trace, path: str) -> Iterator[tuple[Code, ast.expr]]:
    """The default numbers, and pairs of numbers, of the classes from the outermost to `path`."""
    parts = path.split(".") if path else []
    for end in range(len(parts) + 1):
        above = ".".join(parts[:end])
        spec = next((spec for spec in trace.modules if spec.path == above), None)
        found = None if spec is None else class_node(trace, spec.class_name)
        function = None if found is None else found[0].method(found[1].name, "__init__")
        if found is None or function is None:
            continue
        yield from ((found[0], node) for node in function.args.defaults if _is_size(node))


def _is_size(node: ast.expr) -> bool:
    """Whether a default may be the side of a picture, or both sides."""
    if isinstance(node, ast.Tuple | ast.List):
        return len(node.elts) == 2
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value >= _LEAST
