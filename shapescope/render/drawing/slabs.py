"""The feature-map figure of deep networks: each tensor a slab, as VGG's figure is often drawn.

Height and depth of a slab are the map's height and width to scale; its thickness grows with the
number of channels. Slabs of one size stand together under one caption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt

from shapescope.render.drawing.captions import (
    FAINT_SIZE,
    SIZE,
    stage_label,
    stage_size,
    text_block,
    wants,
    widest,
)
from shapescope.render.drawing.row import Slot, extent_of, placed
from shapescope.render.drawing.scene import Group, Item, Point, Text, extent, line, polygon
from shapescope.render.drawing.stages import Stage
from shapescope.render.drawing.text_metrics import in_lines, shortened, text_width
from shapescope.render.shapes import printable

LARGEST_MAP = 176.0
"""Pixels of the height of the largest map."""
SLANT = (0.30, -0.22)
"""How far depth goes to the right and up, for each pixel of it."""
BETWEEN = 3.0
GAP = 20.0
ROW_WIDTH = 1060.0
"""A row that would be wider goes on below."""
ROW_GAP = 26.0
WIDEST_LINE = 132.0
PARTS_WIDTH = 84.0
"""Of the parts of a layer below its head; a part wider than that has a line of its own."""


@dataclass(frozen=True, slots=True)
class Slab:
    """One tensor as a body, its front face centred on the row's axis."""

    stage: Stage
    scale: float
    tallest: float

    @property
    def height(self) -> float:
        """Of the front face."""
        spatial = self.stage.spatial
        if not self.stage.rank:
            return 26 + min(log2(max(self.stage.channels, 1)) / 14, 1.0) * (self.tallest - 26)
        if len(spatial) == 1:
            return 12.0
        return max(spatial[-2] * self.scale, 3.0)

    @property
    def depth(self) -> float:
        """How far it goes back."""
        if not self.stage.rank:
            return 10.0
        return max(self.stage.spatial[-1] * self.scale, 3.0)

    @property
    def thickness(self) -> float:
        """Of the front face: grows with the channels."""
        if not self.stage.rank:
            return 10.0
        return min(max(0.95 * sqrt(self.stage.channels), 3.0), 44.0)

    @property
    def slant(self) -> Point:
        """How far the back is to the right of the front, and above it."""
        return SLANT[0] * self.depth, SLANT[1] * self.depth

    def draw(self, start: float) -> list[Item]:
        """Side, top and front, the body's middle on the axis."""
        (fill, edge), (dx, dy) = self.stage.look, self.slant
        left, middle = start - dx / 2, -dy / 2
        top, bottom = middle - self.height / 2, middle + self.height / 2
        right = left + self.thickness
        side = ((right, top), (right + dx, top + dy), (right + dx, bottom + dy), (right, bottom))
        lid = ((left, top), (left + dx, top + dy), (right + dx, top + dy), (right, top))
        front = ((left, top), (right, top), (right, bottom), (left, bottom))
        return [
            polygon(side, fill if self.stage.failed else f"{fill}-side", edge, width=0.7),
            polygon(lid, fill, edge, width=0.7),
            polygon(front, fill, edge, width=0.7),
        ]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Slabs of one size side by side, the pool that ends them, and the text below."""

    slabs: tuple[Slab, ...]
    lines: tuple[Text, ...]

    def starts(self) -> list[float]:
        """Where along the axis each slab begins, the first at 0."""
        starts, at = [], 0.0
        for slab in self.slabs:
            starts.append(at)
            at += slab.thickness + BETWEEN
        return starts

    @property
    def edges(self) -> tuple[float, float]:
        """The leftmost and rightmost corner, from the start of the first slab."""
        reach = list(zip(self.starts(), self.slabs, strict=True))
        left = min(start - slab.slant[0] / 2 for start, slab in reach)
        right = max(start + slab.thickness + slab.slant[0] / 2 for start, slab in reach)
        return left, right

    @property
    def width(self) -> float:
        """From the leftmost to the rightmost corner."""
        left, right = self.edges
        return right - left

    @property
    def bottom(self) -> float:
        """Of its lowest corner."""
        return max(slab.height / 2 - slab.slant[1] / 2 for slab in self.slabs)

    def draw(self, left: float) -> list[Item]:
        """The slabs, each in front of the one to its left."""
        origin = left - self.edges[0]
        items: list[Item] = []
        for start, slab in zip(self.starts(), self.slabs, strict=True):
            step = slab.stage.main.index if slab.stage.main else None
            items.append(Group(tuple(slab.draw(origin + start)), step, stage_label(slab.stage)))
        return items


def slabs_items(stages: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> list[Item]:
    """Everything of the figure, in as many rows as it takes."""
    clusters = _clusters(stages, fields)
    items: list[Item] = []
    top = 0.0
    for number, row in enumerate(_rows(clusters)):
        drawn = _row_items(row, first=number == 0)
        box = extent(drawn)
        items.extend(item.moved(-box.left, top - box.top) for item in drawn)
        top += box.height + ROW_GAP
    return items


def _clusters(stages: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> list[Cluster]:
    sides = [side for stage in stages if stage.rank for side in stage.spatial[-2:]]
    largest = max(sides, default=1)
    scale = LARGEST_MAP / largest
    tallest = LARGEST_MAP * 0.8
    found: list[list[Stage]] = []
    for stage in stages:
        last = found[-1][-1] if found else None
        together = (
            last is not None
            and stage.rank
            and last.steps
            and not stage.failed
            and last.kind != "pool"
            and (stage.shape == last.shape or stage.kind == "pool")
        )
        if together:
            found[-1].append(stage)
        else:
            found.append([stage])
    return [
        Cluster(
            tuple(
                Slab(stage, scale, tallest) for stage in group for _ in range(min(stage.times, 6))
            ),
            tuple(_lines(group, fields)),
        )
        for group in found
    ]


def _lines(group: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> list[Text]:
    first = group[0]
    role = "failure" if first.failed else "text"
    lines = [Text(0, 0, stage_size(first), SIZE, role=role, bold=True)]
    if not first.steps:
        lines.append(Text(0, 0, printable(first.path), SIZE))
        return lines
    for stage in group:
        head, *settings = stage.head.split(", ")
        times = f" x {stage.times}" if stage.times > 1 else ""
        lines.append(_short(head, times))
        lines.extend(_short(word) for word in settings)
        others = [part for part in stage.parts if part != stage.head]
        lines.extend(
            Text(0, 0, shortened(printable(one), FAINT_SIZE, WIDEST_LINE), FAINT_SIZE, role="faint")
            for one in in_lines(others, FAINT_SIZE, PARTS_WIDTH)
        )
        if stage.failed and (wanted := wants(stage)):
            lines.append(Text(0, 0, wanted, FAINT_SIZE, role="failure"))
        if stage.shape != first.shape:
            lines.append(Text(0, 0, f"to {stage_size(stage)}", FAINT_SIZE, role="faint"))
    sees = fields.get(group[-1].main.index) if group[-1].main and group[-1].rank else None
    if sees:
        lines.append(Text(0, 0, f"sees {' x '.join(map(str, sees))}", FAINT_SIZE, role="field"))
    return lines


def _short(content: str, tail: str = "") -> Text:
    room = WIDEST_LINE - text_width(tail, SIZE)
    return Text(0, 0, shortened(printable(content), SIZE, room) + tail, SIZE)


def _slot(cluster: Cluster) -> Slot:
    gap = GAP if cluster.slabs[0].stage.rank else GAP * 0.7
    return Slot(cluster.width, 0.0, widest(cluster.lines), 0.0, gap)


def _rows(clusters: Sequence[Cluster]) -> list[list[Cluster]]:
    """Clusters in rows of about the same width, none wider than `ROW_WIDTH` if it can be helped."""
    slots = [_slot(cluster) for cluster in clusters]
    start, end = extent_of(slots, placed(slots))
    number = max(1, -(-int(end - start) // int(ROW_WIDTH)))
    goal = (end - start) / number
    rows: list[list[Cluster]] = [[]]
    for cluster in clusters:
        trial = [_slot(one) for one in (*rows[-1], cluster)]
        left, right = extent_of(trial, placed(trial))
        over = right - left > ROW_WIDTH or (len(rows) < number and right - left > goal * 1.04)
        if rows[-1] and over:
            rows.append([cluster])
        else:
            rows[-1].append(cluster)
    return rows


def _row_items(row: Sequence[Cluster], *, first: bool) -> list[Item]:
    slots = [_slot(cluster) for cluster in row]
    lefts = placed(slots)
    baseline = max(cluster.bottom for cluster in row) + 20
    end = lefts[-1] + row[-1].width
    start = 0.0 if first else lefts[0] - 26
    items: list[Item] = [line(((start, 0), (end, 0)), "line", width=1.1)]
    for cluster, left in zip(row, lefts, strict=True):
        items.extend(cluster.draw(left))
        items.extend(text_block(cluster.lines, left + cluster.width / 2, baseline))
    return items
