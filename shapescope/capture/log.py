"""The records of a pass while they are added to: which modules run, and what has raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from shapescope.capture.records import Record, Registered, Site, failure_of, steps_of
from shapescope.trace import Failure, SourceSpan, Step, TensorSpec

__all__ = ["Log"]

T = TypeVar("T")


class Log:
    """What a recorder writes to.

    Attributes:
        records: one for each step that was begun, in order.
        open: the numbers of the modules that are running, outermost first.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.open: list[int] = []
        self._failed: list[int] = []
        self._numbers: dict[int, int] = {}

    @property
    def last(self) -> int:
        """The number of the newest record."""
        return len(self.records) - 1

    @property
    def path(self) -> str:
        """The path of the innermost module that is running."""
        return self.records[self.open[-1]].path if self.open else ""

    def add(
        self,
        path: str,
        op: str,
        kind: str,
        inputs: list[TensorSpec],
        sources: list[int],
        site: Site | None,
    ) -> Record:
        """Begin a step inside the innermost module that is running."""
        parent = self.open[-1] if self.open else None
        record = Record(path, op, kind, parent, inputs, sources, site)
        self.records.append(record)
        return record

    def take_back(self, index: int) -> None:
        """Leave out the newest step, which gave no tensor."""
        if index == self.last:
            self.records.pop()

    def fail(self, index: int, error: BaseException) -> None:
        """Note that a step raised, which the forward may yet catch."""
        self.records[index].error = error
        self._failed.append(index)

    def failing(self, error: BaseException | None) -> int | None:
        """The number of the step whose error, or one that came of it, ended the pass."""
        if error is None:
            return None
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
            chain.append(cause)
        for index in self._failed:
            if any(self.records[index].error is link for link in chain):
                return index
        return None

    def finish(
        self,
        error: BaseException | None,
        registered: Registered,
        definitions: Mapping[str, SourceSpan],
    ) -> tuple[tuple[Step, ...], Failure | None]:
        """The steps, numbered anew where the forward caught an error, and how the pass failed."""
        failed = self.failing(error)
        steps, self._numbers = steps_of(self.records, failed, registered, definitions)
        if error is None:
            return steps, None
        return steps, failure_of(error, None if failed is None else self._numbers[failed])

    def by_step(self, observed: Mapping[int, T]) -> dict[int, T]:
        """What was observed while it ran, by the numbers that the steps have in the end."""
        return {new: observed[old] for old, new in self._numbers.items() if old in observed}
