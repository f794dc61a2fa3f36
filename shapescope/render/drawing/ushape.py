"""The figure of U-shaped networks, in the manner of Ronneberger et al. (2015).

Each tensor is a bar: as tall as its map, as thick as it has channels. One row for each resolution;
pools lead down, up-convolutions lead up, and what is copied across joins where it arrives.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.render.drawing.bars import Bar
from shapescope.render.drawing.edges import WIDTH
from shapescope.render.drawing.scene import (
    Box,
    Group,
    Item,
    Text,
    arrow_head,
    line,
    rectangle,
)
from shapescope.render.drawing.text_metrics import shortened, text_width
from shapescope.render.shapes import printable, shape_text

SIZE = 11.0
SMALL = 9.5
TALLEST = 128.0
BETWEEN = 30.0
"""From one bar to the next of the same row: an arrow and room for the numbers."""
ROW_GAP = 54.0
SPARE = ("attention", "recurrent", "merge")
"""Colours of arrows that do another thing of a kind that has its colour already."""
LEGEND = 8
"""So many kinds of arrows are explained below the figure."""


def ushape_items(bars: Sequence[Bar]) -> list[Item]:
    """Everything of the figure."""
    return _Figure(bars).items()


class _Figure:
    def __init__(self, bars: Sequence[Bar]) -> None:
        self.bars = bars
        sides = [bar.shape[-2 if len(bar.shape) > 3 else -1] for bar in bars]
        self.scale = TALLEST / max(side for side in sides if isinstance(side, int))
        self.heights = [
            max(side * self.scale, 4.0) if isinstance(side, int) else 4.0 for side in sides
        ]
        self._place()

    def _place(self) -> None:
        rows = max(bar.level for bar in self.bars) + 1
        y = 0.0
        middles = []
        for level in range(rows):
            high = max(
                height
                for bar, height in zip(self.bars, self.heights, strict=True)
                if bar.level == level
            )
            middles.append(y + high / 2)
            y += high + ROW_GAP
        x = 0.0
        before: Bar | None = None
        for bar in self.bars:
            if before is not None and bar.level == before.level:
                wide = (self._label_width(before) + self._label_width(bar)) / 2 + 8
                body = (before.thickness + bar.thickness) / 2 + BETWEEN
                x += max(wide, body)
            elif before is not None and bar.copied_from is not None:
                # Room for the arrow that comes across.
                origin = self.bars[bar.copied_from]
                needed = origin.x + (origin.thickness + bar.thickness) / 2 + BETWEEN * 2
                x = max(x, needed)
            bar.x, bar.y = x, middles[bar.level]
            before = bar

    def _label(self, bar: Bar) -> str:
        if bar.copied:
            return f"{bar.copied} + {bar.channels - bar.copied}"
        return str(bar.channels)

    def _label_width(self, bar: Bar) -> float:
        return text_width(self._label(bar), SIZE, bold=True)

    def _box(self, place: int) -> Box:
        bar, half = self.bars[place], self.heights[place] / 2
        wide = bar.thickness / 2
        return Box(bar.x - wide, bar.y - half, bar.x + wide, bar.y + half)

    def items(self) -> list[Item]:
        items: list[Item] = []
        for place in range(1, len(self.bars)):
            items.extend(self._arrow(place))
        for place, bar in enumerate(self.bars):
            items.append(self._body(place, bar))
        items.extend(self._legend(max(self._box(place).bottom for place in range(len(self.bars)))))
        return items

    def _body(self, place: int, bar: Bar) -> Group:
        box = self._box(place)
        kind = "input" if bar.unit is None else "conv" if bar.copied else bar.unit.kind
        parts: list[Item] = [rectangle(box, kind, f"{kind}-line", width=0.8)]
        if bar.copied:
            edge = box.left + box.width * bar.copied / bar.channels
            copied = Box(box.left, box.top, edge, box.bottom)
            parts.append(rectangle(copied, "plane", f"{kind}-line", width=0.8))
        parts.append(Text(bar.x, box.top - 6, self._label(bar), SIZE, bold=True))
        before = self.bars[place - 1] if place else None
        if before is None or before.level != bar.level:
            size = " x ".join(map(str, bar.shape[2:]))
            parts.append(Text(bar.x, box.bottom + 13, size, SMALL, role="faint"))
        step = bar.unit.main.index if bar.unit is not None else None
        words = f"{bar.unit.main.path}: {bar.unit.words}" if bar.unit is not None else "input"
        return Group(tuple(parts), step, f"{printable(words)}: {shape_text(bar.shape)}")

    def _arrow(self, place: int) -> list[Item]:
        bar, before = self.bars[place], self.bars[place - 1]
        here, there = self._box(place - 1), self._box(place)
        role = self._role(bar)
        items: list[Item] = []
        if bar.level == before.level:
            items += _right(here.right + 4, there.left - 3, bar.y, role)
        elif bar.level > before.level:
            items += _down(there.centre[0], here.bottom + 17, there.top - 20, role)
        else:
            foot = here.top - 20
            x = there.centre[0]
            if x > here.right:
                items.append(line(((here.right + 4, before.y), (x, before.y)), role, width=WIDTH))
                foot = before.y
            items += _up(x, foot, there.bottom + 17, role)
        if bar.copied_from is not None:
            origin = self._box(bar.copied_from)
            items += _right(origin.right + 4, there.left - 3, bar.y, "line")
        return items

    def _role(self, bar: Bar) -> str:
        """The colour of the arrow to a bar: its own for each different thing done."""
        if bar.moves is None:
            return "line"
        taken: dict[str, str] = {}
        for moves in (one.moves for one in self.bars if one.moves is not None):
            own = "dense" if moves.kind == "resize" else moves.kind
            free = (kind for kind in (own, *SPARE) if kind not in taken.values())
            taken.setdefault(moves.words, next(free, own))
        return f"{taken[bar.moves.words]}-line"

    def _legend(self, bottom: float) -> list[Item]:
        """What each colour of arrow does, a line for each different thing done."""
        words: dict[str, str] = {}
        for bar in self.bars:
            if bar.moves is not None:
                words.setdefault(bar.moves.words, self._role(bar))
            if bar.copied_from is not None and bar.unit is not None:
                joined = "copy and concat" if bar.copied else f"copy and {bar.unit.words}"
                words.setdefault(joined, "line")
        items: list[Item] = []
        left, y = self._box(0).left, bottom - 13.0 * (min(len(words), LEGEND) - 1)
        # The lower left corner of a U is empty; where it is not, the legend stands below.
        wide = max(text_width(word, SMALL) for word in words) + 30
        clear = all(
            self._box(place).left > left + wide + 10
            for place in range(len(self.bars))
            if self._box(place).bottom + 22 > y - 12
        )
        if not clear:
            y = bottom + 36
        for word, role in list(words.items())[:LEGEND]:
            items += _right(left, left + 20, y - 3.5, role)
            shown = shortened(printable(word), SMALL, 320)
            items.append(Text(left + 27, y, shown, SMALL, "start"))
            y += 13.5
        return items


def _right(start: float, end: float, y: float, role: str) -> list[Item]:
    return [
        line(((start, y), (end - 4, y)), role, width=1.4),
        arrow_head((end, y), "right", role, 6),
    ]


def _down(x: float, start: float, end: float, role: str) -> list[Item]:
    return [
        line(((x, start), (x, end - 4)), role, width=1.4),
        arrow_head((x, end), "down", role, 6),
    ]


def _up(x: float, start: float, end: float, role: str) -> list[Item]:
    return [line(((x, start), (x, end + 4)), role, width=1.4), arrow_head((x, end), "up", role, 6)]
