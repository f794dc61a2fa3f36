"""A model as one row of tensors: what the feature-map figure draws from left to right.

Where the graph branches and comes together again (a residual block), everything between the two
points is one stage; where it never does, there is no such row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapescope.ops.registry import Window, lookup
from shapescope.render.drawing.units import Unit, UnitGraph, unit_graph
from shapescope.trace import Shape, Step, Trace

CONTAINERS = frozenset(("Sequential", "ModuleList", "ModuleDict"))
"""Modules that only hold others: their class says nothing of what is done."""
LONGEST_ROW = 60
"""More stages than these are no figure of feature maps."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A tensor of the row and what made it. The first one is the input: it has no steps.

    Attributes:
        kind: of `palette.KINDS`.
        parts: what made it, in order: `5 x 5 conv`, `batch norm`, `relu`.
        head: the one of `parts` that matters most.
        path: the module that made it.
        shape: of the tensor, batch first.
        rank: how many of the last axes are spatial; 0 for a vector or rows of features.
        steps: the steps, the one that gives the name first.
        times: how many such stages stand here in a row.
        failed: the model failed here; then `shape` is what arrived.
        folded: the steps of those that `times` counts and that are not shown.
    """

    kind: str
    parts: tuple[str, ...]
    head: str
    path: str
    shape: Shape
    rank: int
    steps: tuple[Step, ...] = ()
    times: int = 1
    failed: bool = False
    folded: tuple[Step, ...] = ()

    @property
    def words(self) -> str:
        """What made it, in one line."""
        return ", ".join(self.parts)

    @property
    def look(self) -> tuple[str, str]:
        """The roles of its surface and its edge."""
        return ("failure-fill", "failure") if self.failed else (self.kind, f"{self.kind}-line")

    @property
    def main(self) -> Step | None:
        """The step that gives the stage its name."""
        return self.steps[0] if self.steps else None

    @property
    def channels(self) -> int:
        """How many maps; the length of a vector."""
        place = -1 - self.rank
        return _size(self.shape[place]) if len(self.shape) >= -place else 1

    @property
    def spatial(self) -> tuple[int, ...]:
        """Sizes of the spatial axes."""
        return tuple(_size(size) for size in self.shape[len(self.shape) - self.rank :])

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window that made it, per spatial axis; none for a block."""
        if self.main is None or self.kind not in ("conv", "pool"):
            return ()
        return lookup(self.main.op).window(self.main) or ()


def _size(size: int | str) -> int:
    return size if isinstance(size, int) else 32


def stages_of(trace: Trace) -> tuple[Stage, ...] | None:
    """The row of stages, the input first; None where the model is no row."""
    if len(trace.inputs) != 1:
        return None
    graph = unit_graph(trace)
    segments = _segments(graph)
    if segments is None or not segments:
        return None
    segments = _whole_modules(graph, segments)
    first = Stage("input", (), "", trace.inputs[0].name or "input", trace.inputs[0].shape, 0)
    row = [replace(first, rank=graph.input_rank)]
    for segment in segments:
        stage = _stage(graph, segment)
        last = row[-1]
        alike = (stage.kind, stage.parts, stage.shape) == (last.kind, last.parts, last.shape)
        if alike and not stage.failed and stage.rank:
            folded = (*last.folded, *stage.steps)
            row[-1] = replace(last, times=last.times + 1, folded=folded)
        else:
            row.append(stage)
    return tuple(row) if len(row) <= LONGEST_ROW else None


def is_chain(trace: Trace) -> bool:
    """Whether every unit takes only what the one before it gave."""
    graph = unit_graph(trace)
    return len(trace.inputs) == 1 and all(unit.sources == [unit.number - 1] for unit in graph.units)


def _segments(graph: UnitGraph) -> list[list[Unit]] | None:
    """Runs of units between the points where a single tensor crosses."""
    last_use: dict[int, int] = {}
    for unit in graph.units:
        for source in unit.sources:
            last_use[source] = unit.number
        if not unit.sources:
            return None
    segments: list[list[Unit]] = []
    run: list[Unit] = []
    reach = last_use.get(-1, 0)
    for unit in graph.units:
        run.append(unit)
        reach = max(reach, last_use.get(unit.number, unit.number + 1))
        # A cut: nothing made before this unit is used behind it.
        earlier = max((last_use.get(one, 0) for one in _before(run)), default=0)
        if earlier <= unit.number:
            segments.append(run)
            run = []
    if run:
        segments.append(run)
    whole = len(graph.units)
    return None if len(segments) < 3 and whole > 6 else segments


def _whole_modules(graph: UnitGraph, segments: Sequence[list[Unit]]) -> list[list[Unit]]:
    """Segments joined that lie in one module of a class which is a single stage elsewhere.

    A residual block that has no way around still is that block; a transformer's layer is two
    residuals one after the other.
    """
    classes = set()
    for segment in segments:
        above = _around(graph.trace, segment)
        if len(segment) > 1 and above is not None:
            classes.add(above.class_name)
    joined: list[list[Unit]] = []
    last: int | None = None
    for segment in segments:
        owner = _owner(graph.trace, segment, classes)
        if owner is not None and owner == last:
            joined[-1].extend(segment)
        else:
            joined.append(list(segment))
        last = owner
    return joined


def _owner(trace: Trace, segment: Sequence[Unit], classes: set[str]) -> int | None:
    """The outermost module of one of these classes that lies around the segment."""
    above = _around(trace, segment)
    found = None
    while above is not None:
        if above.class_name in classes:
            found = above.index
        above = None if above.parent is None else trace.steps[above.parent]
    return found


def _around(trace: Trace, segment: Sequence[Unit]) -> Step | None:
    return _common_parent(trace, [step for unit in segment for step in unit.steps])


def _before(run: Sequence[Unit]) -> list[int]:
    """What may still be needed when the last unit of a run is done: all that came before it."""
    return [*run[0].sources, *(unit.number for unit in run[:-1])]


def _stage(graph: UnitGraph, segment: Sequence[Unit]) -> Stage:
    last = segment[-1]
    failure = graph.trace.failure
    failed = failure is not None and any(
        step.index == failure.step for unit in segment for step in unit.steps
    )
    rank = last.rank
    if len(segment) == 1:
        main = last.main
        others = tuple(step for step in last.steps if step is not main)
        return Stage(
            last.kind,
            last.parts,
            last.head,
            main.path,
            last.shape,
            rank,
            (main, *others),
            failed=failed,
        )
    steps = tuple(step for unit in segment for step in unit.steps)
    above = _common_parent(graph.trace, steps)
    done = [unit.head for unit in segment if unit.kind not in ("merge", "reshape")]
    head = above.class_name if above is not None else " + ".join(dict.fromkeys(done))
    path = above.path if above is not None else steps[0].path
    shown = (above, *steps) if above is not None else steps
    return Stage("block", (head,), head, path, last.shape, rank, shown, failed=failed)


def _common_parent(trace: Trace, steps: Sequence[Step]) -> Step | None:
    """The innermost module around all the steps, but for the whole model."""
    common: list[int] | None = None
    for step in steps:
        above: list[int] = []
        parent = step.parent
        while parent is not None:
            above.append(parent)
            parent = trace.steps[parent].parent
        above.reverse()
        if common is None:
            common = above
        else:
            common = [one for one, other in zip(common, above, strict=False) if one == other]
    inner = [trace.steps[place] for place in common or () if trace.steps[place].parent is not None]
    # A container says nothing: the module around it that is none gives the name.
    while len(inner) > 1 and inner[-1].class_name in CONTAINERS:
        inner.pop()
    return inner[-1] if inner else None
