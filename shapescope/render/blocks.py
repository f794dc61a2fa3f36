"""Feature maps in a terminal: a row of stacks in block characters, and sparklines for cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, sqrt

from shapescope.analysis.cost import step_macs
from shapescope.render.drawing.stages import Stage, stages_of
from shapescope.render.drawing.wording import size_text
from shapescope.render.line import Line
from shapescope.render.shapes import printable, short_count
from shapescope.render.theme import Surface
from shapescope.trace import Trace

TALLEST = 9
"""Lines of the largest map."""
GAP = 2
BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.-=+*#@"
_STYLE = {"conv": "gutter", "pool": "warning", "dense": "match", "input": "faint"}
_ASCII = {"─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "╲": "\\", "█": "#"}


@dataclass(frozen=True, slots=True)
class _Picture:
    """One stage: its lines of equal width, and the texts below it."""

    lines: tuple[str, ...]
    texts: tuple[str, ...]
    style: str

    @property
    def width(self) -> int:
        """Cells, texts included."""
        return max(*map(len, self.lines), *map(len, self.texts))


def block_lines(trace: Trace, surface: Surface) -> list[Line]:
    """The feature maps of a trace as stacks of frames, in as many rows as the width asks for.

    A model that branches throughout is no such row: it gets a line that says what draws it.
    """
    stages = stages_of(trace)
    if stages is None:
        note = "this model branches throughout: -o picture.svg draws it as a graph"
        return [Line(note, "faint")]
    costs = [_cost(stage) for stage in stages]
    bars = sparkline(costs, unicode=surface.unicode)
    scale = _scale(stages)
    pictures = [
        _picture(stage, scale, f"{bar} {short_count(cost)} MACs" if cost else "")
        for stage, bar, cost in zip(stages, bars, costs, strict=True)
    ]
    lines: list[Line] = []
    for row in _rows(pictures, surface.width):
        if lines:
            lines.append(Line())
        lines.extend(_drawn(row, surface))
    return lines


def _scale(stages: Sequence[Stage]) -> float:
    largest = max((max(stage.spatial) for stage in stages if stage.rank), default=1)
    return TALLEST / largest


def _cost(stage: Stage) -> int:
    steps = (*stage.steps, *stage.folded)
    return sum(step_macs(step) or 0 for step in steps if not step.is_composite)


def _picture(stage: Stage, scale: float, cost: str) -> _Picture:
    if stage.rank:
        spatial = stage.spatial
        rows = max(round(spatial[-2] * scale), 1) if len(spatial) > 1 else 1
        columns = max(round(spatial[-1] * scale * 2), 1)
        planes = min(max(round(log2(stage.channels + 1)), 1), 4)
        lines = _stack(rows, columns, planes)
    else:
        lines = ["█"] * max(round(TALLEST * min(sqrt(stage.channels / 400), 1.0)), 1)
    times = f" x {stage.times}" if stage.times > 1 else ""
    size = "fails here" if stage.failed else size_text(stage.shape, stage.rank).replace(" ", "")
    words = [printable(part) for part in stage.parts]
    head = printable(stage.head or stage.path) + times
    others = [word for word in words if word != stage.head]
    style = "mismatch" if stage.failed else _STYLE.get(stage.kind, "op")
    texts = (size, head, *others, *([cost] if cost else []))
    return _Picture(tuple(lines), texts, style)


def _stack(rows: int, columns: int, planes: int) -> list[str]:
    """Frames one behind the other, the front one at the lower right."""
    high, wide = max(rows, 2), max(columns, 3)
    grid = [[" "] * (wide + planes - 1) for _ in range(high + planes - 1)]
    for plane in range(planes):
        for row in range(high):
            for column in range(wide):
                grid[plane + row][plane + column] = _sign(row, column, high, wide)
    return ["".join(line) for line in grid]


def _sign(row: int, column: int, high: int, wide: int) -> str:
    top, bottom = row == 0, row == high - 1
    left, right = column == 0, column == wide - 1
    if (top or bottom) and (left or right):
        return ("┌" if left else "┐") if top else ("└" if left else "┘")
    if top or bottom:
        return "─"
    return "│" if left or right else " "


def _rows(pictures: Sequence[_Picture], width: int) -> list[list[_Picture]]:
    rows: list[list[_Picture]] = [[]]
    used = 0
    for picture in pictures:
        if rows[-1] and used + GAP + picture.width > width:
            rows.append([])
            used = 0
        used += picture.width + (GAP if rows[-1] else 0)
        rows[-1].append(picture)
    return rows


def _drawn(row: Sequence[_Picture], surface: Surface) -> list[Line]:
    high = max(len(picture.lines) for picture in row)
    texts = max(len(picture.texts) for picture in row)
    lines: list[Line] = []
    for number in range(high):
        line = Line()
        for picture in row:
            # Bodies stand on one axis, as in a figure.
            start = (high - len(picture.lines)) // 2
            inside = 0 <= number - start < len(picture.lines)
            text = picture.lines[number - start] if inside else ""
            _cell(line, text if surface.unicode else _plain(text), picture)
        lines.append(line)
    for number in range(texts):
        line = Line()
        for picture in row:
            text = picture.texts[number] if number < len(picture.texts) else ""
            _cell(line, text, picture, "heading" if number == 0 else "faint" if number > 1 else "")
        lines.append(line)
    return lines


def _cell(line: Line, text: str, picture: _Picture, style: str | None = None) -> None:
    if line.parts:
        line.add(" " * GAP)
    before = (picture.width - len(text)) // 2
    line.add(" " * before)
    line.add(text, picture.style if style is None else style)
    line.add(" " * (picture.width - len(text) - before))


def _plain(text: str) -> str:
    return "".join(_ASCII.get(char, char) for char in text)


def sparkline(values: Sequence[float], *, unicode: bool = True) -> str:
    """The values as bars of a character each, the largest full, none for those that are 0."""
    bars = BARS if unicode else ASCII_BARS
    largest = max(values, default=0)
    if largest <= 0:
        return " " * len(values)
    last = len(bars) - 1
    return "".join(
        bars[min(int(value / largest * last + 0.5), last)] if value > 0 else " " for value in values
    )
