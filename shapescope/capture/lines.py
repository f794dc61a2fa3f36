"""What each statement of a file found and left: the shapes of its variables, while forward runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.analysis.comments.observed import Call, Snapshot, Value, Visit
from shapescope.analysis.comments.places import statement_lines
from shapescope.source_text import absolute_path
from shapescope.trace import Shape

_MAX_VISITS = 20_000
_MAX_ITEMS = 64
_SELF = ("self", "cls")


class LineRecorder:
    """While entered, every statement of `file` that runs is written down with its variables.

    Python's trace function is used, so a debugger or coverage that was there before is put back
    afterwards. Only frames of this file pay for it.
    """

    def __init__(self, file: Path, source: str) -> None:
        self.file = absolute_path(file)
        self.statements = statement_lines(ast.parse(source))
        self.visits: list[Visit] = []
        self.calls: list[Call] = []
        self._open: dict[FrameType, tuple[Call, Visit | None]] = {}
        self._beginnings: dict[tuple[CodeType, int], int] = {}
        self._previous: Any = None

    def __enter__(self) -> LineRecorder:
        self._previous = sys.gettrace()
        sys.settrace(self._on_call)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.settrace(self._previous)
        self._open.clear()

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if event != "call" or code.co_name.startswith("<") or len(self.visits) > _MAX_VISITS:
            return None
        if absolute_path(Path(code.co_filename)) != self.file or code.co_name == "__init__":
            return None
        call = Call(len(self.calls), code.co_firstlineno, _snapshot(frame))
        self.calls.append(call)
        self._open[frame] = (call, None)
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        entry = self._open.get(frame)
        if entry is None:
            return None
        call, visit = entry
        if event == "line":
            first, last = self.statements.get(frame.f_lineno, (0, 0))
            if not first or (
                visit and visit.line == first and not self._begins(frame, first, last)
            ):
                return self._on_line
            now = _snapshot(frame)
            _finish(visit, now)
            started = Visit(len(self.visits), call.number, first, now)
            self.visits.append(started)
            self._open[frame] = (call, started)
        elif event == "exception":
            # The statement did not come to its end, unless the function catches it.
            self._open[frame] = (call, None)
        elif event == "return":
            if visit is not None:
                _finish(visit, _snapshot(frame))
                with torch._C.DisableTorchFunction():
                    visit.result = call.result = _value(argument)
                call.finished = True
            del self._open[frame]
        return self._on_line

    def _begins(self, frame: FrameType, first: int, last: int) -> bool:
        """Whether the statement begins here, rather than going on in another of its lines."""
        if first == last:
            return True
        key = (frame.f_code, first)
        if key not in self._beginnings:
            self._beginnings[key] = min(
                start
                for start, _, line in frame.f_code.co_lines()
                if line is not None and first <= line <= last
            )
        return frame.f_lasti == self._beginnings[key]


def _finish(visit: Visit | None, after: Snapshot) -> None:
    if visit is not None:
        visit.after, visit.finished = after, True


def _snapshot(frame: FrameType) -> Snapshot:
    found: dict[str, Value] = {}
    with torch._C.DisableTorchFunction():
        for name, local in frame.f_locals.items():
            if name in _SELF and not isinstance(local, Tensor):
                for attribute, held in _attributes(local):
                    if isinstance(held, Tensor):
                        found[f"{name}.{attribute}"] = _shape(held)
                continue
            value = _value(local)
            if value is not None:
                found[name] = value
    return found


def _attributes(holder: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object; of a module, its own parameters and buffers too."""
    own = getattr(holder, "__dict__", {})
    yield from own.items()
    if isinstance(holder, nn.Module):
        yield from own["_parameters"].items()
        yield from own["_buffers"].items()


def _value(item: Any) -> Value | None:
    """The shapes in what a variable holds; None where there is no tensor in it."""
    if isinstance(item, Tensor):
        return _shape(item)
    if isinstance(item, Mapping):
        item = list(item.values())
    if isinstance(item, list | tuple) and 0 < len(item) <= _MAX_ITEMS:
        parts = [part for part in map(_value, item) if part is not None]
        return parts or None
    return None


def _shape(tensor: Tensor) -> Shape:
    return tuple(int(size) for size in tensor.shape)
