"""What a trace gave: the trace, what is derived from it, and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shapescope.diagnostic import Diagnostic, Severity
from shapescope.trace import Trace

if TYPE_CHECKING:
    from shapescope.analysis.cost import Totals
    from shapescope.analysis.receptive import ReceptiveField
    from shapescope.analysis.step_check import Check
    from shapescope.capture.further.crosscheck import CrossCheck
    from shapescope.capture.further.timing import Times
    from shapescope.capture.parameters import Parameter
    from shapescope.capture.values import ValueStats
    from shapescope.render.table import TableOptions


_DERIVED = frozenset({"checks", "macs", "totals", "receptive_fields"})
"""What a result works out of its trace alone, once it is asked for."""


@dataclass(frozen=True)
class TraceResult:
    """One traced forward pass with its figures; it draws itself in a terminal and a notebook.

    Attributes:
        trace: what happened, step by step.
        diagnostics: what is wrong or worth knowing, errors first.
        notes: how it was traced, for people: an input that was inferred, a way that was needed.
        values: per step what its values were, where they were asked for; else empty.
        crosscheck: what torchinfo and torch count, where that was asked for.
        times: how long each step took on the CPU, where that was asked for.
        options: how the table is drawn where nothing else is asked for.
    """

    trace: Trace
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    values: tuple[ValueStats | None, ...] = ()
    crosscheck: CrossCheck | None = None
    times: Times | None = None
    options: TableOptions | None = field(default=None, compare=False)

    def changed(self, **fields: Any) -> TraceResult:
        """The same trace with other fields; what was worked out of the trace stays known."""
        changed = replace(self, **fields)
        if changed.trace is self.trace:
            known = {name: value for name, value in vars(self).items() if name in _DERIVED}
            vars(changed).update(known)
        return changed

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

    # --- by torchinfo's names, for scripts that read its statistics

    @property
    def total_params(self) -> int:
        """Values in all parameters, tied ones once."""
        return self.totals.params

    @property
    def trainable_params(self) -> int:
        """Those of them that ask for a gradient."""
        return self.totals.trainable_params

    @property
    def total_param_bytes(self) -> int:
        """Bytes of all parameters."""
        return self.totals.param_bytes

    @property
    def total_mult_adds(self) -> int:
        """Multiply-adds of the pass, of functional calls too."""
        return self.totals.macs

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

        return result_to_markdown(self, self.options)

    def to_csv(self) -> str:
        """A row of comma-separated values for each step."""
        from shapescope.render.csv import result_to_csv

        return result_to_csv(self)

    def _repr_html_(self) -> str:
        from shapescope.render.html import result_to_html

        return result_to_html(self, self.options)

    def __str__(self) -> str:
        from shapescope.render.line import plain_text
        from shapescope.render.table import result_lines

        return plain_text(result_lines(self, options=self.options)).rstrip("\n")

    __repr__ = __str__  # so that a prompt shows the table, as a notebook does

    def show(self) -> None:
        """Draw the table on standard output, in its colours and its width."""
        import sys

        from shapescope.render.line import write_lines
        from shapescope.render.table import result_lines
        from shapescope.render.theme import surface_of

        surface = surface_of(sys.stdout)
        write_lines(result_lines(self, surface, self.options), sys.stdout, surface)


@dataclass(frozen=True)
class ParamsResult:
    """Every named parameter of a model, and what there is to say about how they were read."""

    model: str
    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...] = ()

    @property
    def unique(self) -> tuple[Parameter, ...]:
        """Each parameter under its first name only."""
        return tuple(entry for entry in self.parameters if entry.spec.key == entry.spec.name)

    @property
    def total(self) -> int:
        """Number of values, tied ones once."""
        return sum(entry.spec.numel for entry in self.unique)

    @property
    def trainable(self) -> int:
        """Number of values that training changes."""
        return sum(entry.spec.numel for entry in self.unique if entry.spec.trainable)

    @property
    def size(self) -> int:
        """Bytes of all values, tied ones once."""
        return sum(entry.spec.numel * bytes_of(entry.spec.dtype) for entry in self.unique)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `shapescope params --format json`."""
        from shapescope.render.params import params_to_dict

        return params_to_dict(self)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The JSON text of `shapescope params --format json`."""
        from shapescope.render.json import to_json

        return to_json(self.to_dict(), indent=indent)

    def to_markdown(self) -> str:
        """The parameters as a Markdown table."""
        from shapescope.render.params import params_to_markdown

        return params_to_markdown(self)

    def to_csv(self) -> str:
        """A row of comma-separated values for each parameter."""
        from shapescope.render.params import params_to_csv

        return params_to_csv(self)

    def _repr_html_(self) -> str:
        from shapescope.render.html import params_to_html

        return params_to_html(self)

    def __str__(self) -> str:
        from shapescope.render.line import plain_text
        from shapescope.render.params import params_lines
        from shapescope.render.theme import Surface

        return plain_text(params_lines(self, Surface())).rstrip("\n")

    __repr__ = __str__  # so that a prompt shows the table, as a notebook does


_WIDE_TYPES = {"bool": 1, "complex64": 8, "complex128": 16}


def bytes_of(dtype: str) -> int:
    """Bytes of one value of a dtype, told from the number of bits in its name."""
    digits = "".join(char for char in dtype.partition("_")[0] if char.isdigit())
    return _WIDE_TYPES.get(dtype) or max(int(digits or 32) // 8, 1)
