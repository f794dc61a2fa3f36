"""Which edges of a graph are drawn inside which frame, and through which ports they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shapescope.render.drawing.folding import Item
from shapescope.render.drawing.tree import Tree

MOST_PORTS = 3

Key = int
"""What a port carries: a unit by number, or -1 - i for input i of the model."""


@dataclass(slots=True)
class Level:
    """The inside of one frame: what is there, and the edges between it."""

    item: Item
    edges: dict[tuple[object, object], Key] = field(default_factory=dict)
    enters: dict[Key, None] = field(default_factory=dict)
    leaves: dict[Key, None] = field(default_factory=dict)


def levels_of(tree: Tree) -> dict[object, Level]:
    """The inside of every frame that is drawn, by the name of its item."""
    return _Wiring(tree).levels


def name_of(item: Item) -> object:
    """What an item is called in a level and its edges."""
    return id(item)


def name_of_input(key: Key) -> object:
    """What an input of the model is called among the items of the outermost level."""
    return ("input", key)


class _Wiring:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.levels: dict[object, Level] = {}
        self.chains: dict[int, list[object]] = {}
        self._walk()
        self._wire()

    def _walk(self) -> None:
        """For each unit that is drawn, the names of the items around it that are seen."""
        root = self.tree.root
        stack: list[tuple[Item, list[object]]] = [(root, [name_of(root)])]
        while stack:
            item, chain = stack.pop()
            if item.unit is None and item.opened:
                self.levels[name_of(item)] = Level(item)
                stack.extend((child, [*chain, name_of(child)]) for child in item.children)
                continue
            for unit in item.units():
                self.chains[unit.number] = chain

    def _wire(self) -> None:
        root = name_of(self.tree.root)
        for key, target in self.tree.inputs:
            if target in self.chains:
                self._connect(key, [root, name_of_input(key)], self.chains[target])
        for source, target in self.tree.edges:
            if source in self.chains and target in self.chains:
                self._connect(source, self.chains[source], self.chains[target])

    def _connect(self, key: Key, one: Sequence[object], other: Sequence[object]) -> None:
        shared = 0
        while shared < min(len(one), len(other)) and one[shared] == other[shared]:
            shared += 1
        if shared == min(len(one), len(other)):
            return  # within one closed item
        level = self.levels[one[shared - 1]]
        level.edges.setdefault((one[shared], other[shared]), key)
        for name, below in pairwise(one[shared:]):
            inner = self.levels[name]
            port = _port(inner.leaves, key)
            inner.edges.setdefault((below, ("leaves", port)), key)
        for name, below in pairwise(other[shared:]):
            inner = self.levels[name]
            port = _port(inner.enters, key)
            inner.edges.setdefault((("enters", port), below), key)


def _port(ports: dict[Key, None], key: Key) -> Key:
    """The port for a key: its own, or the last one where there are many."""
    if key in ports or len(ports) < MOST_PORTS:
        ports[key] = None
        return key
    return list(ports)[-1]
