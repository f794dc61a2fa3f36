"""Layered layout of a directed acyclic graph, as geometry alone (Sugiyama et al., 1981).

Nodes stand in layers, each below all its sources. An edge over several layers goes through a lane
in each of them, so that no edge crosses a node. Within a layer the order follows the neighbours,
and the places minimise the distance to them (least squares with least distances, solved by pooling
adjacent violators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shapescope.render.drawing.scene import Point

LANE = 14.0
"""Width of the lane that an edge takes beside the nodes of a layer."""
SWEEPS = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A box to place. `pull` is how much it insists on standing below its source."""

    width: float
    height: float
    pull: float = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where everything stands: middles of nodes, and the points each edge goes through.

    `layers` are the nodes of each layer from left to right, `tops` and `heights` the layers'.
    """

    centres: dict[int, Point]
    routes: dict[tuple[int, int], tuple[Point, ...]]
    layers: tuple[tuple[int, ...], ...]
    tops: tuple[float, ...]
    heights: tuple[float, ...]
    width: float
    height: float


@dataclass(slots=True)
class _Cell:
    """A node or a lane within a layer."""

    width: float
    pull: float
    node: int | None
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0
    position: int = 0


def layered(
    nodes: Mapping[int, Node],
    edges: Sequence[tuple[int, int]],
    *,
    gap: float = 20.0,
    apart: float = 16.0,
    rim: tuple[float, float] = (12.0, 8.0),
    top: Sequence[int] = (),
    bottom: Sequence[int] = (),
) -> Placement:
    """Places for all nodes.

    Args:
        nodes: boxes by number.
        edges: pairs of source and target; together they have no cycle.
        gap: between two layers, in pixels.
        apart: between two nodes of a layer, in pixels.
        rim: instead of `gap` below the nodes of `top` and above those of `bottom`.
        top: nodes that stand in the first layer, alone.
        bottom: nodes that stand in the last layer, alone.
    """
    depth = _depths(nodes, edges, top, bottom)
    gaps = [gap] * (max(depth.values(), default=0) + 1)
    if top:
        gaps[0] = rim[0]
    if bottom and len(gaps) > 1:
        gaps[-2] = rim[1]
    return _Layout(nodes, edges, depth, gaps, apart).placement()


def _depths(
    nodes: Mapping[int, Node],
    edges: Sequence[tuple[int, int]],
    top: Sequence[int],
    bottom: Sequence[int],
) -> dict[int, int]:
    """The layer of each node: one below the lowest of its sources."""
    targets: dict[int, list[int]] = {number: [] for number in nodes}
    missing = dict.fromkeys(nodes, 0)
    for source, target in edges:
        targets[source].append(target)
        missing[target] += 1
    free = 1 if top else 0
    depth = {number: 0 if number in top else free for number in nodes}
    ready = [number for number in nodes if not missing[number]]
    order: list[int] = []
    while ready:
        number = ready.pop()
        order.append(number)
        for target in targets[number]:
            depth[target] = max(depth[target], depth[number] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    # A node without sources (a constant's branch) stands just above what it feeds.
    fed = {target for _, target in edges}
    for number in reversed(order):
        if number not in fed and number not in top and targets[number]:
            depth[number] = max(min(depth[target] for target in targets[number]) - 1, free)
    if bottom:
        last = max((depth[number] for number in nodes if number not in bottom), default=-1) + 1
        depth.update(dict.fromkeys(bottom, last))
    return depth


class _Layout:
    def __init__(
        self,
        nodes: Mapping[int, Node],
        edges: Sequence[tuple[int, int]],
        depth: Mapping[int, int],
        gaps: Sequence[float],
        apart: float,
    ) -> None:
        self.nodes = nodes
        self.edges = list(dict.fromkeys(edges))
        self.depth = depth
        self.gaps = gaps
        self.apart = apart
        self.cells: list[_Cell] = []
        self.layers: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        self.cell_of: dict[int, int] = {}
        self.lanes: dict[tuple[int, int], list[int]] = {}
        for number in nodes:
            node = nodes[number]
            self.cell_of[number] = self._add(depth[number], _Cell(node.width, node.pull, number))
        for source, target in self.edges:
            self._edge(source, target)

    def _add(self, layer: int, cell: _Cell) -> int:
        self.cells.append(cell)
        self.layers[layer].append(len(self.cells) - 1)
        return len(self.cells) - 1

    def _edge(self, source: int, target: int) -> None:
        before = self.cell_of[source]
        lanes = []
        for layer in range(self.depth[source] + 1, self.depth[target]):
            lane = self._add(layer, _Cell(LANE, 6.0, None))
            lanes.append(lane)
            self._link(before, lane)
            before = lane
        self._link(before, self.cell_of[target])
        self.lanes[source, target] = lanes

    def _link(self, upper: int, lower: int) -> None:
        self.cells[upper].below.append(lower)
        self.cells[lower].above.append(upper)

    def placement(self) -> Placement:
        self._order()
        self._place()
        return self._measured()

    # --- the order within layers

    def _order(self) -> None:
        for layer in self.layers:
            self._number(layer)
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            layers = self.layers if sweep % 2 == 0 else self.layers[::-1]
            for layer in layers:
                layer.sort(key=lambda cell: self._wanted(cell, down=sweep % 2 == 0))
                self._number(layer)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best
        for layer in self.layers:
            self._number(layer)

    def _number(self, layer: Sequence[int]) -> None:
        for position, cell in enumerate(layer):
            self.cells[cell].position = position

    def _wanted(self, number: int, *, down: bool) -> tuple[float, int]:
        cell = self.cells[number]
        neighbours = cell.above if down else cell.below
        if not neighbours:
            return float(cell.position), number
        total = sum(self.cells[one].position for one in neighbours)
        return total / len(neighbours), number

    def _crossings(self) -> int:
        """How often two edges between neighbouring layers cross."""
        total = 0
        for layer in self.layers[:-1]:
            ends = [
                sorted(self.cells[one].position for one in self.cells[cell].below)
                for cell in layer
            ]
            seen: list[int] = []
            for targets in ends:
                total += sum(1 for target in targets for one in seen if one > target)
                seen.extend(targets)
        return total

    # --- places along the layer

    def _place(self) -> None:
        spine = self._spine()
        for layer in self.layers:
            x = 0.0
            for number in layer:
                cell = self.cells[number]
                cell.x = x + cell.width / 2
                x += cell.width + self.apart
            middle = next((self.cells[one].x for one in layer if one in spine), x / 2)
            for number in layer:
                self.cells[number].x -= middle
        for sweep in range(SWEEPS * 2):
            layers = self.layers if sweep % 2 == 0 else self.layers[::-1]
            for layer in layers:
                self._settle(layer, spine, both=sweep >= SWEEPS, down=sweep % 2 == 0)
            if sweep >= SWEEPS:
                self._straighten()

    def _spine(self) -> set[int]:
        """Cells that alone in their layer are on a longest way from top to bottom.

        They stand exactly below each other; branches of equal length stand around their line.
        """
        down: dict[int, int] = {}
        for layer in self.layers:
            for number in layer:
                cell = self.cells[number]
                best = max((down[one] for one in cell.above), default=0)
                down[number] = best + (cell.node is not None)
        up: dict[int, int] = {}
        for layer in reversed(self.layers):
            for number in layer:
                best = max((up[one] for one in self.cells[number].below), default=0)
                up[number] = best + (self.cells[number].node is not None)
        longest = max(down.values(), default=0)
        spine: set[int] = set()
        for layer in self.layers:
            found = [
                number
                for number in layer
                if self.cells[number].node is not None
                and down[number] + up[number] - 1 == longest
            ]
            if len(found) == 1:
                spine.add(found[0])
        return spine

    def _straighten(self) -> None:
        """Give all lanes of an edge the place of the one that stands farthest out."""
        for lanes in self.lanes.values():
            if len(lanes) < 2:
                continue
            places = [self.cells[one].x for one in lanes]
            far = max(places) if sum(places) >= 0 else min(places)
            for one in lanes:
                self.cells[one].x = far

    def _settle(
        self, layer: Sequence[int], spine: set[int], *, both: bool, down: bool
    ) -> None:
        """Move the cells of one layer to where their neighbours want them, the order kept."""
        goals, weights, offsets = [], [], []
        offset = 0.0
        for place, number in enumerate(layer):
            cell = self.cells[number]
            if place:
                before = self.cells[layer[place - 1]]
                offset += (before.width + cell.width) / 2 + self._space(before, cell)
            neighbours = [*cell.above, *cell.below] if both else cell.above if down else cell.below
            total = weight = 0.0
            for other in neighbours:
                # Between two lanes a straight line matters most.
                force = 8.0 if cell.node is None and self.cells[other].node is None else 1.0
                total += force * self.cells[other].x
                weight += force
            goal = total / weight if weight else cell.x
            if number in spine:
                goals.append(-offset)
                weights.append(1e5)
            else:
                if both and cell.node is None:
                    goal = cell.x
                goals.append(goal - offset)
                weights.append(cell.pull * max(len(neighbours), 1))
            offsets.append(offset)
        for number, start, offset in zip(layer, _monotone(goals, weights), offsets, strict=True):
            self.cells[number].x = start + offset

    def _space(self, one: _Cell, other: _Cell) -> float:
        return 0.0 if one.node is None and other.node is None else self.apart

    def _measured(self) -> Placement:
        lefts = [cell.x - cell.width / 2 for cell in self.cells]
        rights = [cell.x + cell.width / 2 for cell in self.cells]
        shift = -min(lefts, default=0.0)
        tops: list[float] = []
        heights: list[float] = []
        y = 0.0
        for place, layer in enumerate(self.layers):
            height = max(
                (self.nodes[n].height for c in layer if (n := self.cells[c].node) is not None),
                default=0.0,
            )
            tops.append(y)
            heights.append(height)
            y += height + self.gaps[place] + self._stretch(layer)
        centres = {
            cell.node: (cell.x + shift, tops[layer] + heights[layer] / 2)
            for layer, cells in enumerate(self.layers)
            for cell in (self.cells[number] for number in cells)
            if cell.node is not None
        }
        routes = {}
        for (source, target), lanes in self.lanes.items():
            # From the foot of its layer to the head of the target's, also where a box is lower.
            upper, lower = self.depth[source], self.depth[target]
            points: list[Point] = [(centres[source][0], tops[upper] + heights[upper])]
            for place, lane in enumerate(lanes):
                layer = self.depth[source] + 1 + place
                x = self.cells[lane].x + shift
                points += [(x, tops[layer]), (x, tops[layer] + heights[layer])]
            points.append((centres[target][0], tops[lower]))
            routes[source, target] = tuple(points)
        return Placement(
            centres,
            routes,
            tuple(
                tuple(n for c in layer if (n := self.cells[c].node) is not None)
                for layer in self.layers
            ),
            tuple(tops),
            tuple(heights),
            max(rights, default=0.0) + shift,
            tops[-1] + heights[-1] if tops else 0.0,
        )

    def _stretch(self, layer: Sequence[int]) -> float:
        """More room below a layer whose edges go far to the side."""
        far = [
            abs(self.cells[number].x - self.cells[one].x)
            for number in layer
            for one in self.cells[number].below
        ]
        return min(max(far, default=0.0) * 0.06, 16.0)


def _monotone(goals: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nondecreasing values nearest to the goals, by weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for goal, weight in zip(goals, weights, strict=True):
        value, total, count = goal, weight, 1
        while blocks and blocks[-1][0] > value:
            other, mass, size = blocks.pop()
            value = (other * mass + value * total) / (mass + total)
            total, count = total + mass, count + size
        blocks.append((value, total, count))
    return [value for value, _, count in blocks for _ in range(count)]
