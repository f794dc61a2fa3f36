"""The table of a trace: a header, a row for each step, the totals, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shapescope.diagnostic import ShapescopeError, did_you_mean
from shapescope.render.columns import COLUMNS
from shapescope.render.figures import Figures
from shapescope.render.layout import Layout, cut, lay_out
from shapescope.render.line import Line, wrapped
from shapescope.render.rows import RowOptions, Rows, make_rows
from shapescope.render.shapes import plural, printable, tensor_text
from shapescope.render.theme import Surface
from shapescope.render.totals import totals_lines
from shapescope.result import TraceResult
from shapescope.trace import Step, TensorSpec

DEFAULT = ("path", "op", "window", "output", "params", "macs", "receptive_field", "check")
VALUES = ("path", "op", "window", "output", "params", "min", "max", "mean", "check")
TIMES = ("path", "op", "window", "output", "params", "macs", "time", "check")
_DROPPABLE = frozenset({"macs", "receptive_field", "window"})


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How to draw: the rows, the columns (none named: those that fit), torch's own words."""

    rows: RowOptions = field(default_factory=RowOptions)
    columns: tuple[str, ...] = ()
    verbose: bool = False


def result_lines(
    result: TraceResult, surface: Surface | None = None, options: TableOptions | None = None
) -> list[Line]:
    """Everything that `trace` shows of a result, as lines for a surface."""
    surface = surface or Surface()
    options = options or TableOptions()
    lines = [*header_lines(result, surface), Line(), *table_lines(result, surface, options)]
    lines += [Line(), *totals_lines(result, surface)]
    if result.crosscheck is not None:
        from shapescope.render.crosscheck import crosscheck_lines

        lines += [Line(), *crosscheck_lines(result, result.crosscheck, surface)]
    if result.diagnostics:
        from shapescope.render.diagnostics import diagnostics_lines

        lines.append(Line())
        lines += diagnostics_lines(result.diagnostics, surface, verbose=options.verbose)
    failure = result.trace.failure
    if options.verbose and failure is not None:
        said = f"{failure.exception}: {failure.message}".splitlines() or [""]
        lines.append(Line())
        lines += [Line(printable(text), "faint") for text in ("as it was raised:", *said)]
    return lines


def header_lines(result: TraceResult, surface: Surface) -> list[Line]:
    """What was traced, with which input, in which way."""
    trace = result.trace
    line = Line(printable(trace.model), "heading")
    facts = [f"input {_named(spec)}" for spec in trace.inputs] or ["no input"]
    for fact in (*facts, f"traced on {_MODES[trace.mode]}"):
        line.add("   ").add(fact, "faint")
    lines = [cut(line, surface.width, surface.glyphs.ellipsis)]
    for note in result.notes:
        lines += wrapped(printable(note), surface.width, "note: ", "faint")
    return lines


_MODES = {
    "meta": "meta tensors",
    "fake": "fake tensors",
    "real": "real tensors",
    "symbolic": "symbolic axes",
}


def _named(spec: TensorSpec) -> str:
    text = tensor_text(spec)
    # many a forward calls its argument just that, and `input input` reads like a slip
    return f"{printable(spec.name)} {text}" if spec.name not in (None, "", "input") else text


def table_lines(
    result: TraceResult, surface: Surface | None = None, options: TableOptions | None = None
) -> list[Line]:
    """The rows with their titles, fitted into the surface, and what the rows leave out."""
    surface = surface or Surface()
    options = options or TableOptions()
    rows = make_rows(result, options.rows)
    usual = VALUES if result.values else DEFAULT if result.times is None else TIMES
    names = options.columns or usual
    droppable = frozenset() if options.columns else _DROPPABLE
    figures = Figures(result, surface.glyphs)
    layout = lay_out(rows.rows, figures, names, surface.width, droppable)
    failed = None if result.trace.failure is None else result.trace.failure.step
    lines = [
        _titles(layout),
        Line(surface.glyphs.rule * min(layout.width, surface.width), "faint"),
    ]
    for row, made in zip(rows.rows, layout.rows, strict=True):
        step = row.step
        marked = (
            failed is not None and step is not None and not row.heading and step.index == failed
        )
        lines.append(_row(layout, made, surface, marked=marked))
    lines += footnotes(rows, surface)
    if layout.left_out:
        said = f"columns without room: {', '.join(layout.left_out)} (--columns chooses)"
        lines += wrapped(said, surface.width, style="faint")
    return lines


def parse_columns(text: str) -> tuple[str, ...]:
    """The columns that a user named, or read in the table's heading, commas between them.

    Raises:
        ShapescopeError: a column that does not exist.
    """
    titles = {column.title.lower(): name for name, column in COLUMNS.items()}
    said = [name.strip().lower() for name in text.split(",") if name.strip()]
    names = tuple(titles.get(name, name.replace("-", "_")) for name in said)
    for name in names:
        if name not in COLUMNS:
            raise ShapescopeError(
                f"no column is called `{printable(name)}`{did_you_mean(name, COLUMNS)}",
                advice=("columns: " + ", ".join(COLUMNS),),
            )
    if not names:
        raise ShapescopeError(
            "`--columns` names no column", advice=("columns: " + ", ".join(COLUMNS),)
        )
    return names


def _titles(layout: Layout) -> Line:
    made = tuple(Line(column.title, "faint") for column in layout.columns)
    return _join(layout, made, "")


def _row(layout: Layout, made: Sequence[Line], surface: Surface, *, marked: bool) -> Line:
    line = _join(layout, made, surface.glyphs.ellipsis)
    if not marked:
        return line
    return Line(line.plain, "mismatch")


def _join(layout: Layout, made: Sequence[Line], ellipsis: str) -> Line:
    line = Line()
    shown = [
        (column, width, cell)
        for column, width, cell in zip(layout.columns, layout.widths, made, strict=True)
        if width
    ]
    for place, (column, width, cell) in enumerate(shown):
        text = cut(cell, width, ellipsis)
        space = width - text.width
        if column.right:
            line.add(" " * space)
        for part in text.parts:
            line.add(*part)
        if place < len(shown) - 1:
            line.add(" " * ((0 if column.right else space) + layout.gap))
    return line


def footnotes(rows: Rows, surface: Surface) -> list[Line]:
    """What the rows leave out, and how to see it."""
    parts = []
    if rows.folded:
        count = plural(len(rows.folded), "step")
        parts.append(f"{count} shown with the row above ({_tally(rows.folded)})")
    if rows.hidden:
        count = plural(len(rows.hidden), "step")
        parts.append(f"hidden {count} that only gave a tensor or a count ({_tally(rows.hidden)})")
    if rows.repeated:
        parts.append(f"{plural(rows.repeated, 'block')} like the one above them counted, not shown")
    if rows.rounds:
        parts.append(
            f"{plural(rows.rounds, 'round')} like the first of its loop counted, not shown"
        )
    if not parts:
        return []
    return wrapped("; ".join(parts) + ": --all shows each", surface.width, style="faint")


def _tally(steps: Iterable[Step]) -> str:
    counts = Counter(step.op for step in steps)
    shown = [op if count == 1 else f"{op} x {count}" for op, count in counts.most_common(4)]
    return ", ".join(shown) + (", ..." if len(counts) > 4 else "")
