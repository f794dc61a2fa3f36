"""The boxes of a graph figure: a unit, a closed module, a sum; each with its texts measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapescope.render.drawing.folding import Item as TreeItem
from shapescope.render.drawing.scene import Box, Group, Item, Text, rectangle
from shapescope.render.drawing.text_metrics import in_lines, shortened, shortened_path, text_width
from shapescope.render.drawing.units import Unit
from shapescope.render.drawing.wording import size_text
from shapescope.render.shapes import printable, shape_text, short_count
from shapescope.trace import Shape, Step

SIZE = 10.5
SMALL = 9.8
PAD_X = 6.0
PAD_Y = 4.5
LEADING = 1.3
WIDEST = 128.0
"""No line of a box is longer."""
WIDEST_NAME = 186.0
"""Nor is the name of a module."""
LINE_WIDTH = 100.0
"""Of the words below a name; a word wider than that has a line of its own."""
WIDEST_HEAD = 104.0
"""Longer heads give their settings to the next line."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box with its content, its upper left corner at (0, 0).

    `inset` is how far a frame's inside begins from its left.
    """

    width: float
    height: float
    items: tuple[Item, ...]
    inset: float = 0.0

    def at(self, left: float, top: float) -> list[Item]:
        """The content, moved to its place."""
        return [item.moved(left, top) for item in self.items]


def node(item: TreeItem, failed: int | None) -> Drawn:
    """The box of a unit or of a closed module."""
    if item.unit is not None:
        return _unit_node(item, item.unit, failed)
    return _module_node(item, failed)


def input_node(name: str, shape: Shape, rank: int) -> Drawn:
    """The box of an input."""
    head = f"input {name}" if name not in ("", "input") else "input"
    lines = [
        _text(head, bold=True, width=WIDEST_NAME),
        _text(size_text(shape, rank), small=True),
    ]
    return _boxed(lines, "input", None, f"input {name}: {shape_text(shape)}", radius=10)


def _unit_node(item: TreeItem, unit: Unit, failed: int | None) -> Drawn:
    step = unit.main
    broken = any(one.index == failed for one in unit.steps)
    kind = unit.kind
    others = [part for part in unit.parts if part != unit.head]
    times = f" x {item.times}" if item.times > 1 else ""
    if kind == "merge" and not broken and len(unit.head) <= 1:
        words = " ".join((unit.head, ", ".join(others))).strip()
        lines = [_text(words, bold=True)]
        if text_width(words, SIZE, bold=True) > WIDEST:
            lines = [
                _text(unit.head, bold=True),
                *(_text(line) for line in in_lines(others, SMALL, LINE_WIDTH)),
            ]
        return _boxed(lines, kind, step.index, _label(unit), radius=10)
    head, settings = unit.head, list[str]()
    if text_width(head + times, SIZE, bold=True) > WIDEST_HEAD:
        head, *settings = unit.head.replace(" to ", ", to ").split(", ")
    lines = [_text(head, times, bold=True)]
    lines.extend(
        _text(line, small=True) for line in in_lines([*settings, *others], SMALL, LINE_WIDTH)
    )
    if broken:
        lines.append(_text("fails here", small=True, role="failure"))
    else:
        lines.append(_text(unit.size, small=True))
    return _boxed(lines, kind, step.index, _label(unit), broken=broken)


def _module_node(item: TreeItem, failed: int | None) -> Drawn:
    step = item.step
    times = f" x {item.times}" if item.times > 1 else ""
    lines = [_text(item.name, times, bold=True, width=WIDEST_NAME)]
    if step is not None:
        lines.append(_text(path_range(item), small=True, role="faint", path=True))
    elif item.sealed:
        lines.append(_text(_most_common(item), small=True, role="faint"))
    lines.append(_text(item.size, small=True))
    params = params_inside(item)
    if params and item.times == 1:
        lines.append(_text(f"{short_count(params)} params", small=True, role="faint"))
    broken = failed is not None and any(
        one.index == failed for unit in item.units() for one in unit.steps
    )
    if broken:
        lines.append(_text("fails inside", small=True, role="failure"))
    index = None if item.main is None else item.main.index
    label = ": ".join(filter(None, (path_range(item), item.name, shape_text(item.last.shape))))
    kind = "other" if item.sealed else "block"
    return _boxed(lines, kind, index, label, broken=broken, double=True)


def _most_common(item: TreeItem) -> str:
    """The ops of a run of steps that occur most, as many as a line holds."""
    counts = Counter(step.op for unit in item.units() for step in unit.steps)
    names = [op.replace("_", " ") for op, _ in counts.most_common()]
    line = names[0]
    for name in names[1:]:
        if text_width(f"{line}, {name}, …", SMALL) > WIDEST:
            return f"{line}, …"
        line += f", {name}"
    return line


def params_inside(item: TreeItem) -> int:
    """Parameters of all units inside, tied ones once."""
    sizes = {
        param.key: param.numel
        for unit in item.units()
        for step in unit.steps
        for param in step.params
    }
    return sum(sizes.values())


def path_range(item: TreeItem) -> str:
    """The path of a module; of a run of modules the first and the last."""
    step, last = item.step, item.last.step
    if step is None:
        return ""
    path = printable(step.path)
    if item.times == 1 or last is None:
        return path
    end = printable(last.path)
    return f"{path} .. {_tail(path, end)}"


def _tail(path: str, end: str) -> str:
    """What of the last path differs from the first: its number, if only that."""
    stem, _, name = path.rpartition(".")
    if not stem or not end.startswith(stem + "."):
        return end
    last = end[len(stem) + 1 :]
    letters = name.rstrip("0123456789")
    return last[len(letters) :] if letters and last.startswith(letters) else last


def _label(unit: Unit) -> str:
    step: Step = unit.main
    parts = (printable(step.path), unit.words, shape_text(unit.shape))
    return ": ".join(part for part in parts if part)


def _text(
    content: str,
    tail: str = "",
    *,
    bold: bool = False,
    small: bool = False,
    role: str = "text",
    path: bool = False,
    width: float = WIDEST,
) -> Text:
    size = SMALL if small else SIZE
    room = width - text_width(tail, size, bold=bold)
    cut = shortened_path if path else shortened
    return Text(
        0, 0, cut(printable(content), size, room, bold=bold) + tail, size, "middle", role, bold
    )


def _boxed(
    lines: Sequence[Text],
    kind: str,
    step: int | None,
    label: str,
    *,
    radius: float = 4.0,
    broken: bool = False,
    double: bool = False,
) -> Drawn:
    width = max(max(line.width for line in lines) + 2 * PAD_X, 26.0)
    heights = [line.size * LEADING for line in lines]
    height = sum(heights) + 2 * PAD_Y
    fill, edge = ("failure-fill", "failure") if broken else (kind, f"{kind}-line")
    frame = Box(0, 0, width, height)
    items: list[Item] = [
        rectangle(frame, fill, edge, width=1.6 if broken else 0.9, radius=min(radius, height / 2))
    ]
    if double:
        inner = Box(2.5, 2.5, width - 2.5, height - 2.5)
        items.append(rectangle(inner, None, edge, width=0.6, radius=2.5))
    y = PAD_Y
    for line, tall in zip(lines, heights, strict=True):
        items.append(replace(line, x=width / 2, y=y + tall * 0.76))
        y += tall
    return Drawn(width, height, (Group(tuple(items), step, label),))
