"""A traced model as comma-separated values: a row for each step, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from shapescope.render.settings import settings_text
from shapescope.result import TraceResult
from shapescope.trace import Shape, SourceSpan, TensorSpec

TITLES = (
    "index", "path", "op", "kind", "class", "settings", "inputs", "outputs", "dtype", "params",
    "macs", "check", "formula", "receptive_field", "call_site", "defined_at",
)  # fmt: skip


def result_to_csv(result: TraceResult) -> str:
    """All steps, none folded; shapes as `1x6x28x28`, several tensors with a semicolon between.

    Names that a spreadsheet would take for a formula are preceded by an apostrophe.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    statistics = ("min", "max", "mean") if result.values else ()
    times = result.times
    writer.writerow((*TITLES, *statistics, *(() if times is None else ("seconds",))))
    for step in result.trace.steps:
        check = result.checks[step.index]
        macs = result.macs[step.index]
        field = result.receptive_fields[step.index]
        row: list[object] = [
            step.index, _safe(step.path), step.op, step.kind, _safe(step.class_name),
            "" if step.is_composite else settings_text(step),
            _shapes(step.inputs), _shapes(step.outputs),
            step.outputs[0].dtype if step.outputs else "",
            sum(param.numel for param in step.params),
            "" if macs is None else macs,
            check.status, "; ".join(dict.fromkeys(check.formula)),
            "" if field is None else "x".join(f"{float(size):g}" for size in field.size),
            _place(step.call_site), _place(step.defined_at),
        ]  # fmt: skip
        if statistics:
            stats = result.values[step.index]
            row += ["", "", ""] if stats is None else [stats.minimum, stats.maximum, stats.mean]
        if times is not None:
            seconds = times.steps[step.index]
            row.append("" if seconds is None else f"{seconds:.9f}")
        writer.writerow(row)
    return buffer.getvalue()


def _shapes(specs: Sequence[TensorSpec]) -> str:
    return "; ".join(_shape(spec.shape) for spec in specs)


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _place(span: SourceSpan | None) -> str:
    return "" if span is None else f"{span.file}:{span.line}:{span.column}"


def _safe(name: str) -> str:
    return "'" + name if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
