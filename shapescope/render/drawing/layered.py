"""Layered layout of a directed acyclic graph, as geometry alone (Sugiyama et al., 1981).

Nodes stand in layers, each below all its sources. An edge over several layers goes through a lane
in each of them, so that no edge crosses a node. Within a layer the order follows the neighbours,
and the places minimise the distance to them (least squares with least distances, solved by pooling
adjacent violators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shapescope.render.drawing.cells import Cell, Grid
from shapescope.render.drawing.ordering import order
from shapescope.render.drawing.scene import Point
from shapescope.render.drawing.spacing import space

LANE = 12.0
"""Width of the lane that an edge takes beside the nodes of a layer."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box to place.

    `pull` is how much it insists on standing below its source, `skew` how far right of its middle
    the edges that should be straight come in.
    """

    width: float
    height: float
    pull: float = 1.0
    skew: float = 0.0


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
        self.depth = depth
        self.gaps = gaps
        self.apart = apart
        self.grid = Grid(layers=[[] for _ in range(max(depth.values(), default=-1) + 1)])
        self.cell_of: dict[int, int] = {}
        for number, node in nodes.items():
            cell = Cell(node.width, node.pull, number, node.skew)
            self.cell_of[number] = self.grid.add(depth[number], cell)
        for source, target in dict.fromkeys(edges):
            self._edge(source, target)

    def _edge(self, source: int, target: int) -> None:
        before = self.cell_of[source]
        lanes = []
        for layer in range(self.depth[source] + 1, self.depth[target]):
            lane = self.grid.add(layer, Cell(LANE, 6.0, None))
            lanes.append(lane)
            self.grid.link(before, lane)
            before = lane
        self.grid.link(before, self.cell_of[target])
        self.grid.lanes[source, target] = lanes

    def placement(self) -> Placement:
        order(self.grid)
        space(self.grid, self.apart)
        return self._measured()

    def _measured(self) -> Placement:
        lefts = [cell.x - cell.before for cell in self.grid.cells]
        rights = [cell.x + cell.behind for cell in self.grid.cells]
        shift = -min(lefts, default=0.0)
        tops: list[float] = []
        heights: list[float] = []
        y = 0.0
        for place, layer in enumerate(self.grid.layers):
            height = max(
                (self.nodes[n].height for c in layer if (n := self.grid.cells[c].node) is not None),
                default=0.0,
            )
            tops.append(y)
            heights.append(height)
            y += height + self.gaps[place] + self._stretch(layer)
        centres = {
            cell.node: (cell.x - cell.skew + shift, tops[layer] + heights[layer] / 2)
            for layer, cells in enumerate(self.grid.layers)
            for cell in (self.grid.cells[number] for number in cells)
            if cell.node is not None
        }
        routes = {}
        for (source, target), lanes in self.grid.lanes.items():
            # From the foot of its layer to the head of the target's, also where a box is lower.
            upper, lower = self.depth[source], self.depth[target]
            points: list[Point] = [(centres[source][0], tops[upper] + heights[upper])]
            for layer_number, lane in enumerate(lanes, upper + 1):
                x, top = self.grid.cells[lane].x + shift, tops[layer_number]
                points += [(x, top), (x, top + heights[layer_number])]
            points.append((centres[target][0], tops[lower]))
            routes[source, target] = tuple(points)
        return Placement(
            centres,
            routes,
            tuple(
                tuple(n for c in layer if (n := self.grid.cells[c].node) is not None)
                for layer in self.grid.layers
            ),
            tuple(tops),
            tuple(heights),
            max(rights, default=0.0) + shift,
            tops[-1] + heights[-1] if tops else 0.0,
        )

    def _stretch(self, layer: Sequence[int]) -> float:
        """More room below a layer whose edges go far to the side."""
        far = [
            abs(self.grid.cells[number].x - self.grid.cells[one].x)
            for number in layer
            for one in self.grid.cells[number].below
        ]
        return min(max(far, default=0.0) * 0.06, 16.0)
