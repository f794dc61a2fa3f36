"""A traced model as Markdown: for README files, pull requests and reports."""

from __future__ import annotations

import re

from shapescope.render.flat import flat_table
from shapescope.render.line import plain_text
from shapescope.render.shapes import printable
from shapescope.render.table import DEFAULT, VALUES, TableOptions, header_lines
from shapescope.render.theme import UNICODE, Surface
from shapescope.render.totals import totals_facts, totals_remarks
from shapescope.result import TraceResult

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$])")
_WIDE = Surface(width=10_000)


def result_to_markdown(result: TraceResult, options: TableOptions | None = None) -> str:
    """The header, the table of steps, the totals, and the diagnostics in a code block."""
    from shapescope.render.diagnostics import diagnostics_lines

    options = options or TableOptions()
    names = options.columns or (VALUES if result.values else DEFAULT)
    table = flat_table(result, names, options.rows)
    header = " ".join(line.plain for line in header_lines(result, _WIDE)[:1])
    lines = [escape(header), "", _row(table.titles)]
    lines.append(_row(tuple("---:" if right else "---" for right in table.right), raw=True))
    lines += [_row(cells) for cells in table.cells]
    lines.append("")
    facts = [line.plain for line in totals_facts(result, UNICODE)]
    lines += [f"- {escape(text)}" for text in (*facts, *totals_remarks(result), *result.notes)]
    if result.diagnostics:
        text = plain_text(diagnostics_lines(result.diagnostics, _WIDE))
        fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 3)
        lines += ["", fence, text.rstrip("\n"), fence]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...], *, raw: bool = False) -> str:
    texts = cells if raw else tuple(escape(cell) for cell in cells)
    return "| " + " | ".join(texts) + " |"


def escape(text: str) -> str:
    """The text so that Markdown shows it as it is, also inside a table."""
    return _SPECIAL.sub(r"\\\1", printable(text))
