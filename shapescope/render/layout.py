"""Fitting the columns of a table into the width there is, so that no row ever wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.render.columns import COLUMNS, Column, Figures, check_texts
from shapescope.render.line import Line, cells
from shapescope.render.rows import Row

GAP = 2
_WIDEST_COMPACT = 30
"""A formula longer than this is cut down on its own rather than taking all columns with it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one cell and its width."""

    line: Line
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with their widths, and for each row its cells."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """One way to save width: columns left out, columns in their shorter form."""

    without: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()
    formula: str = "full"


def _plans(droppable: frozenset[str]) -> list[_Plan]:
    """From the widest to the narrowest; what costs the reader least goes first."""
    receptive = droppable & {"receptive_field"}
    extras = droppable & {"receptive_field", "macs"}
    window = frozenset({"window"})
    steps = [
        _Plan(),
        _Plan(receptive),
        _Plan(extras),
        _Plan(extras, formula="compact"),
        _Plan(extras, window, "compact"),
        _Plan(extras, window | {"op"}, "compact"),
        _Plan(extras, window | {"op", "output"}, "compact"),
        _Plan(extras, window | {"op", "output"}, "sign"),
    ]
    if "window" in droppable:
        steps.append(_Plan(extras | {"window"}, frozenset({"op", "output"}), "sign"))
    return steps


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
    for plan in _plans(droppable):
        layout = _try(plan, rows, figures, names, checks, width)
        if width is None or _total(layout) <= width:
            return layout
    assert layout is not None
    return _squeeze(layout, width or 0)


def _total(layout: Layout) -> int:
    shown = [width for width in layout.widths if width]
    return sum(shown) + GAP * max(len(shown) - 1, 0)


def _try(
    plan: _Plan,
    rows: Sequence[Row],
    figures: Figures,
    names: Sequence[str],
    checks: list[tuple[Line, ...]],
    width: int | None,
) -> Layout:
    columns = tuple(COLUMNS[name] for name in names if name not in plan.without)
    table: list[list[Line]] = []
    for column in columns:
        if column.name == "check":
            table.append([])
            continue
        maker = column.makers[-1 if column.name in plan.short else 0]
        table.append([maker(row, figures) for row in rows])
    widths = [_width(column, made) for column, made in zip(columns, table, strict=True)]
    for position, column in enumerate(columns):
        if column.name == "check":
            room = None
            if width is not None:
                others = [size for place, size in enumerate(widths) if place != position and size]
                room = width - sum(others) - GAP * len(others)
            table[position] = _formulas(checks, plan.formula, room)
            widths[position] = _width(column, table[position])
    return Layout(columns, tuple(widths), tuple(zip(*table, strict=True)))


def _formulas(checks: list[tuple[Line, ...]], form: str, room: int | None) -> list[Line]:
    """Each row's formula in the form of the plan; in the compact one, what is too long is cut."""
    if form == "full":
        return [texts[0] for texts in checks]
    if form == "sign":
        return [texts[-1] for texts in checks]
    limit = max(_WIDEST_COMPACT, room or 0)
    chosen = []
    for texts in checks:
        short = texts[1:] or texts
        chosen.append(next((text for text in short if text.width <= limit), short[-1]))
    return chosen


def _width(column: Column, made: Sequence[Line]) -> int:
    widest = max((line.width for line in made), default=0)
    # A column with nothing in it takes no room, not even for its title.
    return max(widest, cells(column.title)) if widest else 0


def _squeeze(layout: Layout, width: int) -> Layout:
    """Cut the widest columns down until the table fits, each cell with an ellipsis."""
    widths = list(layout.widths)
    excess = _total(layout) - width
    floor = 8
    while excess > 0:
        widest = max(range(len(widths)), key=lambda place: widths[place])
        if widths[widest] <= floor:
            break
        others = max((size for place, size in enumerate(widths) if place != widest), default=0)
        cut = min(excess, max(widths[widest] - max(others, floor), 1))
        widths[widest] -= cut
        excess -= cut
    return Layout(layout.columns, tuple(widths), layout.rows)


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
