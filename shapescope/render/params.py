"""The table of a model's parameters: what each is, what its axes mean, how it was initialised."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shapescope.analysis.weights import axis_meaning
from shapescope.render.line import Line, wrapped
from shapescope.render.markdown import escape
from shapescope.render.shapes import bytes_text, count_text, plural, printable, shape_text
from shapescope.render.theme import Surface

if TYPE_CHECKING:
    from shapescope.capture.parameters import Moments, Parameter
    from shapescope.result import ParamsResult

SCHEMA = "shapescope.params/1"
TITLES = ("name", "shape", "values", "dtype", "mean", "std", "min", "max", "axes")
RIGHT = frozenset({"values", "mean", "std", "min", "max"})
_LEAST_FIRST = ("axes", "dtype", "min", "max", "std", "mean")
"""What goes where the terminal is narrow; the axes only move to a line of their own."""
_GAP = "  "


def params_lines(table: ParamsResult, surface: Surface) -> list[Line]:
    """The table for a terminal. Where width is scarce, the axes stand on a line of their own."""
    rows = [param_cells(entry) for entry in table.parameters]
    kept = [place for place, _ in enumerate(TITLES) if any(row[place] for row in rows)]
    axes = TITLES.index("axes")
    widths = {
        place: max([len(TITLES[place]), *(len(row[place]) for row in rows)]) for place in kept
    }
    below, left_out = False, []
    for title in _LEAST_FIRST:
        if sum(widths[place] + len(_GAP) for place in kept) - len(_GAP) <= surface.width:
            break
        place = TITLES.index(title)
        if place in kept:
            kept.remove(place)
            below = below or place == axes
            left_out += [title] if place != axes else []
    lines = [Line(printable(table.model), "heading")]
    lines += [Line(f"note: {printable(note)}", "faint") for note in table.notes]
    lines += [Line(), _join(TITLES, kept, widths, "faint")]
    lines.append(Line(surface.glyphs.rule * min(lines[-1].width, surface.width), "faint"))
    for row in rows:
        lines.append(_join(row, kept, widths))
        if below and row[axes]:
            lines.append(Line("    ").add(row[axes], "faint"))
    if left_out:
        text = f"no room for {', '.join(left_out)}: --format csv has them"
        lines += wrapped(text, surface.width, style="faint")
    return [*lines, Line(), totals_line(table)]


def totals_line(table: ParamsResult) -> Line:
    """How many parameters, how many values, how many of them trainable, how many bytes."""
    line = Line(plural(len(table.unique), "parameter"), "heading")
    line.add(f", {plural(table.total, 'value')}")
    frozen = table.total - table.trainable
    line.add(f", {count_text(frozen)} of them frozen" if frozen else ", all trainable")
    tied = len(table.parameters) - len(table.unique)
    if tied:
        line.add(f", {plural(tied, 'further name')} for tied ones")
    return line.add(f", {bytes_text(table.size)}")


def _join(
    texts: Sequence[str], kept: Sequence[int], widths: dict[int, int], style: str = ""
) -> Line:
    line = Line()
    for place in kept:
        text = texts[place]
        padded = text.rjust(widths[place]) if TITLES[place] in RIGHT else text.ljust(widths[place])
        line.add(padded.rstrip() if place == kept[-1] else padded + _GAP, style or _style(place))
    return line


def _style(place: int) -> str:
    return {"shape": "op", "axes": "faint", "dtype": "faint"}.get(TITLES[place], "")


def param_cells(entry: Parameter) -> tuple[str, ...]:
    """The cells of one row, a text for each of `TITLES`."""
    spec = entry.spec
    name = printable(spec.name)
    if spec.key != spec.name:
        name += f" = {printable(spec.key)}"
    if not spec.trainable:
        name += " (frozen)"
    moments = (
        ("", "", "", "") if entry.moments is None else tuple(map(_number, _four(entry.moments)))
    )
    return (
        name, shape_text(spec.shape), count_text(spec.numel), spec.dtype, *moments, meaning(entry),
    )  # fmt: skip


def meaning(entry: Parameter) -> str:
    """What each axis of the parameter stands for."""
    short = entry.spec.name.rpartition(".")[2]
    return axis_meaning(short, entry.spec.shape, entry.op, entry.attrs)


def _four(moments: Moments) -> tuple[float, float, float, float]:
    return moments.mean, moments.std, moments.minimum, moments.maximum


def _number(value: float) -> str:
    text = f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.2e}"
    return "0" if float(text) == 0 else text


def params_to_dict(table: ParamsResult) -> dict[str, Any]:
    """The table as JSON data."""
    return {
        "schema": SCHEMA,
        "model": table.model,
        "params": [_param_to_dict(entry) for entry in table.parameters],
        "totals": {
            "params": table.total,
            "trainable_params": table.trainable,
            "param_bytes": table.size,
        },
        "notes": list(table.notes),
    }


def _param_to_dict(entry: Parameter) -> dict[str, Any]:
    spec = entry.spec
    moments = entry.moments
    return {
        "name": spec.name,
        "shape": list(spec.shape),
        "numel": spec.numel,
        "dtype": spec.dtype,
        "trainable": spec.trainable,
        "key": spec.key,
        "module": entry.owner,
        "axes": meaning(entry),
        "statistics": None
        if moments is None
        else dict(zip(("mean", "std", "min", "max"), _four(moments), strict=True)),
    }


def params_to_markdown(table: ParamsResult) -> str:
    """The table in Markdown."""
    rows = [param_cells(entry) for entry in table.parameters]
    marks = ["---:" if title in RIGHT else "---" for title in TITLES]
    lines = [escape(table.model), "", "| " + " | ".join(TITLES) + " |"]
    lines.append("| " + " | ".join(marks) + " |")
    lines += ["| " + " | ".join(escape(text) for text in row) + " |" for row in rows]
    lines += ["", escape(totals_line(table).plain)]
    return "\n".join(lines) + "\n"


def params_to_csv(table: ParamsResult) -> str:
    """The table as comma-separated values, numbers in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("name", "shape", "numel", "dtype", "trainable", "key", *TITLES[4:]))
    for entry in table.parameters:
        spec = entry.spec
        four = ("", "", "", "") if entry.moments is None else _four(entry.moments)
        shape = "x".join(map(str, spec.shape))
        row = (spec.name, shape, spec.numel, spec.dtype, spec.trainable, spec.key)
        writer.writerow((*row, *four, meaning(entry)))
    return buffer.getvalue()
