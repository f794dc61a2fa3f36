"""A graph figure in columns: a long model read like a page, from the top of each column down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapescope.render.drawing.edges import TIP, bent
from shapescope.render.drawing.graph import Laid
from shapescope.render.drawing.scene import Box, Item, Point, arrow_head, extent

WIDEST = 1000.0
GUTTER = 26.0
MOST_COLUMNS = 9
WIRE = 18.0
"""Length of an arrow from box to box of a row."""
SHAPE = 0.62
"""Height over width that a figure in a paper likes to have."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Layers of the figure that stay together, from `first` to `last`."""

    first: int
    last: int
    box: Box


def in_columns(laid: Laid) -> list[Item]:
    """Everything of the figure, cut where a single edge crosses into columns that suit a page."""
    pieces = _pieces(laid)
    best: list[list[_Piece]] = [pieces]
    lowest = _cost(best)
    for number in range(2, min(len(pieces), MOST_COLUMNS) + 1):
        columns = _split(pieces, number)
        cost = _cost(columns)
        if cost < lowest - 1e-9:
            best, lowest = columns, cost
    return _arranged(laid, best)


def in_row(laid: Laid) -> list[Item] | None:
    """The figure as one row from left to right; None where it branches or is too wide for that."""
    order = [list(laid.boxes)[number] for layer in laid.placement.layers for number in layer]
    wide = sum(laid.boxes[name].width + WIRE for name in order) - WIRE
    if set(laid.lines) != set(pairwise(order)) or wide > WIDEST:
        return None
    items: list[Item] = []
    left = 0.0
    for place, name in enumerate(order):
        box = laid.boxes[name]
        if place:
            tip = (left, 0.0)
            items += [
                bent([(left - WIRE, 0.0), (left - TIP, 0.0)]),
                arrow_head(tip, "right", size=TIP),
            ]
        move = (left - box.left, -box.centre[1])
        items.extend(part.moved(*move) for part in laid.drawn[name])
        left += box.width + WIRE
    return items


def _pieces(laid: Laid) -> list[_Piece]:
    layers = laid.placement.layers
    layer_of = {number: place for place, layer in enumerate(layers) for number in layer}
    names = list(laid.boxes)
    # Ports do not exist at the top, so numbers of the placement are places among the boxes.
    crossing = [0] * max(len(layers) - 1, 0)
    longest = [0] * max(len(layers) - 1, 0)
    for one, other in laid.lines:
        start, end = layer_of[names.index(one)], layer_of[names.index(other)]
        for place in range(start, end):
            crossing[place] += 1
            longest[place] = max(longest[place], end - start)
    cuts = [-1]
    cuts += [
        place for place in range(len(crossing)) if crossing[place] == 1 and longest[place] == 1
    ]
    cuts.append(len(layers) - 1)
    pieces = []
    for before, last in pairwise(cuts):
        inside = [
            laid.boxes[names[number]] for layer in layers[before + 1 : last + 1] for number in layer
        ]
        box = inside[0]
        for other_box in inside[1:]:
            box = box.union(other_box)
        for (one, other), items in laid.lines.items():
            if before < layer_of[names.index(one)] and layer_of[names.index(other)] <= last:
                box = box.union(extent(items))
        pieces.append(_Piece(before + 1, last, box))
    return pieces


def _box(column: Sequence[_Piece]) -> Box:
    box = column[0].box
    for piece in column[1:]:
        box = box.union(piece.box)
    return box


def _size(columns: Sequence[Sequence[_Piece]]) -> Point:
    boxes = [_box(column) for column in columns]
    wide = sum(box.width for box in boxes) + GUTTER * (len(boxes) - 1)
    return wide, max(box.height for box in boxes)


def _cost(columns: Sequence[Sequence[_Piece]]) -> float:
    """How little the columns suit a page: too wide is worst, then too tall, then too flat."""
    wide, high = _size(columns)
    over = max(wide / WIDEST - 1, 0.0) * 8
    turns = 0.1 * (len(columns) - 1)
    return over + turns + max(high / (WIDEST * SHAPE), 0.35 * wide / WIDEST)


def _split(pieces: Sequence[_Piece], number: int) -> list[list[_Piece]]:
    """The pieces in so many columns, the tallest of them as low as can be."""
    heights = [piece.box.height + 17 for piece in pieces]
    low, high = max(heights), sum(heights)
    best = [list(pieces)]
    for _ in range(24):
        middle = (low + high) / 2
        columns: list[list[_Piece]] = [[]]
        used = 0.0
        for piece, height in zip(pieces, heights, strict=True):
            if columns[-1] and used + height > middle:
                columns.append([])
                used = 0.0
            columns[-1].append(piece)
            used += height
        if len(columns) <= number:
            best, high = columns, middle
        else:
            low = middle
    return best


def _arranged(laid: Laid, columns: Sequence[Sequence[_Piece]]) -> list[Item]:
    names = list(laid.boxes)
    layer_of = {
        names[number]: place
        for place, layer in enumerate(laid.placement.layers)
        for number in layer
    }
    shift: dict[int, Point] = {}
    boxes: list[Box] = []
    left = 0.0
    for column in columns:
        box = _box(column)
        move = (left - box.left, -box.top)
        for place in range(column[0].first, column[-1].last + 1):
            shift[place] = move
        boxes.append(box.moved(*move))
        left += box.width + GUTTER
    items: list[Item] = []
    for (one, other), lines in laid.lines.items():
        start, end = shift[layer_of[one]], shift[layer_of[other]]
        if start == end:
            items.extend(item.moved(*start) for item in lines)
        else:
            items.extend(_between(lines, start, end, boxes))
    for name, parts in laid.drawn.items():
        items.extend(part.moved(*shift[layer_of[name]]) for part in parts)
    return items


def _between(lines: Sequence[Item], start: Point, end: Point, boxes: Sequence[Box]) -> list[Item]:
    """The edge from the foot of one column to the head of the next, through the gutter."""
    path = lines[0]
    first, last = path.commands[0][1], path.commands[-1][1][-2:]  # type: ignore[union-attr]
    has_tip = len(lines) > 1
    x1, y1 = first[0] + start[0], first[1] + start[1]
    x2, y2 = last[0] + end[0], last[1] + end[1]
    column = max(place for place, box in enumerate(boxes) if box.left <= x1)
    gutter = boxes[column].right + GUTTER / 2
    low, high = y1 + 12, y2 - 14
    route = [(x1, y1), (x1, low), (gutter, low), (gutter, high), (x2, high), (x2, y2)]
    items: list[Item] = [bent(route)]
    if has_tip:
        items.append(arrow_head((x2, y2 + TIP), "down", size=TIP))
    return items
