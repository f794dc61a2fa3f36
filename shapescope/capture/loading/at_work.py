"""Where the top level of a user's file stands while it is executed, for whoever waits for it."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from traceback import walk_stack
from types import FrameType

from shapescope.source_text import display_path

__all__ = ["executing", "line_at_work", "what_takes_long"]

_running: list[tuple[str, ast.Module, float]] = []


@contextmanager
def executing(file: str, tree: ast.Module) -> Iterator[None]:
    """While inside, the top level of a file is executed."""
    _running.append((file, tree, time.monotonic()))
    try:
        yield
    finally:
        _running.pop()


def what_takes_long(seconds: float) -> str:
    """A line for people on a file that has been executed for so many seconds; "" if none has."""
    for file, tree, began in _running:
        line = _line_of(file) if time.monotonic() - began >= seconds else 0
        statement = next((one for one in tree.body if one.lineno <= line <= _end(one)), None)
        if statement is None:
            continue
        place = f"{display_path(file)}:{line}"
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return f"still at {place}, an import"
        return (
            f"still at {place}, which runs whenever the file is read; "
            'below `if __name__ == "__main__":` it would not run here'
        )
    return ""


def _end(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def line_at_work(file: str, frames: Iterable[tuple[FrameType, int]]) -> int:
    """The line of a file's top level among frames with their lines; 0 where it is none of them.

    Args:
        file: the file's path, as in its code objects.
        frames: as `walk_stack` and `walk_tb` of the module `traceback` give them.
    """
    for frame, line in frames:
        if (frame.f_code.co_name, frame.f_code.co_filename) == ("<module>", file):
            return line
    return 0


def _line_of(file: str) -> int:
    """The line of a file's top level at which some thread is; 0 where none is."""
    frames = sys._current_frames().values()
    lines = (line_at_work(file, walk_stack(frame)) for frame in frames)
    return next(filter(None, lines), 0)
