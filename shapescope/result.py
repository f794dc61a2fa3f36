"""What a trace gave: the trace, what is derived from it, and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from shapescope.diagnostic import Diagnostic, Severity
from shapescope.trace import Trace

if TYPE_CHECKING:
    from shapescope.analysis.check import Check
    from shapescope.analysis.cost import Totals
    from shapescope.analysis.receptive import ReceptiveField


class Statistics(Protocol):
    """The values of a step's first output, from a run on real numbers."""

    @property
    def minimum(self) -> float:
        """The smallest value."""

    @property
    def maximum(self) -> float:
        """The largest value."""

    @property
    def mean(self) -> float:
        """The mean of all values."""


@dataclass(frozen=True)
class TraceResult:
    """One traced forward pass with its figures; it draws itself in a terminal and a notebook.

    Attributes:
        trace: what happened, step by step.
        diagnostics: what is wrong or worth knowing, errors first.
        notes: how it was traced, for people: an input that was inferred, a way that was needed.
        values: per step what its values were, where they were asked for; else empty.
    """

    trace: Trace
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    values: tuple[Statistics | None, ...] = ()

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """For each step, the formula against what torch gave."""
        from shapescope.analysis.check import check_trace

        return check_trace(self.trace)

    @cached_property
    def macs(self) -> tuple[int | None, ...]:
        """For each step its multiply-adds; None where there is no rule."""
        from shapescope.analysis.cost import step_macs

        return tuple(step_macs(step) for step in self.trace.steps)

    @cached_property
    def totals(self) -> Totals:
        """Parameters, multiply-adds and bytes of the whole pass."""
        from shapescope.analysis.cost import totals

        return totals(self.trace)

    @cached_property
    def receptive_fields(self) -> tuple[ReceptiveField | None, ...]:
        """For each step how much of the input one of its outputs sees."""
        from shapescope.analysis.receptive import receptive_fields

        return receptive_fields(self.trace)

    @property
    def failed(self) -> bool:
        """Whether the model is at fault: it raised, or a check or a rule found an error."""
        return (
            self.trace.failure is not None
            or any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)
            or any(check.status == "mismatch" for check in self.checks)
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `shapescope trace --format json`."""
        from shapescope.render.json import result_to_dict

        return result_to_dict(self)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The JSON text of `shapescope trace --format json`."""
        from shapescope.render.json import result_to_json

        return result_to_json(self, indent=indent)

    def to_markdown(self) -> str:
        """The table of steps as a Markdown table, with the totals below it."""
        from shapescope.render.markdown import result_to_markdown

        return result_to_markdown(self)

    def to_csv(self) -> str:
        """A row of comma-separated values for each step."""
        from shapescope.render.csv import result_to_csv

        return result_to_csv(self)

    def _repr_html_(self) -> str:
        from shapescope.render.html import result_to_html

        return result_to_html(self)

    def __str__(self) -> str:
        from shapescope.render.line import plain_text
        from shapescope.render.table import result_lines

        return plain_text(result_lines(self)).rstrip("\n")
