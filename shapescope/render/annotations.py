"""Diagnostics for machines that review code: GitHub's workflow commands, and SARIF."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from shapescope import __version__
from shapescope.diagnostic import Diagnostic, Edit, Severity
from shapescope.render.diagnostics import help_text
from shapescope.source_text import class_around
from shapescope.trace import SourceSpan

if TYPE_CHECKING:
    from shapescope.result import TraceResult

_GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def github_annotation(
    diagnostic: Diagnostic, model: str = "", home: SourceSpan | None = None
) -> str:
    """One workflow command, `::error file=net.py,line=3::message`, which GitHub shows inline.

    Args:
        diagnostic: what was found.
        model: the model, named where the diagnostic has no place of its own.
        home: the line to show it at then, since GitHub shows nothing inline without one.
    """
    properties: dict[str, object] = {}
    label = diagnostic.primary
    if label is not None:
        span = label.span
        properties = {"file": span.file, "line": span.line, "endLine": span.end_line}
        if span.line == span.end_line:  # GitHub takes columns on one line only
            properties |= {"col": span.column, "endColumn": span.end_column}
    elif home is not None:
        properties = {"file": home.file, "line": home.line}
    properties["title"] = f"shapescope {diagnostic.rule}"
    text = "\n".join(message_parts(diagnostic, "" if label is not None else model))
    given = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_GITHUB_LEVELS[diagnostic.severity]} {given}::{_escape_data(text)}"


def home_of(result: TraceResult, problems: Sequence[Diagnostic]) -> SourceSpan | None:
    """Where to show what is wrong with a model as a whole: totals, outputs.

    The first step that changed, else the class whose forward ran first; None where no source of
    the user's is known.
    """
    changed = (one.primary for one in problems if one.rule == "changed-step")
    label = next((label for label in changed if label is not None), None)
    if label is not None:
        return label.span
    called = (step.call_site for step in result.trace.steps)
    first = next((span for span in called if span is not None), None)
    if first is None:
        return None
    cls = class_around(first.file, first.line)
    line = first.line if cls is None else cls.lineno
    return SourceSpan(first.file, line, 1, line, 1)


def message_parts(diagnostic: Diagnostic, model: str = "") -> list[str]:
    """The message, why, the notes and the helps, a line each."""
    prefix = f"{model}: " if model else ""
    parts = [prefix + diagnostic.message]
    parts += [f"why: {line}" if number == 0 else line for number, line in enumerate(diagnostic.why)]
    parts += [f"note: {note}" for note in diagnostic.notes]
    parts += [help_text(entry, number) for number, entry in enumerate(diagnostic.help[:2])]
    return parts


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: object) -> str:
    return _escape_data(str(value)).replace(":", "%3A").replace(",", "%2C")


def sarif_log(
    found: Sequence[tuple[str, Diagnostic]], homes: Sequence[SourceSpan | None] = ()
) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run: each diagnostic with the model it was found in.

    Args:
        found: the models' names and what was found.
        homes: for each, the line to show it at where it has no place of its own.
    """
    rules = list(dict.fromkeys(diagnostic.rule for _, diagnostic in found))
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "shapescope",
                        "version": __version__,
                        "rules": [{"id": rule} for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _sarif_result(model, diagnostic, rules.index(diagnostic.rule), home)
                    for (model, diagnostic), home in zip_longest(found, homes)
                ],
            }
        ],
    }


def _sarif_result(
    model: str, diagnostic: Diagnostic, rule: int, home: SourceSpan | None
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.rule,
        "ruleIndex": rule,
        "level": str(diagnostic.severity),
        "message": {"text": "\n".join(message_parts(diagnostic))},
        "properties": {"model": model},
    }
    primary = diagnostic.primary
    if primary is not None:
        result["locations"] = [_location(primary.span, primary.text)]
    elif home is not None:
        result["locations"] = [_line(home)]
    related = [label for label in diagnostic.labels if not label.primary]
    if related:
        result["relatedLocations"] = [_location(label.span, label.text) for label in related]
    fixes = [entry for entry in diagnostic.help[:2] if entry.edits]
    if fixes:
        result["fixes"] = [
            {"description": {"text": entry.message}, "artifactChanges": _changes(entry.edits)}
            for entry in fixes
        ]
    return result


def _line(span: SourceSpan) -> dict[str, Any]:
    """The line on which a span begins, as a whole."""
    place = {"artifactLocation": {"uri": _uri(span.file)}, "region": {"startLine": span.line}}
    return {"physicalLocation": place}


def _location(span: SourceSpan, text: str) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span.file)},
            "region": _region(span),
        }
    }
    if text:
        location["message"] = {"text": text}
    return location


def _changes(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    files = dict.fromkeys(edit.span.file for edit in edits)
    return [
        {
            "artifactLocation": {"uri": _uri(file)},
            "replacements": [
                {
                    "deletedRegion": _region(edit.span),
                    "insertedContent": {"text": edit.replacement},
                }
                for edit in edits
                if edit.span.file == file
            ],
        }
        for file in files
    ]


def _region(span: SourceSpan) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(file: str) -> str:
    from pathlib import Path
    from urllib.parse import quote

    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
