"""What a graph figure shows: units within modules, repeats folded, so much opened as fits.

The items form a tree like the model's modules. A module with a single item in it is that item; a
run of modules that are alike and follow one another is one item with a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shapescope.render.drawing.units import Unit, UnitGraph
from shapescope.trace import Shape, Step

BUDGET = 56
"""So many nodes are legible in one figure."""
MOST_CHILDREN = 18
"""A module with more items inside stays closed, unless it is all there is."""
DEEPEST = 60
"""Modules nested deeper are drawn as part of the one around them."""
CONTAINERS = frozenset(("Sequential", "ModuleList", "ModuleDict"))


@dataclass(slots=True, eq=False)
class Item:
    """A unit, or a module with items inside. `times`: so many of them, alike, follow each other.

    Attributes:
        unit: the unit, None for a module.
        step: the module's step, None for a unit.
        children: what is inside a module, in order of execution.
        more: modules that are folded into this one, closed, though they differ inside.
        last: the last of the run that is folded into this item; itself where none is.
        opened: whether the inside of a module is drawn.
    """

    unit: Unit | None
    step: Step | None
    children: list[Item] = field(default_factory=list)
    times: int = 1
    opened: bool = False
    more: list[Item] = field(default_factory=list)
    last: Item = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.last = self

    def units(self) -> Iterator[Unit]:
        """All units inside, in order."""
        stack = [self]
        while stack:
            item = stack.pop()
            if item.unit is not None:
                yield item.unit
            stack.extend(reversed(item.more))
            stack.extend(reversed(item.children))

    @property
    def shape(self) -> Shape:
        """The shape that leaves it."""
        if self.unit is not None:
            return self.unit.shape
        if self.step is not None and self.step.outputs:
            return self.step.outputs[0].shape
        shape: Shape = ()
        for unit in self.units():
            shape = unit.shape
        return shape

    @property
    def main(self) -> Step | None:
        """The step it stands for."""
        return self.step if self.unit is None else self.unit.main


@dataclass(frozen=True, slots=True)
class Tree:
    """The items, and between units the edges that are left after folding."""

    root: Item
    edges: tuple[tuple[int, int], ...]
    inputs: tuple[tuple[int, int], ...]


def tree_of(graph: UnitGraph, budget: int = BUDGET) -> Tree:
    """The items of a figure, opened as far as the budget of nodes allows."""
    root = _built(graph)
    alias = list(range(len(graph.units)))
    _fold(root, alias)
    edges, inputs = _edges(graph, alias)
    _open(root, budget)
    _dissolve(root)
    _fold_closed(root)
    return Tree(root, edges, inputs)


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


# --- folding


def _fold(item: Item, alias: list[int]) -> object:
    """Fold runs of children that are alike; gives the item's signature.

    `alias` tells for each unit which one is drawn for it.
    """
    if item.unit is not None:
        return item.unit.parts
    signatures = [_fold(child, alias) for child in item.children]
    kept: list[Item] = []
    kept_signatures: list[object] = []
    for child, signature in zip(item.children, signatures, strict=True):
        if kept and signature == kept_signatures[-1] and _follows(kept[-1], child):
            _join(kept[-1], child, alias)
        else:
            kept.append(child)
            kept_signatures.append(signature)
    item.children = kept
    return (_name(item), tuple(zip(kept_signatures, (child.times for child in kept), strict=True)))


def _follows(item: Item, other: Item) -> bool:
    """Whether the other goes on where the item ends, at the same size."""
    before, after = item.last.shape, other.shape
    if len(before) != len(after):
        return False
    if item.unit is not None:
        ends = item.last.unit
        if ends is None or other.unit is None:
            return False
        return other.unit.sources == [ends.number] and before == after
    if sum(one != two for one, two in zip(before, after, strict=True)) > 1:
        return False
    made = {unit.number for unit in item.last.units()}
    return any(source in made for unit in other.units() for source in unit.sources)


def _join(item: Item, other: Item, alias: list[int]) -> None:
    item.times += other.times
    item.last = other
    for unit, drawn in zip(other.units(), item.units(), strict=False):
        alias[unit.number] = drawn.number
    # Units that a fold inside dropped still have to be found.
    drawn_units = [unit.number for unit in item.units()]
    for number, target in enumerate(alias):
        if alias[target] != target:
            alias[number] = alias[target]
    if not drawn_units:
        raise ValueError("an item without units")


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
    queue = [child for child in root.children if child.unit is None]
    later: dict[object, list[Item]] = {}
    while queue:
        following: list[Item] = []
        for item in queue:
            look, cost = _look(item), len(item.children) - 1
            if look in seen and _name(item) not in CONTAINERS:
                later.setdefault(look, []).append(item)
                continue
            big = len(item.children) > MOST_CHILDREN and len(root.children) > 3
            if not big and visible + cost <= budget:
                seen.add(look)
                item.opened = True
                visible += cost
                following.extend(child for child in item.children if child.unit is None)
        if not following:
            for look, items in list(later.items()):
                cost = sum(len(item.children) - 1 for item in items)
                if visible + cost <= budget:
                    visible += cost
                    del later[look]
                    for item in items:
                        item.opened = True
                        following.extend(one for one in item.children if one.unit is None)
        queue = following


def _look(item: Item) -> object:
    """What makes two modules the same kind of module to a reader."""
    words = (one.unit.words if one.unit is not None else _name(one) for one in item.children)
    return _name(item), tuple(words)


def _name(item: Item) -> str:
    return item.step.class_name if item.step is not None else ""


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
                plain = _name(child) in CONTAINERS or whole
                if child.opened and child.times == 1 and plain:
                    children.extend(child.children)
                    changed = True
                else:
                    children.append(child)
            item.children = children
        stack.extend(child for child in item.children if child.opened)


def _fold_closed(root: Item) -> None:
    """Closed modules of one class that follow each other at one size are one box with a count."""
    stack = [root]
    while stack:
        item = stack.pop()
        kept: list[Item] = []
        for child in item.children:
            before = kept[-1] if kept else None
            closed = child.unit is None and not child.opened
            if (
                closed
                and before is not None
                and before.unit is None
                and not before.opened
                and _name(before) == _name(child)
                and before.last.shape == child.shape
                and _follows(before, child)
            ):
                before.more.append(child)
                before.times += child.times
                before.last = child.last
            else:
                kept.append(child)
        item.children = kept
        stack.extend(child for child in kept if child.opened)


def _shown(item: Item) -> int:
    if item.unit is not None or not item.opened:
        return 1
    return sum(_shown(child) for child in item.children)
