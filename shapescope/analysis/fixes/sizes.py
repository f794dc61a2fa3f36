"""The sizes that a view asks for, as they are written, and where they differ from what is there."""

from __future__ import annotations

import ast

from shapescope.analysis.code import CallSource


def size_nodes(call: CallSource) -> list[ast.expr]:
    """The expressions of the sizes that a view or reshape asks for."""
    given = list(call.node.args)
    if call.receiver is None or call.callee == "unflatten":
        given = given[1:]
    if len(given) == 1 and isinstance(given[0], ast.Tuple | ast.List):
        return list(given[0].elts)
    return given


def differing(
    sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is left of both once equal sizes at the front and the back are taken away."""
    front = 0
    while front < min(len(sizes), len(wanted)) and sizes[front] == wanted[front]:
        front += 1
    if front == len(sizes) < len(wanted) and front > 1:
        front -= 1  # an axis that is to be split is no equal one
    back = 0
    while back < min(len(sizes), len(wanted)) - front and sizes[-1 - back] == wanted[-1 - back]:
        back += 1
    return sizes[front : len(sizes) - back], wanted[front : len(wanted) - back]
