"""What a run showed: the shapes of the variables around each statement, at each visit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from shapescope.trace import Shape, Trace

Value: TypeAlias = "Shape | list[Value]"
"""The shape of a tensor, or a list of values for a tuple, list or dict of them."""

Snapshot: TypeAlias = Mapping[str, Value]


@dataclass(slots=True)
class Visit:
    """One execution of one statement.

    Attributes:
        order: which visit of the run it is.
        call: which call of its function.
        line: the first line of the statement.
        before: the variables as the statement found them.
        after: the variables as it left them; the same where it did not finish.
        result: what a return statement gave back.
        finished: whether it came to its end.
    """

    order: int
    call: int
    line: int
    before: Snapshot
    after: Snapshot = field(default_factory=dict)
    result: Value | None = None
    finished: bool = False


@dataclass(slots=True)
class Call:
    """One call of a function of the user's: its arguments and what it gave back."""

    number: int
    line: int
    arguments: Snapshot
    result: Value | None = None
    finished: bool = False


@dataclass(frozen=True)
class Observed:
    """All that was seen of one file in one run, and the trace of that run."""

    trace: Trace
    visits: tuple[Visit, ...] = ()
    calls: tuple[Call, ...] = ()

    def visits_of(self, line: int) -> Iterator[Visit]:
        """The visits of the statement that begins at `line`, in order."""
        return (visit for visit in self.visits if visit.line == line)


def tensors(value: Value | None) -> Iterator[Shape]:
    """Every shape in a value."""
    if isinstance(value, tuple):
        yield value
    elif value is not None:
        for item in value:
            yield from tensors(item)
