"""A traced model as a small HTML table: how a result draws itself in a notebook. No scripts."""

from __future__ import annotations

from html import escape

from shapescope.render.flat import flat_table
from shapescope.render.line import plain_text
from shapescope.render.rows import RowOptions
from shapescope.render.table import DEFAULT, VALUES, header_lines
from shapescope.render.theme import Surface
from shapescope.render.totals import totals_lines
from shapescope.result import TraceResult

_WIDE = Surface(width=10_000)
_CELL = "padding:1px 10px 1px 0;white-space:pre;font-family:monospace"


def result_to_html(result: TraceResult, options: RowOptions | None = None) -> str:
    """The header, the table of steps and the totals; every text of the model's is escaped."""
    from shapescope.render.diagnostics import diagnostics_lines

    table = flat_table(result, VALUES if result.values else DEFAULT, options)
    head, *notes = [line.plain for line in header_lines(result, _WIDE)]
    parts = [f'<div style="font-family:monospace"><b>{escape(head)}</b>']
    parts += [f"<br>{escape(note)}" for note in notes]
    parts.append('<table style="border-collapse:collapse;margin:4px 0">')
    titles = zip(table.titles, table.right, strict=True)
    parts.append("<tr>" + "".join(_cell(title, right, "th") for title, right in titles) + "</tr>")
    for row, cells in zip(table.rows, table.cells, strict=True):
        shade = ' style="opacity:.65"' if row.heading else ""
        texts = zip(cells, table.right, strict=True)
        parts.append(
            f"<tr{shade}>" + "".join(_cell(text, right) for text, right in texts) + "</tr>"
        )
    parts.append("</table>")
    parts.append("<br>".join(escape(line.plain) for line in totals_lines(result, _WIDE)))
    if result.diagnostics:
        text = plain_text(diagnostics_lines(result.diagnostics, _WIDE))
        parts.append(f"<pre>{escape(text)}</pre>")
    return "".join(parts) + "</div>"


def _cell(text: str, right: bool, tag: str = "td") -> str:
    align = "right" if right else "left"
    return f'<{tag} style="{_CELL};text-align:{align}">{escape(text)}</{tag}>'
