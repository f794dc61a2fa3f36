"""The table of a trace as plain cells, for formats that know no width: Markdown, CSV, HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.render.columns import COLUMNS
from shapescope.render.figures import Figures
from shapescope.render.rows import Row, RowOptions, make_rows
from shapescope.render.theme import UNICODE
from shapescope.result import TraceResult
from shapescope.trace import Step


@dataclass(frozen=True, slots=True)
class FlatTable:
    """Titles, rows of text, and for each row what it stands for."""

    titles: tuple[str, ...]
    right: tuple[bool, ...]
    cells: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]


def flat_table(
    result: TraceResult, names: Sequence[str], options: RowOptions | None = None
) -> FlatTable:
    """The columns called `names`, empty ones left out, the path in full on every row."""
    rows = make_rows(result, options).rows
    figures = Figures(result, UNICODE)
    columns = [COLUMNS[name] for name in names]
    made = []
    for column in columns:
        if column.name == "path":
            made.append([_path(row) for row in rows])
        else:
            made.append([column.makers[0](row, figures).plain for row in rows])
    kept = [place for place, texts in enumerate(made) if any(texts)]
    return FlatTable(
        tuple(columns[place].title for place in kept),
        tuple(columns[place].right for place in kept),
        tuple(zip(*(made[place] for place in kept), strict=True)),
        rows,
    )


def _path(row: Row) -> str:
    step: Step | None = row.step
    if step is None:
        return row.label
    if step.kind == "function":
        return ""
    return f"{step.path} .. {row.last_label}" if row.last_label else step.path
