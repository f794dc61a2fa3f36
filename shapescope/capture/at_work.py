"""Where the top level of a user's file stands while it is executed, for whoever waits for it."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def line_at_work(file: str, frame: FrameType | None) -> int:
    """The line of a file's top level that led to a frame; 0 where none did."""
    while frame is not None:
        if (frame.f_code.co_name, frame.f_code.co_filename) == ("<module>", file):
            return frame.f_lineno
        frame = frame.f_back
    return 0


def _line_of(file: str) -> int:
    """The line of a file's top level at which some thread is; 0 where none is."""
    lines = (line_at_work(file, frame) for frame in sys._current_frames().values())
    return next(filter(None, lines), 0)
