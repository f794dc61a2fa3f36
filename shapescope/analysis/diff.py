"""Two traces side by side: which steps are the same, which changed and how, which came and went."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from shapescope.analysis.cost import Totals, step_macs, totals
from shapescope.trace import Step, Trace

SAME, CHANGED, ADDED, REMOVED = "same", "changed", "added", "removed"
OUTPUT, SETTINGS, PARAMS, MACS, ORDER = "output", "settings", "params", "macs", "order"


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
    """Align the steps of two traces by module path and op, then by op, and compare each pair.

    Composites are left out: what changed in them changed in a step inside.
    """
    old, new = before.leaves, after.leaves
    matcher = SequenceMatcher(None, _keys(old), _keys(new), autojunk=False)
    changes: list[StepChange] = []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            changes += map(_compared, old[i:i_end], new[j:j_end])
        else:
            changes += _replaced(old[i:i_end], new[j:j_end])
    return TraceDiff(before, after, tuple(_with_moves(changes)))


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


def _keys(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.path, step.op) for step in steps]


def _replaced(old: Sequence[Step], new: Sequence[Step]) -> Iterator[StepChange]:
    """Steps of other names that do the same in the same order are pairs, the rest came or went."""
    ops = SequenceMatcher(
        None, [step.op for step in old], [step.op for step in new], autojunk=False
    )
    for tag, i, i_end, j, j_end in ops.get_opcodes():
        if tag == "equal":
            yield from map(_compared, old[i:i_end], new[j:j_end])
        else:
            yield from _other_layers(old[i:i_end], new[j:j_end])


def _other_layers(old: Sequence[Step], new: Sequence[Step]) -> Iterator[StepChange]:
    """Modules under one path whose layer is another now, call by call; the rest came or went."""
    calls: dict[str, deque[Step]] = defaultdict(deque)
    for step in new:
        if step.kind == "module":
            calls[step.path].append(step)
    for step in old:
        if step.kind == "module" and calls[step.path]:
            yield _compared(step, calls[step.path].popleft())
        else:
            yield StepChange(REMOVED, step, None)
    left = {step.index for steps in calls.values() for step in steps}
    for step in new:
        if step.kind != "module" or step.index in left:
            yield StepChange(ADDED, None, step)


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
