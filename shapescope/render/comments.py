"""Verdicts on shape comments as text, JSON, GitHub annotations and diffs."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from shapescope.analysis.comments.verdicts import RIGHT, UNCHECKED, WRONG, Verdict
from shapescope.analysis.comments.writing import Addition
from shapescope.diagnostic import Diagnostic
from shapescope.render.json import diagnostic_to_dict, to_json
from shapescope.render.line import Line
from shapescope.render.shapes import plural, printable
from shapescope.render.theme import Surface
from shapescope.trace import Trace
from shapescope.trace_json import span_to_dict

SCHEMA = "shapescope.annotate/1"
_WRITTEN = {RIGHT: "kept", WRONG: "corrected", UNCHECKED: UNCHECKED}


def check_lines(verdicts: Sequence[Verdict], surface: Surface) -> list[Line]:
    """A line for each comment that is wrong, and how many there are of each kind."""
    lines: list[Line] = []
    for one in verdicts:
        if one.status == WRONG:
            span = one.span
            line = Line(f"{span.file}:{span.line}:{span.column}: ").add("wrong", "error")
            line.add(f" {printable(one.text)}: {one.why}")
            lines.append(line.add(f"; write {printable(one.replacement)}", "help"))
    counts = {status: sum(one.status == status for one in verdicts) for status in _WRITTEN}
    total = plural(len(verdicts), "shape")
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    lines.append(Line(f"{total}: {said}" if said else "no shapes are written in this file"))
    return lines


def github_lines(verdicts: Sequence[Verdict]) -> str:
    """An annotation of GitHub's for each comment that is wrong."""
    return "".join(
        f"::error file={one.span.file},line={one.span.line},col={one.span.column},"
        f"endColumn={one.span.end_column},title=wrong shape comment::"
        f"{_escaped(f'{one.text}: {one.why}; write {one.replacement}')}\n"
        for one in verdicts
        if one.status == WRONG
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def diff_text(file: str, before: str, after: str) -> str:
    """The change as a unified diff."""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{file.lstrip('/')}",
            f"b/{file.lstrip('/')}",
        )
    )


def comments_json(
    model: str,
    trace: Trace,
    verdicts: Sequence[Verdict],
    additions: Sequence[Addition] | None,
    diagnostics: Sequence[Diagnostic],
) -> str:
    """The object of `shapescope.annotate/1`; `additions` None is a check."""
    comments = [_comment(one, check=additions is None) for one in verdicts]
    comments += [_addition(one, verdicts, trace) for one in additions or ()]
    comments.sort(key=lambda one: (one["line"], one["column"]))
    statuses = ("right", "wrong", "unchecked")
    if additions is not None:
        statuses = ("kept", "added", "corrected", "unchecked")  # type: ignore[assignment]
    data = {
        "schema": SCHEMA,
        "model": model,
        "mode": trace.mode,
        "inputs": [
            {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}
            for spec in trace.inputs
        ],
        "comments": comments,
        "totals": {status: sum(one["status"] == status for one in comments) for status in statuses},
        "diagnostics": [diagnostic_to_dict(one) for one in diagnostics],
    }
    return to_json(data)


def _comment(one: Verdict, *, check: bool) -> dict[str, Any]:
    return {
        **(span_to_dict(one.span) or {}),
        "kind": one.kind,
        "text": one.text,
        "says": list(one.says),
        "value": one.value or None,
        "step": one.step,
        "is": [list(shape) for shape in one.shapes],
        "status": one.status if check else _WRITTEN[one.status],
        "why": one.why or None,
        "replacement": one.replacement or None,
    }


def _addition(one: Addition, verdicts: Sequence[Verdict], trace: Trace) -> dict[str, Any]:
    file = next((v.span.file for v in verdicts), _file_of(trace))
    return {
        "file": file,
        "line": one.line,
        "column": one.column,
        "end_line": one.line,
        "end_column": one.column,
        "kind": "comment",
        "text": one.text.strip().removeprefix("# "),
        "says": [],
        "value": one.value,
        "step": one.step,
        "is": [list(shape) for shape in one.shapes],
        "status": "added",
        "why": None,
        "replacement": one.text.strip(),
    }


def _file_of(trace: Trace) -> str:
    return next((step.call_site.file for step in trace.steps if step.call_site), "")


def summary(verdicts: Sequence[Verdict], additions: Sequence[Addition]) -> str:
    """What was done, or would be: `3 added, 1 corrected, 5 kept`."""
    counts = {
        "added": len(additions),
        "corrected": sum(one.status == WRONG for one in verdicts),
        "kept": sum(one.status == RIGHT for one in verdicts),
        "unchecked": sum(one.status == UNCHECKED for one in verdicts),
    }
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return said or "nothing to annotate"
