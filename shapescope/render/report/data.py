"""What the page's script reads: every step in columns, texts that repeat written once."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

from shapescope.analysis.cost import module_costs
from shapescope.analysis.step_check import NOT_APPLICABLE, Check
from shapescope.render.drawing.wording import kind_of, words
from shapescope.render.json import receptive_field_to_dict
from shapescope.render.settings import settings_text
from shapescope.render.shapes import printable, shape_text, tensor_text
from shapescope.result import TraceResult
from shapescope.source_text import enclosing_name, source_lines
from shapescope.trace import ParamSpec, SourceSpan, Step

K = TypeVar("K", bound=Hashable)

NO_CHECK = Check(NOT_APPLICABLE)
STATUSES = ("not_applicable", "match", "mismatch", "unknown")
MOST_LINES = 8
"""So many lines of an expression are shown."""


class Table(Generic[K]):
    """Values that repeat, each kept once; `number` is where."""

    def __init__(self) -> None:
        self._numbers: dict[K, int] = {}

    def number(self, value: K) -> int:
        """Where the value is in `values`."""
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> list[K]:
        """All of them, in order of appearance."""
        return list(self._numbers)


def page_data(result: TraceResult) -> dict[str, Any]:
    """Everything the script needs, as JSON data."""
    return _Packer(result).data()


def script_json(data: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Packer:
    def __init__(self, result: TraceResult) -> None:
        self.result = result
        self.strings: Table[str] = Table()
        self.fields: Table[tuple[tuple[float, ...], ...]] = Table()
        self.inputs: Table[tuple[tuple[int, int], ...]] = Table()
        self.params: Table[tuple[tuple[int, int, int, bool], ...]] = Table()
        self.spans: Table[tuple[int, int, int, int, int]] = Table()
        self.sources: dict[int, dict[int, str]] = {}
        self.names: dict[tuple[int, int], int] = {}

    def data(self) -> dict[str, Any]:
        trace = self.result.trace
        columns = self._columns()
        return {
            "model": printable(trace.model),
            "steps": columns,
            "failed": self._failed(),
            "input": self._first_input(),
            "strings": self.strings.values,
            "fields": self.fields.values,
            "inputs": self.inputs.values,
            "params": self.params.values,
            "spans": [[*span, self.names.get(span[:2], -1)] for span in self.spans.values],
            "sources": self.sources,
            "statuses": STATUSES,
        }

    def _failed(self) -> int:
        """The step that failed; -1 for none."""
        failure = self.result.trace.failure
        return -1 if failure is None or failure.step is None else failure.step

    def _columns(self) -> dict[str, list[Any]]:
        result = self.result
        failed = self._failed()
        costs = module_costs(result.trace)
        columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        for step in result.trace.steps:
            check = result.checks[step.index]
            if step.index == failed and check.status != "mismatch":
                check = NO_CHECK  # what it would have made of its input never came
            field = result.receptive_fields[step.index]
            own = result.macs[step.index]
            row = {
                "parent": -1 if step.parent is None else step.parent,
                "path": self._text(step.path),
                "op": self._text(step.class_name if step.is_composite else step.op),
                "words": self._text(words(step)),
                "kind": self._text(kind_of(step)),
                "call": int(step.kind == "function"),
                "shape": self._text(", ".join(map(tensor_text, step.outputs))),
                "settings": self._text(settings_text(step)),
                "inputs": self._inputs(step),
                "own": self._params(step.params),
                "total": costs[step.index].params,
                "macs": costs[step.index].macs if step.is_composite or own is not None else -1,
                "status": STATUSES.index(check.status),
                "formula": self._text("\n".join(check.formula)),
                "expected": self._text(
                    "" if check.expected is None else shape_text(check.expected)
                ),
                "field": -1 if field is None else self._field(field),
                "site": self._span(step.call_site),
                "made": self._span(step.defined_at),
            }
            for name, value in row.items():
                columns[name].append(value)
        if result.values:
            columns["values"] = [
                None if one is None else [one.minimum, one.maximum, one.mean]
                for one in result.values
            ]
        return columns

    def _text(self, text: str) -> int:
        return self.strings.number(printable(text) if "\n" not in text else text)

    def _inputs(self, step: Step) -> int:
        """Each input: how many steps back it was made (0: by none), and its shape or name."""
        found = []
        for spec, source in step.input_sources():
            shape = tensor_text(spec)
            text = f"{spec.name}: {shape}" if source is None and spec.name else shape
            found.append((0 if source is None else step.index - source, self._text(text)))
        return self.inputs.number(tuple(found))

    def _params(self, params: Sequence[ParamSpec]) -> int:
        return self.params.number(
            tuple(
                (self._text(one.name), self._text(shape_text(one.shape)), one.numel, one.trainable)
                for one in params
            )
        )

    def _field(self, field: Any) -> int:
        plain = receptive_field_to_dict(field) or {}
        return self.fields.number(tuple(tuple(plain[name]) for name in ("size", "jump", "start")))

    def _span(self, span: SourceSpan | None) -> int:
        if span is None:
            return -1
        file = self._text(span.file)
        lines = source_lines(span.file)
        kept = self.sources.setdefault(file, {})
        last = min(span.end_line, span.line + MOST_LINES - 1, len(lines))
        for number in range(span.line, last + 1):
            kept[number] = lines[number - 1]
        if (file, span.line) not in self.names:
            name = enclosing_name(span.file, span.line)
            self.names[file, span.line] = -1 if name is None else self._text(name)
        key = (file, span.line, span.column, span.end_line, span.end_column)
        return self.spans.number(key)

    def _first_input(self) -> list[int]:
        """The sizes of the first input, those that are numbers."""
        inputs = self.result.trace.inputs
        sizes = inputs[0].shape if inputs else ()
        return [size if isinstance(size, int) else 0 for size in sizes]


_COLUMNS = (
    "parent",
    "path",
    "op",
    "words",
    "kind",
    "call",
    "shape",
    "settings",
    "inputs",
    "own",
    "total",
    "macs",
    "status",
    "formula",
    "expected",
    "field",
    "site",
    "made",
)
