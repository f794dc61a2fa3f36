"""The graph figure: units as boxes below each other, branches side by side, modules as frames.

Each frame is laid out by itself and is a box to the one around it. Edges enter a frame at a port on
its upper side and leave it at one on its lower side, so that a residual's way around is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.render.drawing.edges import bent, curve
from shapescope.render.drawing.folding import Item as TreeItem
from shapescope.render.drawing.layered import Node, Placement, layered
from shapescope.render.drawing.nodes import Drawn, input_node, node, path_range
from shapescope.render.drawing.scene import Box, Group, Item, Outline, Point, Text, rectangle
from shapescope.render.drawing.text_metrics import shortened_path, text_width
from shapescope.render.drawing.tree import Tree
from shapescope.render.drawing.wiring import Key, Level, levels_of, name_of, name_of_input
from shapescope.trace import Trace

GAP = 16.0
APART = 12.0
FRAME = 7.0
HEADER = 18.0
SHORT_PATH = 76.0
"""A frame is wide enough for so much of its path."""
PORT = Node(6.0, 0.0, 2.0)


@dataclass(frozen=True, slots=True)
class Laid:
    """A frame's inside, drawn: its boxes by item, the ports along its upper and lower side."""

    placement: Placement
    boxes: dict[object, Box]
    drawn: dict[object, list[Item]]
    lines: dict[tuple[object, object], list[Item]]
    enters: dict[Key, float]
    leaves: dict[Key, float]


class GraphFigure:
    """One figure, from the tree of items to places for everything."""

    def __init__(self, trace: Trace, tree: Tree) -> None:
        self.trace = trace
        self.tree = tree
        self.failed = None if trace.failure is None else trace.failure.step
        self.levels = levels_of(tree)

    def root(self) -> Laid:
        """The whole model, laid out."""
        return self._lay(self.levels[name_of(self.tree.root)])

    def _lay(self, level: Level) -> Laid:
        boxes: dict[object, tuple[Drawn, Laid | None]] = {}
        for child in level.item.children:
            if child.unit is None and child.opened:
                inner = self._lay(self.levels[name_of(child)])
                boxes[name_of(child)] = (self._frame(child, inner), inner)
            else:
                boxes[name_of(child)] = (node(child, self.failed), None)
        if level.item is self.tree.root:
            for place, spec in enumerate(self.trace.inputs):
                name = name_of_input(-1 - place)
                if any(name == edge[0] for edge in level.edges):
                    boxes[name] = (
                        input_node(spec.name or "", spec.shape, self.tree.input_rank),
                        None,
                    )
        return self._placed(level, boxes)

    def _placed(self, level: Level, boxes: dict[object, tuple[Drawn, Laid | None]]) -> Laid:
        enters = [("enters", key) for key in level.enters]
        leaves = [("leaves", key) for key in level.leaves]
        names: list[object] = [*enters, *boxes, *leaves]
        number = {name: place for place, name in enumerate(names)}
        sizes = {number[name]: _node(*boxes[name]) if name in boxes else PORT for name in names}
        pairs = [(number[one], number[other]) for one, other in level.edges]
        placement = layered(
            sizes,
            pairs,
            gap=GAP,
            apart=APART,
            top=[number[name] for name in enters],
            bottom=[number[name] for name in leaves],
        )
        frames: dict[object, Box] = {}
        for name in names:
            x, y = placement.centres[number[name]]
            wide, high = sizes[number[name]].width, sizes[number[name]].height
            frames[name] = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
        drawn = {
            name: boxes[name][0].at(frames[name].left, frames[name].top)
            for name in names
            if name in boxes
        }
        lines = self._lines(level, boxes, frames, placement, number)
        return Laid(
            placement,
            {name: frames[name] for name in boxes},
            drawn,
            lines,
            {key: frames["enters", key].centre[0] for key in level.enters},
            {key: frames["leaves", key].centre[0] for key in level.leaves},
        )

    def _lines(
        self,
        level: Level,
        boxes: dict[object, tuple[Drawn, Laid | None]],
        frames: dict[object, Box],
        placement: Placement,
        number: dict[object, int],
    ) -> dict[tuple[object, object], list[Item]]:
        arriving: dict[object, list[tuple[float, tuple[object, object]]]] = {}
        for (one, other), key in level.edges.items():
            lanes = placement.routes[number[one], number[other]][1:-1]
            start = frames[one].left + self._out(boxes.get(one), frames[one], key)
            before = lanes[-1][0] if lanes else start
            arriving.setdefault(other, []).append((before, (one, other)))
        ends = _arrivals(arriving, boxes, frames, level)
        lines: dict[tuple[object, object], list[Item]] = {}
        for (one, other), key in level.edges.items():
            foot, *route, head = placement.routes[number[one], number[other]]
            x = frames[one].left + self._out(boxes.get(one), frames[one], key)
            end = ends[one, other]
            points = [(x, frames[one].bottom), (x, foot[1]), *route, (end[0], head[1]), end]
            lines[one, other] = curve(points, arrow=other in boxes)
        return lines

    def _out(self, box: tuple[Drawn, Laid | None] | None, frame: Box, key: Key) -> float:
        """Where an edge leaves a box, from the box's left."""
        if box is not None and box[1] is not None and box[1].leaves:
            leaves = box[1].leaves
            return box[0].inset + leaves.get(key, next(iter(leaves.values())))
        return frame.width / 2

    def _frame(self, item: TreeItem, inner: Laid) -> Drawn:
        """An opened module as a box: its name in a bar above, what is inside below.

        Edges that come in end at the bar and go on below it, so that none crosses the name.
        """
        title, path = _header(item)
        named = text_width(title, 10.0, bold=True) + 14
        short = shortened_path(path, 9.0, SHORT_PATH)
        wide = max(inner.placement.width + 2 * FRAME, named + 12 + text_width(short, 9.0))
        high = inner.placement.height + HEADER + FRAME
        path = shortened_path(path, 9.0, wide - named - 11)
        left = (wide - inner.placement.width) / 2
        index = item.step.index if item.step is not None else None
        label = f"{path_range(item)}: {title}" if path else title
        items: list[Item] = [
            Group(
                (
                    rectangle(
                        Box(0, 0, wide, high), "cluster-inner", "cluster-line", width=0.9, radius=6
                    ),
                    _below_bar(wide, high),
                    Text(7, 13, title, 10.0, "start", bold=True),
                    Text(wide - 7, 13, path, 9.0, "end", role="faint"),
                ),
                index,
                label,
            )
        ]
        inside: list[Item] = []
        for drawn in inner.lines.values():
            inside.extend(drawn)
        for parts in inner.drawn.values():
            inside.extend(parts)
        items.extend(part.moved(left, HEADER) for part in inside)
        # The lines of the ports go on through the frame's lower edge.
        xs = [left + x for x in inner.leaves.values()]
        items.extend(bent([(x, high - FRAME), (x, high)]) for x in xs)
        return Drawn(wide, high, tuple(items), left)


def _below_bar(wide: float, high: float) -> Outline:
    """The part of a frame below its bar, its lower corners rounded like the frame's."""
    edge, corner = 0.45, 5.5
    right, low = wide - edge, high - edge
    return Outline(
        (
            ("M", (edge, HEADER)),
            ("L", (right, HEADER)),
            ("L", (right, low - corner)),
            ("C", (right, low - corner / 2, right - corner / 2, low, right - corner, low)),
            ("L", (edge + corner, low)),
            ("C", (edge + corner / 2, low, edge, low - corner / 2, edge, low - corner)),
            ("Z", ()),
        ),
        "cluster",
    )


def _node(drawn: Drawn, inner: Laid | None) -> Node:
    """The box for the layout; edges that come into a frame want to go straight on inside."""
    ports = [] if inner is None else [*inner.enters.values(), *inner.leaves.values()]
    skew = drawn.inset + ports[0] - drawn.width / 2 if ports else 0.0
    return Node(drawn.width, drawn.height, skew=skew)


def _header(item: TreeItem) -> tuple[str, str]:
    times = f" x {item.times}" if item.times > 1 else ""
    return item.name + times, path_range(item)


def _arrivals(
    arriving: dict[object, list[tuple[float, tuple[object, object]]]],
    boxes: dict[object, tuple[Drawn, Laid | None]],
    frames: dict[object, Box],
    level: Level,
) -> dict[tuple[object, object], Point]:
    """Where each edge ends: at its port, or spread along the upper side in order of arrival."""
    ends: dict[tuple[object, object], Point] = {}
    for other, edges in arriving.items():
        frame = frames[other]
        inner = boxes[other][1] if other in boxes else None
        edges = sorted(edges, key=lambda edge: edge[0])
        room = min(frame.width - 12, 14.0 * (len(edges) - 1))
        for place, (_, edge) in enumerate(edges):
            if inner is not None and inner.enters:
                ports = inner.enters
                x = (
                    frame.left
                    + boxes[other][0].inset
                    + ports.get(level.edges[edge], list(ports.values())[-1])
                )
            elif len(edges) == 1:
                x = frame.centre[0]
            else:
                x = frame.centre[0] - room / 2 + room * place / (len(edges) - 1)
            ends[edge] = (x, frame.top)
    return ends
