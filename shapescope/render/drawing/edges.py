"""The lines of a graph figure: curves between layers, bends between columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shapescope.render.drawing.scene import Command, Item, Outline, Point, arrow_head

WIDTH = 1.1
TIP = 5.0
CORNER = 7.0


def curve(points: Sequence[Point], *, arrow: bool) -> list[Item]:
    """A smooth line down through the points; every other piece of a lane is straight."""
    end_x, end_y = points[-1]
    stops = [*points[:-1], (end_x, end_y - TIP if arrow else end_y)]
    if arrow and len(stops) > 2 and stops[-2][1] > stops[-1][1]:
        stops[-2:] = [stops[-1]]  # the last piece is shorter than the tip
    commands: list[Command] = [("M", stops[0])]
    for (x1, y1), (x2, y2) in pairwise(stops):
        if abs(y1 - y2) < 0.05 and abs(x1 - x2) < 0.3:
            continue
        if abs(x1 - x2) < 0.3:
            commands.append(("L", (x2, y2)))
        else:
            bend = (y2 - y1) * 0.55
            commands.append(("C", (x1, y1 + bend, x2, y2 - bend, x2, y2)))
    items: list[Item] = [Outline(tuple(commands), None, "line", WIDTH)]
    if arrow:
        items.append(arrow_head((end_x, end_y), "down", size=TIP))
    return items


def bent(points: Sequence[Point]) -> Outline:
    """A line of straight pieces along the axes, its corners rounded."""
    commands: list[Command] = [("M", points[0])]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start = _towards(corner, before)
        end = _towards(corner, after)
        commands.append(("L", start))
        commands.append(("C", (*corner, *corner, *end)))
    commands.append(("L", points[-1]))
    return Outline(tuple(commands), None, "line", WIDTH)


def _towards(corner: Point, other: Point) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx) + abs(dy), 1e-9)
    reach = min(CORNER, length / 2)
    return corner[0] + dx / length * reach, corner[1] + dy / length * reach
