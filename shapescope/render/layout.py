"""Fitting the columns of a table into the width there is, so that no row ever wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapescope.render.check_cells import check_texts
from shapescope.render.columns import COLUMNS, Column
from shapescope.render.figures import Figures
from shapescope.render.line import Line, cells
from shapescope.render.rows import Row
from shapescope.render.settings import kernel_of

_GAP = 2
_WIDEST_FORMULA = {"fitting": 40, "compact": 32}
_NARROWEST_FORMULA = 12
"""Cells that the formulas of windows may claim; what is longer is cut down on its own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with their widths, and for each row its cells.

    `left_out` are the titles of columns that have something to show and found no room.
    """

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[Line, ...], ...]
    gap: int = _GAP
    left_out: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Cells of the whole table; a column without any text takes none."""
        shown = [width for width in self.widths if width]
        return sum(shown) + self.gap * max(len(shown) - 1, 0)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One way to save width: columns left out, columns in their shorter form."""

    without: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()
    formula: str = "full"
    gap: int = _GAP


def _plans(droppable: frozenset[str]) -> list[_Plan]:
    """From the widest to the narrowest; what costs the reader least goes first.

    The settings may go while formulas are shown, because their numbers are in them.
    """
    extras = droppable & {"receptive_field", "macs"}
    settings = droppable & {"window"}
    short = frozenset({"window"})
    return [
        _Plan(),
        _Plan(droppable & {"receptive_field"}),
        _Plan(extras),
        _Plan(formula="fitting"),
        _Plan(droppable & {"receptive_field"}, formula="fitting"),
        _Plan(extras, formula="fitting"),
        _Plan(extras, formula="compact"),
        _Plan(extras, short, "compact"),
        _Plan(extras | settings, short, "compact"),
        _Plan(extras | settings, short | {"op"}, "compact"),
        _Plan(extras | settings, short | {"op", "input", "output"}, "compact"),
        _Plan(extras | settings, short | {"op", "input", "output", "params"}, "compact"),
        _Plan(extras | settings, short | {"op", "input", "output", "params"}, "compact", gap=1),
        _Plan(extras, short | {"op", "input", "output"}, "sign"),
        _Plan(extras | settings, short | {"op", "input", "output", "params"}, "sign"),
    ]


def lay_out(
    rows: Sequence[Row],
    figures: Figures,
    names: Sequence[str],
    width: int | None,
    droppable: frozenset[str] = frozenset(),
) -> Layout:
    """The widest plan that fits into `width` cells; None takes all the room it needs.

    Args:
        rows: what to show.
        figures: where the cells get their numbers.
        names: the columns, in order.
        width: the room there is.
        droppable: columns that nobody asked for by name and that may go.
    """
    checks = [check_texts(row, figures) for row in rows] if "check" in names else []
    layout = None
    made: dict[tuple[str, int], tuple[list[Line], int]] = {}
    for plan in _plans(droppable):
        layout = _try(plan, rows, figures, names, checks, width, made)
        if width is None or layout.width <= width:
            return replace(layout, left_out=_left_out(layout, names, made))
    assert layout is not None
    missing = _left_out(layout, names, made)
    return replace(_squeeze(layout, width or 0), left_out=missing)


def _left_out(
    layout: Layout,
    names: Sequence[str],
    made: dict[tuple[str, int], tuple[list[Line], int]],
) -> tuple[str, ...]:
    """The titles of columns that were asked for, have some text, and are not in the layout."""
    shown = {column.name for column in layout.columns}
    return tuple(
        COLUMNS[name].title
        for name in names
        if name not in shown and made[name, 0][1]  # the first plan has made every column
    )


def _try(
    plan: _Plan,
    rows: Sequence[Row],
    figures: Figures,
    names: Sequence[str],
    checks: list[tuple[Line, ...]],
    width: int | None,
    known: dict[tuple[str, int], tuple[list[Line], int]],
) -> Layout:
    columns = tuple(COLUMNS[name] for name in names if name not in plan.without)
    table: list[list[Line]] = []
    widths: list[int] = []
    for column in columns:
        if column.name == "check":
            table.append([])
            widths.append(0)
            continue
        form = len(column.makers) - 1 if column.name in plan.short else 0
        if (column.name, form) not in known:
            made = [column.makers[form](row, figures) for row in rows]
            known[column.name, form] = made, _width(column, made)
        made, size = known[column.name, form]
        table.append(made)
        widths.append(size)
    for position, column in enumerate(columns):
        if column.name == "check":
            room = None
            if width is not None:
                others = [size for place, size in enumerate(widths) if place != position and size]
                room = width - sum(others) - plan.gap * len(others)
            table[position] = _formulas(rows, checks, plan.formula, room)
            widths[position] = _width(column, table[position])
    return Layout(columns, tuple(widths), tuple(zip(*table, strict=True)), plan.gap)


def _formulas(
    rows: Sequence[Row], checks: list[tuple[Line, ...]], form: str, room: int | None
) -> list[Line]:
    """Each row's formula in the form of the plan.

    `full` is whole, `sign` only the sign. In `fitting` and `compact` (without spaces) each row
    has the longest text that fits; the formulas of windows decide how much room that has to be,
    because they are what the column is for.
    """
    if form == "full":
        return [texts[0] for texts in checks]
    if form == "sign":
        return [texts[-1] for texts in checks]
    offered = checks if form == "fitting" else [texts[1:] or texts for texts in checks]
    windows = [
        texts[0].width
        for row, texts in zip(rows, offered, strict=True)
        if row.step is not None and kernel_of(row.step)
    ]
    needed = min(max(windows, default=_NARROWEST_FORMULA), _WIDEST_FORMULA[form])
    limit = max(needed, room or 0)
    return [next((text for text in texts if text.width <= limit), texts[-1]) for texts in offered]


def _width(column: Column, made: Sequence[Line]) -> int:
    widest = max((line.width for line in made), default=0)
    # A column with nothing in it takes no room, not even for its title.
    return max(widest, cells(column.title)) if widest else 0


def _squeeze(layout: Layout, width: int) -> Layout:
    """Cut the widest columns down until the table fits, each cell with an ellipsis."""
    widths = list(layout.widths)
    excess = layout.width - width
    floor = 8
    while excess > 0:
        widest = max(range(len(widths)), key=lambda place: widths[place])
        if widths[widest] <= floor:
            break
        others = max((size for place, size in enumerate(widths) if place != widest), default=0)
        cut = min(excess, max(widths[widest] - max(others, floor), 1))
        widths[widest] -= cut
        excess -= cut
    return Layout(layout.columns, tuple(widths), layout.rows, layout.gap)


def cut(line: Line, width: int, ellipsis: str) -> Line:
    """The line, or as much of its start as fits with an ellipsis behind it."""
    if line.width <= width:
        return line
    shorter = Line()
    room = width - cells(ellipsis)
    for text, style in line.parts:
        for char in text:
            size = cells(char)
            if size > room:
                return shorter.add(ellipsis, "faint") if width >= cells(ellipsis) else shorter
            shorter.add(char, style)
            room -= size
    return shorter
