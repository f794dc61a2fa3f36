"""What a graph figure shows: units within modules, repeats folded, so much opened as fits.

The items form a tree like the model's modules. A module with a single item in it is that item; a
run of modules that are alike and follow one another is one item with a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapescope.render.drawing.folding import Item, class_of, fold, fold_closed
from shapescope.render.drawing.rounds import condense
from shapescope.render.drawing.stages import CONTAINERS
from shapescope.render.drawing.units import Unit, UnitGraph

BUDGET = 56
"""So many nodes are legible in one figure."""
MOST_CHILDREN = 18
"""A module with more items inside stays closed, unless it is all there is."""
DEEPEST = 60
"""Modules nested deeper are drawn as part of the one around them."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The items, and between units the edges that are left after folding."""

    root: Item
    edges: tuple[tuple[int, int], ...]
    inputs: tuple[tuple[int, int], ...]
    input_rank: int = 0


def tree_of(graph: UnitGraph, budget: int = BUDGET) -> Tree:
    """The items of a figure, opened as far as the budget of nodes allows."""
    root = _built(graph)
    alias = list(range(len(graph.units)))
    fold(root, alias)
    failure = graph.trace.failure
    condense(root, alias, budget // 3, None if failure is None else failure.step)
    edges, inputs = _edges(graph, alias)
    _open(root, budget)
    _dissolve(root)
    fold_closed(root)
    return Tree(root, edges, inputs, graph.input_rank)


# --- building


def _built(graph: UnitGraph) -> Item:
    steps = graph.trace.steps
    root = Item(None, None, opened=True)
    items: dict[int, Item] = {}
    for unit in graph.units:
        home = _home(graph, unit)
        parent = root
        for number in home[:DEEPEST]:
            if number not in items:
                items[number] = Item(None, steps[number])
                parent.children.append(items[number])
            parent = items[number]
        parent.children.append(Item(unit, None))
    return _simple(root)


def _home(graph: UnitGraph, unit: Unit) -> list[int]:
    """The modules around all steps of a unit, the outermost first, without the model itself."""
    steps = graph.trace.steps
    common: list[int] = []
    for place, step in enumerate(unit.steps):
        above: list[int] = []
        parent = step.parent
        while parent is not None:
            if steps[parent].parent is not None:
                above.append(parent)
            parent = steps[parent].parent
        above.reverse()
        if place:
            same = (one == other for one, other in zip(common, above, strict=False))
            common = common[: sum(1 for _ in _while_true(same))]
        else:
            common = above
    return common


def _while_true(values: Iterator[bool]) -> Iterator[bool]:
    for value in values:
        if not value:
            return
        yield value


def _simple(item: Item) -> Item:
    """Modules with one item in them become that item, from the inside out."""
    for place, child in enumerate(item.children):
        simple = _simple(child)
        item.children[place] = simple
        while simple.unit is None and len(simple.children) == 1:
            simple = item.children[place] = simple.children[0]
    return item


def _edges(
    graph: UnitGraph, alias: Sequence[int]
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """Edges between the units drawn, forward ones only: what folding turned back is dropped."""
    edges: dict[tuple[int, int], None] = {}
    inputs: dict[tuple[int, int], None] = {}
    for unit in graph.units:
        target = alias[unit.number]
        for source in unit.sources:
            if source < 0:
                inputs[source, target] = None
            elif alias[source] < target:
                edges[alias[source], target] = None
    return tuple(edges), tuple(inputs)


# --- opening


def _open(root: Item, budget: int) -> None:
    """Open modules level by level; of those alike the first one, the others if all of them fit."""
    visible = len(root.children)
    seen: set[object] = set()
    paths: set[str] = set()
    queue = _modules(root)
    later: dict[object, list[Item]] = {}
    while queue:
        following: list[Item] = []
        for item in queue:
            look, cost = _look(item), len(item.children) - 1
            again = item.step is not None and item.step.path in paths
            if again and visible + cost > budget / 2:
                continue  # the same module, called again: its inside is drawn already
            if look in seen and class_of(item) not in CONTAINERS:
                later.setdefault(look, []).append(item)
                continue
            big = len(item.children) > MOST_CHILDREN and len(root.children) > 3
            if not big and visible + cost <= budget:
                seen.add(look)
                item.opened = True
                if item.step is not None:
                    paths.add(item.step.path)
                visible += cost
                following.extend(_modules(item))
        if not following:
            for look, items in list(later.items()):
                cost = sum(len(item.children) - 1 for item in items)
                if visible + cost <= budget:
                    visible += cost
                    del later[look]
                    for item in items:
                        item.opened = True
                        following.extend(_modules(item))
        queue = following


def _modules(item: Item) -> list[Item]:
    return [child for child in item.children if child.unit is None and not child.sealed]


def _look(item: Item) -> object:
    """What makes two modules the same kind of module to a reader."""
    words = (one.unit.words if one.unit is not None else class_of(one) for one in item.children)
    return class_of(item), tuple(words)


def _dissolve(root: Item) -> None:
    """Plain containers, and what holds nearly everything, need no frame of their own."""
    total = _shown(root)
    stack = [root]
    while stack:
        item = stack.pop()
        changed = True
        while changed:
            changed = False
            children: list[Item] = []
            for child in item.children:
                whole = item is root and _shown(child) > 0.45 * total
                plain = class_of(child) in CONTAINERS or whole
                if child.opened and child.times == 1 and plain:
                    children.extend(child.children)
                    changed = True
                else:
                    children.append(child)
            item.children = children
        stack.extend(child for child in item.children if child.opened)


def _shown(item: Item) -> int:
    if item.unit is not None or not item.opened:
        return 1
    return sum(_shown(child) for child in item.children)
