"""The JSON object of `shapescope sizes --format json`."""

from __future__ import annotations

from typing import Any

from shapescope.arithmetic.expressions import Range
from shapescope.render.json import diagnostic_to_dict
from shapescope.trace_json import span_to_dict
from shapescope.valid_sizes import Part, Reason, ValidSizes

SCHEMA = "shapescope.sizes/1"


def sizes_to_dict(found: ValidSizes) -> dict[str, Any]:
    """The answer as JSON data."""
    return {
        "schema": SCHEMA,
        "model": found.model,
        "mode": found.mode,
        "inputs": [
            {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}
            for spec in found.inputs
        ],
        "axes": [
            {"name": free.name, "input": free.input, "axis": free.axis} for free in found.axes
        ],
        "valid": [_part(part) for part in found.valid],
        "searched_to": found.searched_to,
        "as_asked": {"fits": found.as_asked_fits, "sizes": dict(found.as_asked)},
        "built_for": None if found.built_for is None else dict(found.built_for),
        "ranges_if_square": (
            None if found.ranges_if_square is None else _ranges(found.ranges_if_square)
        ),
        "reasons": [_reason(reason) for reason in found.reasons],
        "gives": [
            {
                "sizes": dict(given.sizes),
                "outputs": [list(shape) for shape in given.outputs],
            }
            for given in found.gives
        ],
        "diagnostics": [diagnostic_to_dict(diagnostic) for diagnostic in found.diagnostics],
    }


def _part(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if part.ranges or part.where:
        data["ranges"] = {axis: _ranges(ranges) for axis, ranges in part.ranges.items()}
    if part.where:
        data["where"] = [condition.text for condition in part.where]
    return data


def _ranges(ranges: tuple[Range, ...]) -> list[list[int | None]]:
    return [list(one) for one in ranges]


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "axes": list(reason.axes),
        "text": reason.text,
        "step": reason.step,
        "path": reason.path,
        "condition": reason.condition,
        "labels": [
            {**(span_to_dict(label.span) or {}), "text": label.text, "primary": label.primary}
            for label in reason.labels
        ],
    }
