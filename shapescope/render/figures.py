"""What the cells of the trace table need besides their row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from shapescope.render.rows import Row
from shapescope.render.theme import Glyphs
from shapescope.result import TraceResult
from shapescope.trace import Step


@dataclass(frozen=True)
class Figures:
    """What the cells need besides the row."""

    result: TraceResult
    glyphs: Glyphs

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """For each step, the index behind the last step inside it."""
        steps = self.result.trace.steps
        ends = [step.index + 1 for step in steps]
        for step in reversed(steps):
            if step.parent is not None:
                ends[step.parent] = max(ends[step.parent], ends[step.index])
        return tuple(ends)

    def inside(self, row: Row) -> tuple[Step, ...]:
        """The steps whose cost the row stands for: a collapsed module's are those inside it."""
        step = row.step
        if step is None or row.heading:
            return ()
        if step.is_composite:
            return self.result.trace.steps[step.index : self.ends[step.index]]
        return tuple(row.steps)

    def params(self, row: Row) -> int | None:
        """Parameters of the row, tied ones once; None where it has none."""
        sizes = {param.key: param.numel for step in self.inside(row) for param in step.params}
        return sum(sizes.values()) if sizes else None

    def seconds(self, row: Row) -> float | None:
        """Measured time of the row; None where nothing was measured."""
        times = self.result.times
        if times is None:
            return None
        known = [times.steps[step.index] for step in self.inside(row)]
        measured = [seconds for seconds in known if seconds is not None]
        return sum(measured) if measured else None

    def is_expensive(self, cost: float | None, total: float) -> bool:
        """Whether a row takes so much of the whole that it is worth a mark: a tenth or more."""
        return bool(cost) and total > 0 and cost is not None and cost >= total / 10

    def macs(self, row: Row) -> int | None:
        """Multiply-adds of the row; None where nothing in it has any, or has a rule."""
        known = [self.result.macs[step.index] for step in self.inside(row)]
        total = sum(macs for macs in known if macs)
        return total or None
