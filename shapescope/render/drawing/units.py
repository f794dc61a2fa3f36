"""The graph that a figure shows: steps joined to units, a norm and a relu with their convolution.

A unit stands for one step that matters and the light ones around it. What makes no picture
(constants, and what is computed from constants alone) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shapescope.render.drawing.ranks import input_rank, rank_after, wanted_rank
from shapescope.render.drawing.wording import is_light, kind_of, size_text, unit_parts, words
from shapescope.trace import Shape, Step, Trace

SMALL = 4
"""A module of so many steps is no boundary: its norm may join the convolution outside."""

_WEIGHT = {
    "conv": 9,
    "dense": 9,
    "attention": 9,
    "recurrent": 9,
    "merge": 8,
    "pool": 7,
    "resize": 7,
    "other": 4,
    "reshape": 3,
    "norm": 2,
    "activation": 1,
}


@dataclass(slots=True)
class Unit:
    """Steps drawn as one.

    Attributes:
        number: its place among the units.
        steps: in order of execution.
        sources: units by number; -1 - i is input i of the model.
        rank: how many of the last axes of its output are spatial; 0 where it is no map.
    """

    number: int
    steps: list[Step]
    sources: list[int] = field(default_factory=list)
    rank: int = 0

    @property
    def main(self) -> Step:
        """The step that gives the unit its name and colour."""
        return max(self.steps, key=lambda step: _WEIGHT.get(kind_of(step), 0))

    @property
    def kind(self) -> str:
        """The kind of the main step."""
        return kind_of(self.main)

    @property
    def parts(self) -> tuple[str, ...]:
        """What it does, in order: a norm, a relu, a convolution."""
        return unit_parts(self.steps)

    @property
    def head(self) -> str:
        """The one of `parts` that matters most."""
        return words(self.main)

    @property
    def words(self) -> str:
        """What it does, in one line."""
        return ", ".join(self.parts)

    @property
    def size(self) -> str:
        """The size of its first output, in the words of a figure."""
        return size_text(self.shape, self.rank)

    @property
    def shape(self) -> Shape:
        """The shape of its first output; of its input where it failed."""
        last = self.steps[-1]
        specs = last.outputs or last.inputs
        return specs[0].shape if specs else ()


@dataclass(frozen=True, slots=True)
class UnitGraph:
    """All units in order of execution; `of_step` tells each step's unit."""

    trace: Trace
    units: tuple[Unit, ...]
    of_step: dict[int, int]
    input_rank: int = 0


def unit_graph(trace: Trace) -> UnitGraph:
    """The units of a trace, each at least one step."""
    joiner = _Joiner(trace)
    return joiner.graph()


class _Joiner:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.inputs = {spec.name: place for place, spec in enumerate(trace.inputs)}
        self.leaves = [step for step in trace.steps if not step.is_composite]
        self.inside = self._counts()
        self.visible = self._visible()
        self.consumers: dict[int, set[int]] = {}
        for step in self.leaves:
            for source in set(step.sources):
                self.consumers.setdefault(source, set()).add(step.index)

    def _counts(self) -> list[int]:
        """For each step, how many leaves are inside it."""
        counts = [0] * len(self.trace.steps)
        for step in reversed(self.trace.steps):
            if not step.is_composite:
                counts[step.index] = 1
            if step.parent is not None:
                counts[step.parent] += counts[step.index]
        return counts

    def _visible(self) -> set[int]:
        """Leaves that an input of the model reaches; all of them where none does."""
        reached: set[int] = set()
        for step in self.leaves:
            fed = any(spec.name in self.inputs for spec in step.inputs if spec.name is not None)
            if fed or any(source in reached for source in step.sources):
                reached.add(step.index)
        return reached or {step.index for step in self.leaves}

    def graph(self) -> UnitGraph:
        group: dict[int, list[Step]] = {}
        for step in self.leaves:
            if step.index not in self.visible:
                continue
            before = self._producer(step)
            if before is not None and self._joins(group, before, step):
                group[before].append(step)
                group[step.index] = group[before]
            else:
                group[step.index] = [step]
        return self._numbered(self._forward(group))

    def _producer(self, step: Step) -> int | None:
        seen = {source for source in step.sources if source in self.visible}
        fed = any(spec.name in self.inputs for spec in step.inputs if spec.name is not None)
        return seen.pop() if len(seen) == 1 and not fed else None

    def _joins(self, group: dict[int, list[Step]], before: int, step: Step) -> bool:
        """Whether the step goes on in the unit of the step before it."""
        members = group[before]
        alone = members[-1].index == before and len(self.consumers.get(before, ())) == 1
        if not alone or not self._near(members[0], step):
            return False
        if is_light(step):
            return True
        return kind_of(step) == "reshape" and all(kind_of(one) == "reshape" for one in members)

    def _near(self, one: Step, other: Step) -> bool:
        """Whether no module of any size lies around one of the two and not the other."""
        above = set(self._parents(one))
        between = [parent for parent in self._parents(other) if parent not in above]
        common = {*self._parents(other)}
        between += [parent for parent in above if parent not in common]
        return all(self.inside[parent] <= SMALL for parent in between)

    def _parents(self, step: Step) -> Iterable[int]:
        parent = step.parent
        while parent is not None:
            yield parent
            parent = self.trace.steps[parent].parent

    def _forward(self, group: dict[int, list[Step]]) -> dict[int, list[Step]]:
        """Units of light steps alone join the one that follows: norm, relu, then convolution."""
        for step in self.leaves:
            members = group.get(step.index)
            if members is None or members[0] is not step:
                continue
            before = self._producer(step)
            if before is None:
                continue
            earlier = group[before]
            joins = (
                earlier is not members
                and earlier[-1].index == before
                and len(self.consumers.get(before, ())) == 1
                and all(is_light(one) for one in earlier)
                and kind_of(step) in ("conv", "dense", "attention", "pool", "resize", "recurrent")
                and self._near(earlier[0], step)
            )
            if joins:
                earlier.extend(members)
                for one in members:
                    group[one.index] = earlier
        return group

    def _numbered(self, group: dict[int, list[Step]]) -> UnitGraph:
        units: list[Unit] = []
        of_step: dict[int, int] = {}
        for index in sorted(group):
            members = group[index]
            if members[0].index == index:
                of_step.update({step.index: len(units) for step in members})
                units.append(Unit(len(units), members))
        for unit in units:
            found: dict[int, None] = {}
            for step in unit.steps:
                for spec in step.inputs:
                    if spec.name is not None and spec.name in self.inputs:
                        found[-1 - self.inputs[spec.name]] = None
                for source in step.sources:
                    number = of_step.get(source, unit.number)
                    if number != unit.number:
                        found[number] = None
            unit.sources = list(found)
        shape = self.trace.inputs[0].shape if self.trace.inputs else ()
        first = input_rank(shape, [step for unit in units for step in unit.steps])
        for unit in units:
            ranks = [first if one < 0 else units[one].rank for one in unit.sources[:1]]
            unit.rank = rank_after(unit.steps, ranks[0] if ranks else 0)
            for before in (units[one] for one in unit.sources[:1] if one >= 0):
                if not before.rank and before.kind == "reshape":
                    before.rank = wanted_rank(unit.steps, before.shape)
        return UnitGraph(self.trace, tuple(units), of_step, first)
