"""The bodies of feature maps and vectors: stacks of planes, and columns of values."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from shapescope.render.drawing.scene import (
    Box,
    Item,
    Outline,
    Point,
    circle,
    polygon,
    rectangle,
)
from shapescope.render.drawing.stages import Stage

SHIFT = 4.0
"""How far each plane of a stack lies from the next, along both axes."""
MOST_PLANES = 12
CELL = 9.0
MOST_CELLS = 10
FLAT = 7.0
"""Height of the planes of maps with one spatial axis."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Planes one behind the other, the front one at the lower right.

    `scale` is pixels for one value of the map; the centre of the whole stack is at (0, 0).
    """

    stage: Stage
    scale: float

    @property
    def sides(self) -> tuple[float, float]:
        """Height and width of one plane, in pixels."""
        spatial = self.stage.spatial
        if len(spatial) == 1:
            return FLAT, max(spatial[0] * self.scale, 3.0)
        return max(spatial[-2] * self.scale, 3.0), max(spatial[-1] * self.scale, 3.0)

    @property
    def planes(self) -> int:
        """How many are drawn: all of a few, some of many."""
        channels = self.stage.channels
        if channels <= 6:
            return max(channels, 1)
        return min(round(6 + 1.2 * log2(channels / 6)), MOST_PLANES)

    @property
    def width(self) -> float:
        """Of the whole stack."""
        return self.sides[1] + (self.planes - 1) * SHIFT

    @property
    def height(self) -> float:
        """Of the whole stack."""
        return self.sides[0] + (self.planes - 1) * SHIFT

    def front(self, left: float) -> Box:
        """The front plane, where the stack's left edge is at `left`."""
        high, wide = self.sides
        right, bottom = left + self.width, self.height / 2
        return Box(right - wide, bottom - high, right, bottom)

    def draw(self, left: float) -> list[Item]:
        """The planes from back to front."""
        front = self.front(left)
        fill, edge = self.stage.look
        items: list[Item] = []
        for place in reversed(range(self.planes)):
            box = front.moved(-place * SHIFT, -place * SHIFT)
            items.append(rectangle(box, fill, edge, width=0.8))
        return items

    def cell(self, left: float, row: float, column: float) -> Box:
        """The place of one value of the front plane, by its position between 0 and 1."""
        front = self.front(left)
        spatial = self.stage.spatial
        rows = spatial[-2] if len(spatial) > 1 else 1
        columns = spatial[-1]
        high, wide = front.height / rows, front.width / columns
        top = front.top + min(int(row * rows), rows - 1) * high
        start = front.left + min(int(column * columns), columns - 1) * wide
        return Box(start, top, start + wide, top + high)


@dataclass(frozen=True, slots=True)
class Column:
    """A vector, as a column of values: all of a few, the first and last of many."""

    stage: Stage
    tallest: float

    width: float = CELL + 5

    @property
    def length(self) -> int:
        """How many values one sample has."""
        return self.stage.channels

    @property
    def shown(self) -> int:
        """How many values are drawn as circles, none where they are too many to be told apart."""
        return min(self.length, MOST_CELLS)

    @property
    def height(self) -> float:
        """Grows with the length, though slowly."""
        if self.length <= MOST_CELLS:
            return self.length * (CELL + 2) + 4
        low = MOST_CELLS * (CELL + 2) + 4
        room = max(self.tallest - low, 0.0)
        return low + room * min(log2(self.length / MOST_CELLS) / 9, 1.0)

    def centres(self, left: float) -> list[Point]:
        """Where the circles are; of many values, half from each end."""
        x = left + self.width / 2
        step = CELL + 2
        top = -self.height / 2 + 2 + step / 2
        if self.length <= MOST_CELLS:
            return [(x, top + place * step) for place in range(self.shown)]
        half = self.shown // 2
        first = [(x, top + place * step) for place in range(half)]
        return first + [(x, -y) for _, y in reversed(first)]

    def draw(self, left: float) -> list[Item]:
        """The column with its circles, three dots where values are left out."""
        fill, edge = self.stage.look
        box = Box(left, -self.height / 2, left + self.width, self.height / 2)
        items: list[Item] = [rectangle(box, fill, edge, width=0.8, radius=3)]
        radius = CELL / 2 - 0.6
        items.extend(circle(centre, radius, "plane", edge) for centre in self.centres(left))
        if self.length > MOST_CELLS:
            x = left + self.width / 2
            items.extend(circle((x, place * 5.0), 1.2, edge) for place in (-1, 0, 1))
        return items


def connections(left: list[Point], right: list[Point]) -> Outline:
    """A line from each value to each value of the next layer."""
    commands = []
    radius = CELL / 2
    for x1, y1 in left:
        for x2, y2 in right:
            commands.append(("M", (x1 + radius, y1)))
            commands.append(("L", (x2 - radius, y2)))
    return Outline(tuple(commands), None, "line", 0.5, (), 0.28)


def funnel(start: Box, end: Box) -> Item:
    """A shade from one body to the next, where everything goes into everything."""
    points = (
        (start.right, start.top),
        (end.left, end.top),
        (end.left, end.bottom),
        (start.right, start.bottom),
    )
    return polygon(points, "hair", opacity=0.45)
