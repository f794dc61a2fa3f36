"""One row for each op, under torch's functional name and the classes of torch.nn that do it.

A row is added with `register`; a name or a module class that is already taken raises. Capture
asks `lookup` and `op_of_module` for rows and reads settings through them; analysis asks the same
rows for shapes, multiply-adds and windows.
"""

from __future__ import annotations

from collections.abc import Iterable

from shapescope.ops.names import snake_case
from shapescope.ops.row import SPELLINGS, Bound, Op, Shapes, Window, read_plain
from shapescope.trace import Step

__all__ = [
    "SPELLINGS",
    "Bound",
    "Op",
    "Shapes",
    "Window",
    "known_macs",
    "lookup",
    "op_of_module",
    "read_plain",
    "register",
    "registered",
]

_ROWS: dict[str, Op] = {}
_OP_OF_CLASS: dict[str, str] = {}
_DEFAULTS: dict[str, Op] = {}


def register(row: Op) -> Op:
    """Add a row.

    Raises:
        ValueError: the name, or one of the module classes, has a row already.
    """
    if row.name in _ROWS:
        raise ValueError(f"op {row.name} is registered twice")
    taken = [name for name in row.modules if name in _OP_OF_CLASS]
    if taken:
        raise ValueError(f"{taken[0]} is {_OP_OF_CLASS[taken[0]]} already, not {row.name}")
    _ROWS[row.name] = row
    for name in row.modules:
        _OP_OF_CLASS[name] = row.name
    return row


def lookup(name: str) -> Op:
    """The row of an op. One that has none gets a default row: plain arguments and no rule."""
    row = _ROWS.get(name)
    if row is None:
        row = _DEFAULTS.get(name)
        if row is None:
            row = _DEFAULTS[name] = Op(name)
    return row


def registered() -> tuple[Op, ...]:
    """Every row, in the order of registration."""
    return tuple(_ROWS.values())


def op_of_module(kind: type | Iterable[str]) -> str:
    """The op of a leaf module's class: its own, or that of the nearest class above it.

    A class that no row names is called by its own name in snake case.

    Args:
        kind: the class, or the names of it and of the classes above it, nearest first.
    """
    if isinstance(kind, type):
        kind = (above.__name__ for above in kind.__mro__)
    own = ""
    for name in kind:
        if name in _OP_OF_CLASS:
            return _OP_OF_CLASS[name]
        own = own or name
    return snake_case(own)


def known_macs(steps: Iterable[Step]) -> int:
    """Multiply-adds of steps, as far as their rows have a rule: what a run costs at least."""
    return sum(lookup(step.op).macs(step) or 0 for step in steps)
