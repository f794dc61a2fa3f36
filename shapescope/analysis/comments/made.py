"""The modules that are made on a line of a constructor, and what went through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapescope.analysis.comments.notation import INPUT, Written
from shapescope.trace import Shape, Step, Trace

CALL, MODULE = "call", "module"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One visit: when it was, in whose names the comment speaks, and what it may mean.

    Attributes:
        order: visits are judged in this order, since names take their sizes where they first fit.
        scope: a call of a function, or the class that makes a module; names hold within it.
        shapes: what was there, the likeliest first.
        value: the variable or module path.
        step: the step that made the likeliest, if one is known.
    """

    order: float
    scope: tuple[str, int | str]
    shapes: tuple[Shape, ...]
    value: str = ""
    step: int | None = None


class Made:
    """The steps of a trace by the lines on which their modules are made.

    Args:
        file: the file, as it is named in the spans of the trace.
        trace: what a run of its model showed.
    """

    def __init__(self, file: str, trace: Trace) -> None:
        self._at: dict[int, list[Step]] = {}
        for step in trace.steps:
            span = step.defined_at
            if span is not None and span.file == file and step.outputs:
                for line in {span.line, span.end_line}:
                    self._at.setdefault(line, []).append(step)

    def behind(self, line: int, one: Written) -> Iterator[Sighting]:
        """The modules that are made on this line: the last one's output, or its input."""
        here = self._last_ending(line)
        if here:
            for step in here:
                yield _of_module(step, one, inputs_first=False)
            return
        # Behind `nn.Sequential(`: what goes into it.
        opened = self._at.get(line, [])
        column = max(map(_column, opened), default=0)
        for step in opened:
            if _column(step) == column:
                yield _of_module(step, one, inputs_first=True)

    def between(self, line: int, lines: tuple[int, int], one: Written) -> Iterator[Sighting]:
        """For a comment on a line of its own: what comes from the entry above it, or the next."""
        above = next(filter(None, map(self._last_ending, range(line - 1, lines[0], -1))), [])
        below = next(filter(None, map(self._first_begun, range(line + 1, lines[1] + 1))), [])
        if one.role == INPUT:
            above = []
        pairs = len(above) == len(below)
        for place, step in enumerate(above or below):
            shapes = _outgoing(step)
            if not above:
                shapes = _incoming(step) if one.role == INPUT else (*_incoming(step), *shapes)
            elif pairs:
                shapes = (*shapes, *_outgoing(below[place]))
            yield Sighting(step.index, (MODULE, _owner(step)), shapes, step.path, step.index)

    def _last_ending(self, line: int) -> list[Step]:
        ending = [step for step in self._at.get(line, []) if _end_line(step) == line]
        column = max(map(_column, ending), default=0)
        return [step for step in ending if _column(step) == column and _outermost(step, ending)]

    def _first_begun(self, line: int) -> list[Step]:
        begun = [step for step in self._at.get(line, []) if _line(step) == line]
        column = min(map(_column, begun), default=0)
        return [step for step in begun if _column(step) == column and _outermost(step, begun)]


def _line(step: Step) -> int:
    return step.defined_at.line if step.defined_at is not None else 0


def _end_line(step: Step) -> int:
    return step.defined_at.end_line if step.defined_at is not None else 0


def _column(step: Step) -> int:
    return step.defined_at.column if step.defined_at is not None else 0


def _outermost(step: Step, steps: Sequence[Step]) -> bool:
    """Not one of those inside another step of the same line: a factory's block and its layers."""
    return step.parent not in {other.index for other in steps}


def _of_module(step: Step, one: Written, *, inputs_first: bool) -> Sighting:
    if one.role == INPUT:
        shapes = _incoming(step)
    elif inputs_first and "output" not in one.role:
        shapes = (*_incoming(step), *_outgoing(step))
    else:
        shapes = _outgoing(step)
    return Sighting(step.index, (MODULE, _owner(step)), shapes, step.path, step.index)


def _incoming(step: Step) -> tuple[Shape, ...]:
    return tuple(spec.shape for spec in step.inputs)


def _outgoing(step: Step) -> tuple[Shape, ...]:
    return tuple(spec.shape for spec in step.outputs)


def _owner(step: Step) -> str:
    return step.path.rpartition(".")[0].split(".")[0]
