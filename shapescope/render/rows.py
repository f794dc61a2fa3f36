"""Which rows the table of a trace has: what is folded away, collapsed or repeated.

A row stands for a module that was opened (a heading), for a step, or for an input. Steps that
keep their input as it is in shape and have no parameters (relu, dropout) join the row of the
step that made their input, as readers think of them: `conv2d 5x5 + relu`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from shapescope.ops.registry import lookup
from shapescope.render.loops import rounds_from
from shapescope.result import TraceResult
from shapescope.trace import Step, TensorSpec, Trace

_REAL = ("float", "bfloat", "complex")
MANY_ROWS = 200
"""Above so many rows, blocks that repeat are shown once, and single whole numbers not at all."""


@dataclass(slots=True)
class Row:
    """One row. `steps` are those it stands for, the one it shows first.

    Above the first round of a loop stands a heading of its own, `round_of` so many steps.
    """

    label: str
    depth: int
    steps: list[Step] = field(default_factory=list)
    spec: TensorSpec | None = None
    heading: bool = False
    times: int = 1
    last_label: str = ""
    round_of: int = 0

    @property
    def step(self) -> Step | None:
        """The step shown, None on the row of an input."""
        return self.steps[0] if self.steps else None

    @property
    def folded(self) -> tuple[Step, ...]:
        """The steps that were folded into this row."""
        return () if self.heading else tuple(self.steps[1:])


_Run: TypeAlias = tuple[list[Step], int, Step]
"""A step or the steps of a round, how often they stand there in a row, and the last of all."""


@dataclass(frozen=True, slots=True)
class RowOptions:
    """What to show: every step (`all_steps`), no deeper than `depth`, repeated blocks once."""

    all_steps: bool = False
    depth: int | None = None
    fold: bool | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows, and what is not among them."""

    rows: tuple[Row, ...]
    folded: tuple[Step, ...]
    hidden: tuple[Step, ...]

    @property
    def repeated(self) -> int:
        """How many blocks are not shown because they are like the one above them."""
        return sum(row.times - 1 for row in self.rows if not row.round_of)

    @property
    def rounds(self) -> int:
        """How many rounds of loops are not shown because they are like the first."""
        return sum(row.times - 1 for row in self.rows if row.round_of)


def make_rows(result: TraceResult, options: RowOptions | None = None) -> Rows:
    """The rows of the table, in order of execution."""
    options = options or RowOptions()
    trace = result.trace
    walk = _Walk(trace, options, fold=bool(options.fold))
    rows = walk.rows()
    if options.fold is None and len(rows.rows) > MANY_ROWS:
        shorter = _Walk(trace, options, fold=True).rows()
        return shorter if len(shorter.rows) < len(rows.rows) else rows
    return rows


class _Walk:
    """One pass over the tree of steps."""

    def __init__(self, trace: Trace, options: RowOptions, *, fold: bool) -> None:
        self.trace = trace
        self.options = options
        self.fold = fold
        self.folds_steps = not options.all_steps
        self.children: dict[int | None, list[Step]] = {}
        for step in trace.steps:
            self.children.setdefault(step.parent, []).append(step)
        self.signatures = _signatures(trace, self.children) if fold else []
        self.looks = list(map(_look, trace.steps, self.signatures))
        self.failed = None if trace.failure is None else trace.failure.step
        self.shown: list[Row] = []
        self.folded: list[Step] = []
        self.hidden: list[Step] = []

    def rows(self) -> Rows:
        for number, spec in enumerate(self.trace.inputs):
            self.shown.append(Row(spec.name or f"input {number}", 0, spec=spec))
        for step in self.children.get(None, []):
            if step.is_composite and not step.path:  # the model itself needs no heading
                self._level(self.children.get(step.index, []), step, 0)
            else:
                self._level([step], None, 0)
        return Rows(tuple(self.shown), tuple(self.folded), tuple(self.hidden))

    def _level(self, steps: list[Step], parent: Step | None, depth: int) -> None:
        # A stack of its own: modules may be nested deeper than Python may call.
        stack: list[tuple[Iterator[_Run], Step | None, int]] = []
        stack.append((self._runs(steps), parent, depth))
        while stack:
            runs, parent, depth = stack[-1]
            found = next(runs, None)
            if found is None:
                stack.pop()
                continue
            steps, times, last = found
            if len(steps) > 1:
                self.shown.append(Row("", depth, heading=True, times=times, round_of=len(steps)))
                stack.append((iter([([one], 1, one) for one in steps]), parent, depth + 1))
                continue
            (step,) = steps
            collapsed = self.options.depth is not None and depth + 1 >= self.options.depth
            if not step.is_composite:
                self._leaf(step, parent, depth, times, last)
                continue
            row = Row(_label(step, parent), depth, [step], heading=not collapsed, times=times)
            row.last_label = _label(last, parent) if times > 1 else ""
            self.shown.append(row)
            if not collapsed:
                inside = self.children.get(step.index, [])
                stack.append((self._runs(inside), step, depth + 1))

    def _runs(self, steps: list[Step]) -> Iterator[_Run]:
        """Steps of one level, each with how often it stands there in a row, or rounds of a loop."""
        if not self.fold:
            yield from (([step], 1, step) for step in steps)
            return
        looks = [self.looks[step.index] for step in steps]
        start = 0
        while start < len(steps):
            end = start + 1
            while end < len(steps) and self._alike(steps[start], steps[end]):
                end += 1
            length, times = rounds_from(looks, start) if end == start + 1 else (1, 1)
            if times > 1:
                yield steps[start : start + length], times, steps[start + length * times - 1]
                start += length * times
                continue
            yield [steps[start]], end - start, steps[end - 1]
            start = end

    def _alike(self, one: Step, other: Step) -> bool:
        return self.signatures[one.index] == self.signatures[other.index]

    def _leaf(self, step: Step, parent: Step | None, depth: int, times: int, last: Step) -> None:
        if self.folds_steps and step.index != self.failed:
            if is_factory(step) or (self.fold and is_bookkeeping(step)):
                self.hidden.append(step)
                return
            above = self.shown[-1]
            joins = times == 1 and is_quiet(step) and above.steps and not above.heading
            if joins and step.sources[0] == above.steps[-1].index:
                above.steps.append(step)
                self.folded.append(step)
                return
        row = Row(_label(step, parent), depth, [step], times=times)
        row.last_label = _label(last, parent) if times > 1 else ""
        self.shown.append(row)


def is_factory(step: Step) -> bool:
    """Whether the step made a tensor out of nothing (zeros, arange)."""
    return step.kind == "function" and not step.inputs and lookup(step.op).factory


def is_bookkeeping(step: Step) -> bool:
    """Whether a function step only makes single whole numbers or truth values: sizes, flags."""
    return (
        step.kind == "function"
        and bool(step.outputs)
        and all(not spec.shape and not spec.dtype.startswith(_REAL) for spec in step.outputs)
    )


def is_quiet(step: Step) -> bool:
    """Whether the step keeps the shape of its one input and has no parameters: relu, dropout."""
    return (
        len(step.sources) == 1
        and len(step.inputs) == 1
        and len(step.outputs) == 1
        and not step.params
        and step.inputs[0].shape == step.outputs[0].shape
        and lookup(step.op).pointwise
    )


def _look(step: Step, signature: int) -> object:
    """What makes a step the same to a reader in every round of a loop: not the place it picks."""
    if step.kind != "function" or step.params:
        return signature
    by_mask = step.op == "getitem" and any(spec.dtype == "bool" for spec in step.inputs[1:])
    return step.op, None if by_mask else tuple((one.shape, one.dtype) for one in step.outputs)


def _label(step: Step, parent: Step | None) -> str:
    """The path below the parent's; a function call has none of its own."""
    if step.kind == "function":
        return ""
    above = parent.path if parent is not None else ""
    if above and step.path.startswith(above + "."):
        return step.path[len(above) + 1 :]
    return step.path


def _signatures(trace: Trace, children: dict[int | None, list[Step]]) -> list[int]:
    """A number per step, the same for steps that look the same with all that is inside them."""
    numbers: dict[object, int] = {}
    signatures = [0] * len(trace.steps)
    for step in reversed(trace.steps):  # a module stands before what is inside it
        key = (
            step.op,
            step.kind,
            step.attrs,
            tuple((spec.shape, spec.dtype) for spec in step.inputs),
            tuple((spec.shape, spec.dtype) for spec in step.outputs),
            tuple((param.shape, param.dtype, param.trainable) for param in step.params),
            tuple(signatures[child.index] for child in children.get(step.index, ())),
        )
        signatures[step.index] = numbers.setdefault(key, len(numbers) + 1)
    return signatures
