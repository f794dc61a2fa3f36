"""A picture as data: outlines and texts with the places they take, before any file format.

Coordinates are in pixels at natural size, y pointing down. Colours are names of roles
(`palette.py`), so that one scene is drawn light, dark, or in the colours of a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from shapescope.render.drawing.text_metrics import ASCENT, DESCENT, text_width

Point: TypeAlias = tuple[float, float]
Command: TypeAlias = tuple[str, tuple[float, ...]]
"""One of `M x y`, `L x y`, `C x1 y1 x2 y2 x y`, `Z`."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle by its four sides."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """The point in the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def overlaps(self, other: Box, slack: float = 0.0) -> bool:
        """Whether the two share more than `slack` along both axes."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > slack
            and min(self.bottom, other.bottom) - max(self.top, other.top) > slack
        )

    def holds(self, other: Box, slack: float = 0.0) -> bool:
        """Whether the other lies inside, but for `slack`."""
        return (
            other.left >= self.left - slack
            and other.top >= self.top - slack
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def moved(self, dx: float, dy: float) -> Box:
        """The same box elsewhere."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)


@dataclass(frozen=True, slots=True)
class Outline:
    """A path, filled or stroked or both; `radius` rounds the corners of a rectangle."""

    commands: tuple[Command, ...]
    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0
    radius: float = 0.0

    @property
    def box(self) -> Box:
        """The extent of all its points; a curve lies inside that of its control points."""
        xs = [x for _, values in self.commands for x in values[::2]]
        ys = [y for _, values in self.commands for y in values[1::2]]
        return Box(min(xs), min(ys), max(xs), max(ys))

    def moved(self, dx: float, dy: float) -> Outline:
        """The same outline elsewhere."""
        shift = (dx, dy)
        return replace(
            self,
            commands=tuple(
                (name, tuple(value + shift[place % 2] for place, value in enumerate(values)))
                for name, values in self.commands
            ),
        )


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text. `x` is where it is anchored (`start`, `middle`, `end`), `y` its baseline.

    `upward` texts are turned a quarter to the left and read from bottom to top.
    """

    x: float
    y: float
    content: str
    size: float = 11.0
    anchor: str = "middle"
    role: str = "text"
    bold: bool = False
    upward: bool = False

    @property
    def width(self) -> float:
        """The width of the text itself, whichever way it is turned."""
        return text_width(self.content, self.size, bold=self.bold)

    @property
    def box(self) -> Box:
        """Where its letters are."""
        before = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        after = self.width - before
        above, below = ASCENT * self.size, DESCENT * self.size
        if self.upward:
            return Box(self.x - above, self.y - after, self.x + below, self.y + before)
        return Box(self.x - before, self.y - above, self.x + after, self.y + below)

    def moved(self, dx: float, dy: float) -> Text:
        """The same text elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that stand for one step of the trace; `label` is what a pointer or a reader is told."""

    items: tuple[Item, ...]
    step: int | None = None
    label: str = ""

    @property
    def box(self) -> Box:
        """The extent of all parts."""
        return extent(self.items)

    def moved(self, dx: float, dy: float) -> Group:
        """The same group elsewhere."""
        return replace(self, items=tuple(item.moved(dx, dy) for item in self.items))


Item: TypeAlias = Outline | Text | Group


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture: what is painted first lies at the back."""

    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...] = field(default=())

    @property
    def box(self) -> Box:
        """The frame of the picture."""
        return Box(0.0, 0.0, self.width, self.height)

    def texts(self) -> Iterator[Text]:
        """Every text, in order of painting."""
        yield from (item for item in flat(self.items) if isinstance(item, Text))


def flat(items: Iterable[Item]) -> Iterator[Outline | Text]:
    """The outlines and texts, groups opened."""
    for item in items:
        if isinstance(item, Group):
            yield from flat(item.items)
        else:
            yield item


def extent(items: Iterable[Item]) -> Box:
    """The smallest box around all of them.

    Raises:
        ValueError: there are none.
    """
    boxes = [item.box for item in items]
    if not boxes:
        raise ValueError("nothing has no extent")
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.union(box)
    return whole


def framed(items: Sequence[Item], title: str, description: str, margin: float = 12.0) -> Scene:
    """A scene around the items, moved so that all of them are inside."""
    box = extent(items)
    dx, dy = margin - box.left, margin - box.top
    return Scene(
        width=box.width + 2 * margin,
        height=box.height + 2 * margin,
        title=title,
        description=description,
        items=tuple(item.moved(dx, dy) for item in items),
    )


# --- outlines by what they show


def rectangle(
    box: Box,
    fill: str | None = None,
    stroke: str | None = None,
    *,
    width: float = 1.0,
    radius: float = 0.0,
    dash: tuple[float, ...] = (),
) -> Outline:
    """An upright rectangle."""
    commands = (
        ("M", (box.left, box.top)),
        ("L", (box.right, box.top)),
        ("L", (box.right, box.bottom)),
        ("L", (box.left, box.bottom)),
        ("Z", ()),
    )
    return Outline(commands, fill, stroke, width, dash, radius=radius)


def polygon(
    points: Sequence[Point],
    fill: str | None = None,
    stroke: str | None = None,
    *,
    width: float = 1.0,
    opacity: float = 1.0,
) -> Outline:
    """A closed outline through the points."""
    return Outline((*_through(points), ("Z", ())), fill, stroke, width, (), opacity)


def line(points: Sequence[Point], stroke: str = "line", *, width: float = 1.0) -> Outline:
    """A line from point to point."""
    return Outline(_through(points), None, stroke, width)


def _through(points: Sequence[Point]) -> tuple[Command, ...]:
    first, *others = points
    return (("M", first), *(("L", point) for point in others))


def circle(
    centre: Point, radius: float, fill: str | None = None, stroke: str | None = None
) -> Outline:
    """A circle, as four curves."""
    x, y = centre
    r, k = radius, radius * 0.5523
    commands = (
        ("M", (x + r, y)),
        ("C", (x + r, y + k, x + k, y + r, x, y + r)),
        ("C", (x - k, y + r, x - r, y + k, x - r, y)),
        ("C", (x - r, y - k, x - k, y - r, x, y - r)),
        ("C", (x + k, y - r, x + r, y - k, x + r, y)),
        ("Z", ()),
    )
    return Outline(commands, fill, stroke)


def arrow_head(tip: Point, direction: str, fill: str = "line", size: float = 5.0) -> Outline:
    """A filled tip that points `down`, `up`, `right` or `left`."""
    x, y = tip
    half = size * 0.5
    wings = {
        "down": ((x - half, y - size), (x + half, y - size)),
        "up": ((x - half, y + size), (x + half, y + size)),
        "right": ((x - size, y - half), (x - size, y + half)),
        "left": ((x + size, y - half), (x + size, y + half)),
    }[direction]
    return polygon((tip, *wings), fill)
