"""The JSON of a traced model: the object that DESIGN calls `shapescope.trace/1`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shapescope.diagnostic import Diagnostic, Help, Label
from shapescope.trace import SCHEMA, Trace, to_dict
from shapescope.trace_json import span_to_dict

if TYPE_CHECKING:
    from shapescope.analysis.receptive import ReceptiveField
    from shapescope.analysis.step_check import Check
    from shapescope.result import TraceResult


def result_to_dict(result: TraceResult) -> dict[str, Any]:
    """The whole result as JSON data: the trace's own fields, and what is derived from it."""
    trace = result.trace
    raw = to_dict(trace)
    times = result.times
    if times is not None:
        for step, seconds in zip(raw["steps"], times.steps, strict=True):
            step["seconds"] = seconds
    derived = zip(raw["steps"], result.macs, result.checks, result.receptive_fields, strict=True)
    return {
        "schema": SCHEMA,
        "model": trace.model,
        "mode": trace.mode,
        "inputs": raw["inputs"],
        "outputs": raw["outputs"],
        "steps": [_step(step, macs, check, field) for step, macs, check, field in derived],
        "totals": _totals(result),
        "failure": _failure(trace),
        "diagnostics": diagnostics_to_dicts(result.diagnostics),
    }


def result_to_json(result: TraceResult, *, indent: int | None = 2) -> str:
    """The result as JSON text; numbers that JSON cannot hold do not occur in it."""
    return to_json(result_to_dict(result), indent=indent)


def to_json(data: dict[str, Any], *, indent: int | None = 2) -> str:
    """JSON text in ASCII, which every stream takes.

    With an indent, each key stands on a line of its own, and so does each step and each diagnostic:
    that reads and compares well line by line, and is written many times faster than by json's own
    indentation.
    """
    if indent is None:
        return json.dumps(data, allow_nan=False)
    pad = " " * indent
    lines = [f"{pad}{json.dumps(name)}: {_value(value, pad)}" for name, value in data.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _value(value: Any, pad: str) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = ",\n".join(pad * 2 + json.dumps(item, allow_nan=False) for item in value)
        return f"[\n{items}\n{pad}]"
    return json.dumps(value, allow_nan=False)


def _step(
    step: dict[str, Any], macs: int | None, check: Check, field: ReceptiveField | None
) -> dict[str, Any]:
    spans = {"call_site": step.pop("call_site"), "defined_at": step.pop("defined_at")}
    return {
        **step,
        "attrs": finite(step["attrs"]),
        "macs": macs,
        "check": check_to_dict(check),
        "receptive_field": receptive_field_to_dict(field),
        **spans,
    }


def finite(value: Any) -> Any:
    """The value with infinities and NaN, of a mask or a diverged loss, by name: JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    return value


def check_to_dict(check: Check) -> dict[str, Any]:
    """A check: its status, a formula per axis, and the shape that the formula gives."""
    return {
        "status": check.status,
        "formula": list(check.formula),
        "expected": None if check.expected is None else list(check.expected),
    }


def receptive_field_to_dict(field: ReceptiveField | None) -> dict[str, Any] | None:
    """A receptive field per axis, in pixels of the input."""
    if field is None:
        return None
    return {name: [_number(value) for value in getattr(field, name)] for name in _FIELD}


_FIELD = ("size", "jump", "start")


def _number(value: Any) -> int | float:
    """An int where the number is whole; a fraction (after upsampling) as a float."""
    return int(value) if value == int(value) else float(value)


def _totals(result: TraceResult) -> dict[str, Any]:
    totals = asdict(result.totals)
    if result.times is not None:
        totals["seconds"] = result.times.forward
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in totals.items()
    }


def _failure(trace: Trace) -> dict[str, Any] | None:
    failure = trace.failure
    if failure is None:
        return None
    return {"step": failure.step, "exception": failure.exception, "message": failure.message}


def diagnostics_to_dicts(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Diagnostics as JSON data."""
    return [diagnostic_to_dict(diagnostic) for diagnostic in diagnostics]


def diagnostic_to_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """One diagnostic as JSON data; torch's own words are left to the terminal."""
    return {
        "rule": diagnostic.rule,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "labels": [_label(label) for label in diagnostic.labels],
        "why": list(diagnostic.why),
        "notes": list(diagnostic.notes),
        "help": [_help(entry) for entry in diagnostic.help],
    }


def _label(label: Label) -> dict[str, Any]:
    return {**(span_to_dict(label.span) or {}), "text": label.text, "primary": label.primary}


def _help(entry: Help) -> dict[str, Any]:
    return {
        "message": entry.message,
        "edits": [
            {**(span_to_dict(edit.span) or {}), "replacement": edit.replacement}
            for edit in entry.edits
        ],
        "verified": entry.verified,
        "changes_parameters": entry.changes_parameters,
    }
