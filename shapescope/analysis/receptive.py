"""The receptive field of each step: how much of the input one of its outputs sees.

Every axis of every tensor is followed back to the axis of a model input that it comes from, with
the field of its positions (size, jump, start) as `shapescope.arithmetic.receptive_field` carries
it. Branches that meet see what either sees. Where an axis ends (a global pool, a linear map over
it) what it saw is remembered as the tensor's reach: a squeeze-and-excitation branch that is
multiplied onto a map makes each of its positions see the whole input.

The spatial axes are those along which some window of the model slides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from shapescope.analysis.step_check import verdicts
from shapescope.arithmetic.receptive_field import (
    Exact,
    Field,
    receptive_field_step,
    receptive_field_step_resized,
    receptive_field_step_transposed,
)
from shapescope.collection import collection_waits
from shapescope.ops import lookup
from shapescope.ops.flow import RESIZED, TRANSPOSED, Flow, Flows, Link
from shapescope.trace import Shape, Step, TensorSpec, Trace


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """How much of the input one output sees, along each spatial axis, in elements of the input.

    Output `i` sees `size` elements from `start + i*jump` on; some of them may lie outside, in
    padding. Where every output sees the whole input, the size is as large as that takes.
    """

    size: tuple[Exact, ...]
    jump: tuple[Exact, ...]
    start: tuple[Exact, ...]


class Origin(NamedTuple):
    """An axis of a model input, and its size."""

    input: int
    axis: int
    size: int


class AxisState(NamedTuple):
    """What the positions along one axis of a tensor see of an axis of the input."""

    origin: Origin
    size: Exact
    jump: Exact
    start: Exact

    def interval(self, n: int) -> tuple[Exact, Exact]:
        """First element and end of all that `n` positions see together, without the padding."""
        end = self.start + self.jump * max(n - 1, 0) + self.size
        return max(self.start, 0), min(end, self.origin.size)

    def everywhere(self, n: int) -> AxisState:
        """What a position sees that sees all that `n` positions see."""
        first, end = self.interval(n)
        return AxisState(self.origin, end - first, 0, first)


@dataclass(slots=True)
class TensorState:
    """What a tensor sees: along its axes, and (`reach`) everywhere at once, by origin."""

    axes: tuple[AxisState | None, ...]
    reach: dict[Origin, tuple[Exact, Exact]] = field(default_factory=dict)


@collection_waits()
def receptive_fields(trace: Trace) -> tuple[ReceptiveField | None, ...]:
    """The field of each step's first output, by index.

    None for modules that were opened, where no axis along which a window slides is left, and in a
    trace whose sizes are symbols.
    """
    found: list[ReceptiveField | None] = [None] * len(trace.steps)
    windowed = any(lookup(op).windowed for op in {step.op for step in trace.steps})
    if not windowed or trace.mode == "symbolic":
        return tuple(found)
    walk = _Walk(trace)
    for step, verdict in zip(trace.steps, verdicts(trace.steps), strict=True):
        if step.op != "module" and step.outputs:
            walk.visit(step, verdict.flows)
    reported: dict[int, ReceptiveField | None] = {}
    for index, state in walk.states.items():
        if id(state) not in reported:
            reported[id(state)] = _report(state, walk.spatial)
        found[index] = reported[id(state)]
    return tuple(found)


class _Walk:
    """One way through the graph, in order of execution."""

    def __init__(self, trace: Trace) -> None:
        self.states: dict[int, TensorState] = {}
        self.spatial: set[Origin] = set()
        self._inputs: dict[tuple[str | None, tuple[int | str, ...]], TensorState] = {}
        for number, spec in enumerate(trace.inputs):
            origins = [Origin(number, at, int(n)) for at, n in enumerate(spec.shape)]
            # axis 0 is the batch: samples do not see each other here
            axes = (AxisState(origin, 1, 1, 0) for origin in origins[1:])
            self._inputs[spec.name, spec.shape] = TensorState((None, *axes))

    def visit(self, step: Step, flows: Flows | None) -> None:
        """Work out what the step's output sees, from where its axes come from."""
        given = [self._state(spec, source) for spec, source in step.input_sources()]
        if not any(given):
            return
        row = lookup(step.op)
        if row.pointwise and row.flow_rule is None and len(given) == 1 and given[0] is not None:
            self.states[step.index] = given[0]
            return
        made = step.outputs[0].shape
        if flows is None or not {0, len(made)}.issuperset(map(len, flows)):
            flows = ()
        if len(given) == 1 and given[0] is not None:
            state = _through_only(flows[0] if flows else (), given[0], step.inputs[0].shape, made)
        else:
            state = _through(step, flows, given, made)
        if row.windowed and step.op[-2:-1].isdigit():
            self._note_spatial(int(step.op[-2]), flows, given)
        self.states[step.index] = state

    def _state(self, spec: TensorSpec, source: int | None) -> TensorState | None:
        if source is None:
            return self._inputs.get((spec.name, spec.shape)) if self._inputs else None
        state = self.states.get(source)
        if state is not None and len(state.axes) != len(spec.shape):
            # another output of that step, whose axes are not those of the first
            return TensorState((None,) * len(spec.shape), state.reach)
        return state

    def _note_spatial(self, spatial: int, flows: Flows, given: list[TensorState | None]) -> None:
        for flow, state in zip(flows, given, strict=False):
            if state is None:
                continue
            for link in flow[len(flow) - spatial :]:
                if link is not None and (axis := state.axes[link.axis]) is not None:
                    self.spatial.add(axis.origin)


def _through_only(flow: Flow, given: TensorState, sizes: Shape, made: Shape) -> TensorState:
    """What the output of a step with one input sees: the same as `_through`, with no branches."""
    reach = dict(given.reach)
    kept = {link.axis for link in flow if link is not None}
    for number, axis in enumerate(given.axes):
        if axis is not None and number not in kept:
            _widen(reach, axis.origin, axis.interval(int(sizes[number])))
    axes: list[AxisState | None] = [None] * len(made)
    for at, link in enumerate(flow):
        axis = None if link is None else given.axes[link.axis]
        if link is None or axis is None:
            continue
        axis = _follow(axis, link, int(sizes[link.axis]), int(made[at]))
        seen = reach.get(axis.origin)
        if seen is not None:
            axis = _merge([axis, _everywhere(axis.origin, seen)], int(made[at]))
        axes[at] = axis
    return TensorState(tuple(axes), reach)


def _everywhere(origin: Origin, seen: tuple[Exact, Exact]) -> AxisState:
    """An axis every position of which sees the same interval."""
    return AxisState(origin, seen[1] - seen[0], 0, seen[0])


def _through(step: Step, flows: Flows, given: list[TensorState | None], made: Shape) -> TensorState:
    """What the output of a step sees, from what its inputs see."""
    reach: dict[Origin, tuple[Exact, Exact]] = {}
    branches: list[list[AxisState]] = [[] for _ in made]
    for position, state in enumerate(given):
        if state is None:
            continue
        sizes = step.inputs[position].shape
        flow: Flow = flows[position] if position < len(flows) else ()
        kept = set()
        for at, link in enumerate(flow):
            if link is not None and (axis := state.axes[link.axis]) is not None:
                kept.add(link.axis)
                n, out = sizes[link.axis], made[at]
                branches[at].append(_follow(axis, link, int(n), int(out)))
        for number, axis in enumerate(state.axes):
            if axis is not None and number not in kept:
                _widen(reach, axis.origin, axis.interval(int(sizes[number])))
        for origin, interval in state.reach.items():
            _widen(reach, origin, interval)
    for states in branches if reach else ():
        if states and (seen := reach.get(states[0].origin)) is not None:
            states.append(_everywhere(states[0].origin, seen))
    axes = [
        None if not states else states[0] if len(states) == 1 else _merge(states, int(made[at]))
        for at, states in enumerate(branches)
    ]
    return TensorState(tuple(axes), reach)


def _follow(axis: AxisState, link: Link, n: int, out: int) -> AxisState:
    """What an axis sees behind a window."""
    origin, size, jump, start = axis
    if link.kernel_size == 1 and link.stride == 1 and link.padding == 0:
        return axis
    if link.stride == 0:
        return axis.everywhere(link.kernel_size)
    field: Field
    if link.kind == TRANSPOSED:
        field = receptive_field_step_transposed(
            size, jump, start, link.kernel_size, int(link.stride), link.padding, link.dilation
        )
    elif link.kind == RESIZED:
        field = receptive_field_step_resized(size, jump, start, n, max(out, 1), link.kernel_size)
    else:
        field = _windowed(
            size, jump, start, link.kernel_size, link.stride, link.padding, link.dilation
        )
    return AxisState(origin, *field)


_windowed = lru_cache(maxsize=4096)(receptive_field_step)
"""The axes of a map mostly see alike."""


def _merge(states: list[AxisState], n: int) -> AxisState:
    """The narrowest field that covers those of all branches at each of `n` positions.

    Of branches that come from different inputs the first one counts.
    """
    first = states[0]
    if all(state == first for state in states):
        return first
    states = [state for state in states if state.origin == first.origin]
    jump = max(state.jump for state in states)
    last = max(n - 1, 0)
    start = min(min(s.start, s.start + last * (s.jump - jump)) for s in states)
    end = max(s.size + max(s.start, s.start + last * (s.jump - jump)) for s in states)
    return AxisState(first.origin, _whole(end - start), jump, _whole(start))


def _widen(
    reach: dict[Origin, tuple[Exact, Exact]], origin: Origin, interval: tuple[Exact, Exact]
) -> None:
    known = reach.get(origin)
    if known is not None:
        interval = min(known[0], interval[0]), max(known[1], interval[1])
    reach[origin] = interval


def _whole(value: Exact) -> Exact:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _report(state: TensorState, spatial: set[Origin]) -> ReceptiveField | None:
    """The fields along the spatial axes that are left, in the order of the tensor's axes."""
    kept = [axis for axis in state.axes if axis is not None and axis.origin in spatial]
    if not kept:
        return None
    _, sizes, jumps, starts = zip(*kept, strict=True)
    return ReceptiveField(sizes, jumps, starts)
