"""Two traces side by side: which steps are the same, which changed and how, which came and went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from shapescope.analysis.alignment import ALONE, align, path_cost
from shapescope.analysis.cost import Totals, step_macs, totals
from shapescope.trace import Step, Trace

SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"
OUTPUT, SETTINGS, PARAMS, MACS, ORDER = "output", "settings", "params", "macs", "order"
_WEIGHTS = {OUTPUT: 0.15, SETTINGS: 0.15, PARAMS: 0.15, MACS: 0.0}


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step before and after; one of the two is None where it was added or removed.

    `what` names the facts that differ: `output`, `settings`, `params` (shapes), `macs`, and `order`
    where it runs at another place among its neighbours.
    """

    kind: str
    before: Step | None
    after: Step | None
    what: tuple[str, ...] = ()

    @property
    def step(self) -> Step:
        """The step to name it by: the one after, else the one before."""
        step = self.after or self.before
        if step is None:
            raise ValueError("a change without a step")
        return step


@dataclass(frozen=True)
class TraceDiff:
    """All that differs between two traces."""

    before: Trace
    after: Trace
    changes: tuple[StepChange, ...]

    @cached_property
    def totals(self) -> tuple[Totals, Totals]:
        """The totals before and after."""
        return totals(self.before), totals(self.after)

    @property
    def outcomes_differ(self) -> bool:
        """Whether one of the two failed, both elsewhere, or the outputs have other shapes."""
        if (self.before.failure is None) != (self.after.failure is None):
            return True
        return self.before.outputs != self.after.outputs

    @property
    def inputs_differ(self) -> bool:
        """Whether they were run on inputs of other shapes or dtypes."""
        return [(spec.shape, spec.dtype) for spec in self.before.inputs] != [
            (spec.shape, spec.dtype) for spec in self.after.inputs
        ]

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """Modules that are the same step under another path: their weights have other names."""
        pairs = [
            (one.before.path, one.after.path)
            for one in self.changes
            if one.before and one.after and one.before.kind == one.after.kind == "module"
        ]
        return tuple(dict.fromkeys((old, new) for old, new in pairs if old != new))

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.outcomes_differ and all(one.kind == SAME for one in self.changes)


def diff_traces(before: Trace, after: Trace) -> TraceDiff:
    """Pair the steps of two traces so that the least is left to tell, and compare each pair.

    Module path, op, settings, parameters and shapes count, so that a layer put into the middle of
    a Sequential is one that came, rather than a change of all behind it. Composites are left out:
    what changed in them changed in a step inside.
    """
    old, new = before.leaves, after.leaves
    changes = [
        _change(None if i is None else old[i], None if j is None else new[j])
        for i, j in align(old, new, _cost)
    ]
    return TraceDiff(before, after, tuple(_with_moves(changes)))


def _change(before: Step | None, after: Step | None) -> StepChange:
    if before is not None and after is not None:
        return _compared(before, after)
    return StepChange(ADDED if before is None else REMOVED, before, after)


def _cost(before: Step, after: Step) -> float:
    """How far two steps are from being the same one."""
    path = path_cost(before.path, after.path)
    if before.op != after.op:
        # Another layer under one name is a change of it; other calls have nothing in common.
        same_module = not path and before.kind == after.kind == "module"
        return 1.2 * ALONE if same_module else float("inf")
    what = _compared(before, after).what
    return path + sum(_WEIGHTS[one] for one in what)


def _with_moves(changes: Sequence[StepChange]) -> Iterator[StepChange]:
    """What went in one place and came in another is one step that moved.

    The same module by its path, else the same op that gives the same shapes from as many
    parameters; of several the first.
    """
    gone = [one.before for one in changes if one.kind == REMOVED and one.before]
    moved: dict[int, Step] = {}
    for alike in (_same_place, _same_work):
        for one in changes:
            if one.kind != ADDED or one.after is None or one.after.index in moved:
                continue
            found = next((step for step in gone if alike(step, one.after)), None)
            if found is not None:
                gone.remove(found)
                moved[one.after.index] = found
    left = {step.index for step in gone}
    for one in changes:
        if one.kind == ADDED and one.after is not None and one.after.index in moved:
            pair = _compared(moved[one.after.index], one.after)
            yield StepChange(CHANGED, pair.before, pair.after, (*pair.what, ORDER))
        elif one.kind != REMOVED or one.before is None or one.before.index in left:
            yield one


def _same_place(before: Step, after: Step) -> bool:
    both_modules = before.kind == after.kind == "module"
    return both_modules and (before.path, before.op) == (after.path, after.op)


def _same_work(before: Step, after: Step) -> bool:
    return before.op == after.op and not set(_compared(before, after).what) & {OUTPUT, PARAMS}


def _compared(before: Step, after: Step) -> StepChange:
    what = []
    if [spec.shape for spec in before.outputs] != [spec.shape for spec in after.outputs]:
        what.append(OUTPUT)
    if before.op != after.op or before.attrs != after.attrs:
        what.append(SETTINGS)
    if _shapes_of_params(before) != _shapes_of_params(after):
        what.append(PARAMS)
    if step_macs(before) != step_macs(after):
        what.append(MACS)
    return StepChange(CHANGED if what else SAME, before, after, tuple(what))


def _shapes_of_params(step: Step) -> list[tuple[str, tuple[int, ...]]]:
    return [(param.name.rpartition(".")[2], param.shape) for param in step.params]
