"""The feature-map figure in the manner of LeCun et al. (1998): stacks of planes, drawn to scale.

Each window lies on the map it slides over, with lines to the one value it makes; on the input lies
what the last map sees of it. Vectors are columns, a full connection is drawn from value to value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapescope.attrs import ConvAttrs
from shapescope.ops.registry import Window
from shapescope.render.drawing.bodies import Column, Stack, connections, funnel
from shapescope.render.drawing.captions import (
    FAINT_SIZE,
    caption,
    joint_lines,
    stage_label,
    text_block,
    widest,
)
from shapescope.render.drawing.row import Slot, placed
from shapescope.render.drawing.scene import (
    Box,
    Group,
    Item,
    Point,
    Text,
    line,
    polygon,
    rectangle,
)
from shapescope.render.drawing.stages import Stage

LARGEST_MAP = 112.0
"""Pixels of the longest side of the largest map."""
GAP = 34.0
Body = Stack | Column


def planes_items(stages: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> list[Item]:
    """Everything of the figure; `fields` tells, by step, how much of the input a map sees."""
    return _Figure(stages, fields).items()


class _Figure:
    def __init__(self, stages: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> None:
        self.stages = stages
        self.fields = fields
        largest = max((max(one.spatial) for one in stages if one.rank), default=1)
        # A whole number of pixels for each value where that keeps the figure its size.
        scale = LARGEST_MAP / largest
        self.scale = float(round(scale * 2)) / 2 if scale >= 1 else scale
        tallest = largest * self.scale + 30
        self.bodies: list[Body] = [
            Stack(stage, self.scale) if stage.rank else Column(stage, tallest) for stage in stages
        ]
        self.top = min(-body.height / 2 for body in self.bodies)
        self.bottom = max(body.height / 2 for body in self.bodies)
        self.joints = [joint_lines(stage) for stage in stages]
        self.captions = [caption(stage) for stage in stages]
        self.sights = [self._sight(stage) for stage in stages]
        self.lefts = placed([self._slot(place) for place in range(len(stages))])

    def _slot(self, place: int) -> Slot:
        body = self.bodies[place]
        gap = GAP
        if place and isinstance(body, Column):
            gap = GAP + 14 if isinstance(self.bodies[place - 1], Column) else GAP
        return Slot(
            body=body.width,
            above=widest(self.captions[place]),
            below=widest([self.sights[place]]),
            joint=widest(self.joints[place]),
            gap=gap,
        )

    def _sight(self, stage: Stage) -> Text:
        """How much of the input a value of the map sees, as a text without a place yet."""
        known = stage.main and stage.rank and stage.kind != "resize"
        size = self.fields.get(stage.main.index) if stage.main and known else None
        content = f"sees {' x '.join(map(str, size))}" if size else ""
        return Text(0, 0, content, FAINT_SIZE, role="field")

    def items(self) -> list[Item]:
        groups: list[Item] = []
        overlays: list[Item] = []
        for place, stage in enumerate(self.stages):
            left = self.lefts[place]
            if place:
                groups.extend(self._between(place))
                overlays.extend(self._cone(place))
            body = self.bodies[place]
            drawn: list[Item] = list(body.draw(left))
            middle = left + body.width / 2
            drawn.extend(text_block(self.captions[place], middle, -body.height / 2 - 8, up=True))
            if self.sights[place].content:
                drawn.append(self.sights[place].moved(middle, body.height / 2 + 14))
            step = stage.main.index if stage.main else None
            groups.append(Group(tuple(drawn), step, stage_label(stage)))
        overlays = [*self._whole_field(), *overlays]
        return [*groups, *overlays, *self._joint_texts()]

    def _joint_texts(self) -> list[Item]:
        items: list[Item] = []
        baseline = self.bottom + 34
        for place in range(1, len(self.stages)):
            end = self.lefts[place - 1] + self.bodies[place - 1].width
            middle = (end + self.lefts[place]) / 2
            items.extend(text_block(self.joints[place], middle, baseline))
        return items

    # --- what lies between two bodies

    def _box(self, place: int) -> Box:
        body, left = self.bodies[place], self.lefts[place]
        if isinstance(body, Stack):
            return body.front(left)
        return Box(left, -body.height / 2, left + body.width, body.height / 2)

    def _between(self, place: int) -> list[Item]:
        before, body = self.bodies[place - 1], self.bodies[place]
        if isinstance(before, Column) and isinstance(body, Column):
            if self.stages[place].kind == "dense" and not self.stages[place].failed:
                left = before.centres(self.lefts[place - 1])
                return [connections(left, body.centres(self.lefts[place]))]
            return [funnel(self._box(place - 1), self._box(place))]
        if isinstance(before, Stack) != isinstance(body, Stack):
            return [funnel(self._box(place - 1), self._box(place))]
        return []

    def _cone(self, place: int) -> list[Item]:
        """The window on the map before, and lines from it to the value it makes."""
        before, body, stage = self.bodies[place - 1], self.bodies[place], self.stages[place]
        windows = stage.windows
        if not isinstance(before, Stack) or not isinstance(body, Stack):
            return []
        if stage.kind == "resize":
            return self._spread(place, before, body)
        if not windows:
            return []
        cell = body.cell(self.lefts[place], *_spot(place))
        window = self._window(place, before, body, cell)
        return _cone_items(window, window.right, cell)

    def _spread(self, place: int, before: Stack, body: Stack) -> list[Item]:
        """A value of the map before, and the window of a transposed convolution that it fills."""
        stage = self.stages[place]
        attrs = None if stage.main is None else stage.main.attrs
        if not isinstance(attrs, ConvAttrs) or isinstance(attrs.padding, str):
            return []
        source = before.front(self.lefts[place - 1])
        cell = before.cell(self.lefts[place - 1], *_spot(place))
        front = body.front(self.lefts[place])
        ends = []
        for axis, low, side in ((-1, cell.left - source.left, cell.width),) + (
            ((-2, cell.top - source.top, cell.height),) if len(attrs.kernel_size) > 1 else ()
        ):
            start = round(low / max(side, 1e-6)) * attrs.stride[axis] - attrs.padding[axis]
            end = start + (attrs.kernel_size[axis] - 1) * attrs.dilation[axis] + 1
            size = stage.spatial[axis]
            ends.append((max(start, 0) / size, min(end, size) / size))
        (left, right), (top, bottom) = ends[0], ends[-1] if len(ends) > 1 else (0.0, 1.0)
        window = Box(
            front.left + left * front.width,
            front.top + top * front.height,
            front.left + right * front.width,
            front.top + bottom * front.height,
        )
        return _cone_items(window, window.left, cell)

    def _window(self, place: int, before: Stack, body: Stack, cell: Box) -> Box:
        """The window that makes the value in `cell`, as far as it lies on the map."""
        front = before.front(self.lefts[place - 1])
        own = body.front(self.lefts[place])
        windows = self.stages[place].windows
        across = windows[-1]
        column = round((cell.left - own.left) / max(cell.width, 1e-6))
        left, right = _reach(across, column, before.stage.spatial[-1])
        wide = front.width / before.stage.spatial[-1]
        if len(windows) == 1:
            top, bottom, high = 0.0, 1.0, front.height
        else:
            row = round((cell.top - own.top) / max(cell.height, 1e-6))
            top, bottom = _reach(windows[-2], row, before.stage.spatial[-2])
            high = front.height / before.stage.spatial[-2]
        return Box(
            front.left + left * wide,
            front.top + top * high,
            front.left + right * wide,
            front.top + bottom * high,
        )

    def _whole_field(self) -> list[Item]:
        """On the input: what a value of the last map sees of it."""
        first = self.bodies[0]
        if not isinstance(first, Stack):
            return []
        sizes = [
            (stage, self.fields[stage.main.index])
            for stage in self.stages
            if stage.main is not None and stage.rank and stage.main.index in self.fields
        ]
        if not sizes or len(sizes[-1][1]) != len(first.stage.spatial):
            return []
        sides = [float(size) for size in sizes[-1][1]]
        if all(side >= whole for side, whole in zip(sides, first.stage.spatial, strict=True)):
            return []
        front = first.front(self.lefts[0])
        wide = min(sides[-1] * front.width / first.stage.spatial[-1], front.width)
        high = front.height
        if len(sides) > 1:
            high = min(sides[-2] * front.height / first.stage.spatial[-2], front.height)
        box = Box(front.left, front.bottom - high, front.left + wide, front.bottom)
        return [rectangle(box, None, "field", width=1.3, dash=(4, 2.5))]


def _cone_items(window: Box, side: float, cell: Box) -> list[Item]:
    """A window, a value, and lines between them from one side of the window."""
    tip = cell.centre
    return [
        polygon(((side, window.top), tip, (side, window.bottom)), "cone", opacity=0.12),
        *(line(((side, edge), tip), "cone", width=0.8) for edge in (window.top, window.bottom)),
        rectangle(window, None, "cone", width=1.3),
        rectangle(cell, "cone", "cone", width=0.8),
    ]


def _reach(window: Window, position: int, size: int) -> tuple[float, float]:
    """The first value a window covers and the one behind its last, cut off at the map's edges."""
    start = position * window.stride - window.padding
    end = start + (window.kernel_size - 1) * window.dilation + 1
    return float(max(start, 0)), float(min(end, size))


def _spot(place: int) -> Point:
    """Where on the map the value is that a cone points at: row and column between 0 and 1.

    Odd and even places differ, so that the end of one cone is not the start of the next.
    """
    return (0.22, 0.5) if place % 2 else (0.62, 0.42)
