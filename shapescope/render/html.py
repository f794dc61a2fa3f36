"""A traced model as a small HTML table: how a result draws itself in a notebook. No scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from shapescope.render.flat import flat_table
from shapescope.render.table import DEFAULT, VALUES, TableOptions, header_lines
from shapescope.render.theme import Surface
from shapescope.render.totals import totals_lines
from shapescope.result import ParamsResult, TraceResult

_WIDE = Surface(width=10_000)
_TEXT = "font-family:monospace;white-space:pre-wrap"
_CELL = "padding:1px 10px 1px 0;white-space:pre;font-family:monospace"


def result_to_html(result: TraceResult, options: TableOptions | None = None) -> str:
    """The picture, the table of steps and the totals; every text of the model's is escaped."""
    from shapescope.render.diagnostics import diagnostics_lines
    from shapescope.render.notebook import lines_to_html, trace_to_html

    options = options or TableOptions()
    names = options.columns or (VALUES if result.values else DEFAULT)
    table = flat_table(result, names, options.rows)
    head, *notes = [line.plain for line in header_lines(result, _WIDE)]
    shades = [row.heading for row in table.rows]
    facts = [line.plain for line in totals_lines(result, _WIDE)]
    found = diagnostics_lines(result.diagnostics, _WIDE)
    steps = _table(table.titles, table.right, table.cells, shades)
    page = trace_to_html(result.trace) + _page(head, notes, steps, facts)
    return page + lines_to_html(found) if found else page


def params_to_html(result: ParamsResult) -> str:
    """The parameters of a model as a small table."""
    from shapescope.render.params import RIGHT, TITLES, param_cells, totals_line

    rows = [param_cells(entry) for entry in result.parameters]
    right = [title in RIGHT for title in TITLES]
    table = _table(TITLES, right, rows, [False] * len(rows))
    return _page(result.model, result.notes, table, [totals_line(result).plain])


def _page(head: str, notes: Iterable[str], table: str, facts: Iterable[str]) -> str:
    parts = [f'<div style="{_TEXT}"><b>{escape(head)}</b>']
    parts += [f"<br>{escape(note)}" for note in notes]
    parts.append(table)
    parts.append("<br>".join(map(escape, facts)))
    return "".join(parts) + "</div>"


def _table(
    titles: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]], shades: list[bool]
) -> str:
    parts = ['<table style="border-collapse:collapse;margin:4px 0">']
    head = zip(titles, right, strict=True)
    parts.append("<tr>" + "".join(_cell(title, to_right, "th") for title, to_right in head))
    parts.append("</tr>")
    for cells, shaded in zip(rows, shades, strict=True):
        texts = zip(cells, right, strict=True)
        parts.append('<tr style="opacity:.65">' if shaded else "<tr>")
        parts.append("".join(_cell(text, to_right) for text, to_right in texts) + "</tr>")
    return "".join(parts) + "</table>"


def _cell(text: str, right: bool, tag: str = "td") -> str:
    align = "right" if right else "left"
    return f'<{tag} style="{_CELL};text-align:{align}">{escape(text)}</{tag}>'
