"""The graph of a model as other programs draw it: boxes with texts, frames, and edges by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from shapescope.render.drawing.folding import Item
from shapescope.render.drawing.nodes import path_range
from shapescope.render.drawing.tree import Tree, tree_of
from shapescope.render.drawing.units import unit_graph
from shapescope.render.shapes import printable, shape_text
from shapescope.trace import Trace

MANY = 10_000
"""More boxes than any text format is asked for: everything is opened, repeats stay folded."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its name in the text, the lines in it, what kind it is, whether it failed."""

    name: str
    lines: tuple[str, ...]
    kind: str
    failed: bool = False


@dataclass(slots=True)
class Frame:
    """A module that is opened: its title, the boxes and frames in it."""

    name: str
    title: str
    parts: list[Box | Frame] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outline:
    """The whole graph. `root` has no title."""

    root: Frame
    edges: tuple[tuple[str, str], ...]


def outline_of(trace: Trace) -> Outline:
    """Boxes, frames and edges of a trace, repeated blocks once."""
    tree = tree_of(unit_graph(trace), MANY)
    failed = None if trace.failure is None else trace.failure.step
    root = Frame("model", "")
    for place, spec in enumerate(trace.inputs):
        lines = (printable(spec.name or "input"), shape_text(spec.shape))
        root.parts.append(Box(f"in{place}", lines, "input"))
    box_of: dict[int, str] = {}
    _fill(root, tree.root, failed, box_of)
    return Outline(root, tuple(dict.fromkeys(_edges(tree, box_of))))


def _fill(frame: Frame, item: Item, failed: int | None, box_of: dict[int, str]) -> None:
    for child in item.children:
        if child.unit is None and child.opened:
            inner = Frame(f"m{child.main.index if child.main else 0}", _title(child))
            frame.parts.append(inner)
            _fill(inner, child, failed, box_of)
            continue
        step = child.main
        name = f"s{step.index if step else 0}"
        for unit in child.units():
            box_of[unit.number] = name
        broken = any(one.index == failed for unit in child.units() for one in unit.steps)
        frame.parts.append(Box(name, _lines(child, broken), _kind(child), broken))


def _lines(item: Item, broken: bool) -> tuple[str, ...]:
    times = f" x {item.times}" if item.times > 1 else ""
    size = "fails here" if broken else item.size
    if item.unit is None:
        return (_title(item), size)
    path = printable(item.unit.main.path)
    words = item.unit.words + times
    return (words, *((path,) if path and item.unit.main.kind == "module" else ()), size)


def _title(item: Item) -> str:
    times = f" x {item.times}" if item.times > 1 else ""
    path = path_range(item)
    return f"{path}: {item.name}{times}" if path else item.name + times


def _kind(item: Item) -> str:
    return "block" if item.unit is None else item.unit.kind


def _edges(tree: Tree, box_of: dict[int, str]) -> Iterator[tuple[str, str]]:
    for source, target in tree.inputs:
        if target in box_of:
            yield f"in{-1 - source}", box_of[target]
    for source, target in tree.edges:
        if source in box_of and target in box_of and box_of[source] != box_of[target]:
            yield box_of[source], box_of[target]
