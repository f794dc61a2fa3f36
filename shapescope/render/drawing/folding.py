"""The items of a graph figure, and how those that repeat are folded to one with a count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from shapescope.render.drawing.units import Unit
from shapescope.render.drawing.wording import size_text
from shapescope.render.shapes import plural, printable
from shapescope.trace import Shape, Step


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
        sealed: it is no module but a run of small steps, drawn as one box and never opened.
    """

    unit: Unit | None
    step: Step | None
    children: list[Item] = field(default_factory=list)
    times: int = 1
    opened: bool = False
    more: list[Item] = field(default_factory=list)
    sealed: bool = False
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
    def size(self) -> str:
        """The size of what leaves the last of the run, in the words of a figure."""
        rank = 0
        for unit in self.last.units():
            rank = unit.rank
        return size_text(self.last.shape, rank)

    @property
    def main(self) -> Step | None:
        """The step it stands for; the first of a run of steps or of rounds."""
        if self.unit is None:
            return self.step or next((unit.main for unit in self.units()), None)
        return self.unit.main

    @property
    def name(self) -> str:
        """What a figure calls a module: its class; a run of steps and rounds of a loop by words."""
        if self.step is not None:
            return printable(self.step.class_name)
        if self.sealed:
            return plural(sum(len(unit.steps) for unit in self.units()), "step")
        return "repeated" if self.times > 1 else ""


def class_of(item: Item) -> str:
    """The class of a module; empty for a unit."""
    return item.step.class_name if item.step is not None else ""


def fold(item: Item, alias: list[int]) -> object:
    """Fold runs of children that are alike; gives the item's signature.

    `alias` tells for each unit which one is drawn for it.
    """
    if item.unit is not None:
        return item.unit.parts
    signatures = [fold(child, alias) for child in item.children]
    kept: list[Item] = []
    kept_signatures: list[object] = []
    for child, signature in zip(item.children, signatures, strict=True):
        if kept and signature == kept_signatures[-1] and _follows(kept[-1], child):
            _join(kept[-1], child, alias)
        else:
            kept.append(child)
            kept_signatures.append(signature)
    item.children = kept
    return (
        class_of(item),
        tuple(zip(kept_signatures, (child.times for child in kept), strict=True)),
    )


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


def fold_closed(root: Item) -> None:
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
                and not (before.sealed or child.sealed)
                and class_of(before) == class_of(child)
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
