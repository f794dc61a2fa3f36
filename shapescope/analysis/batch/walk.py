"""The walk of the batch axis through a trace, step by step.

For every step it is worked out from the layouts of its inputs how the batch lies in its output,
and noted where a step does something to the batch: reads across it, folds it into another axis,
takes one sample out of it. Such an event is no fault by itself; rules judge it by what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shapescope.analysis.batch.flowing import Note, by_flow
from shapescope.analysis.batch.graph import is_graph
from shapescope.analysis.batch.layout import Axis, Factor, Layout, batch, plain
from shapescope.analysis.batch.steps import SPECIAL
from shapescope.analysis.step_check import verdicts
from shapescope.attrs import CallAttrs, ConvAttrs, LinearAttrs, PoolAttrs, RecurrentAttrs
from shapescope.ops import Op, lookup
from shapescope.ops.flow import Flows
from shapescope.ops.vmapped import is_vmapped
from shapescope.trace import Step, TensorSpec, Trace


@dataclass(frozen=True, slots=True)
class Event:
    """Something a step does to the batch.

    Attributes:
        step: index of the step.
        kind: `folded` (shares an axis with something else), `swallowed` (became a part of the
            features), `scrambled` (a reshape cut it apart), `read-across` (a window, softmax,
            recurrence, attention or product runs along it), `reduced` (summed or averaged
            over), `picked` (one sample or some are taken out), `joined` (tensors are stacked
            along it), `paired` (samples meet each other), `indexed` (a table has one row for
            each sample).
        input: which input it concerns.
        axis: of that input.
    """

    step: int
    kind: str
    input: int = 0
    axis: int = 0


@dataclass(slots=True)
class BatchWalk:
    """The layouts of a trace's tensors.

    Attributes:
        size: of the batch.
        layouts: by step, of its first output; None where it cannot be told.
        events: in order.
        sinks: the steps whose outputs nobody takes: they make the model's outputs.
    """

    size: int
    layouts: dict[int, Layout | None] = field(default_factory=dict)
    others: dict[tuple[int, tuple[int, ...]], Layout] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sinks: tuple[int, ...] = ()

    def layout_of(self, step: int) -> Layout | None:
        """The layout of a step's first output."""
        return self.layouts.get(step)


def walk_batch(trace: Trace) -> BatchWalk | None:
    """Follow the batch, axis 0 of the inputs, through a trace; None where there is none."""
    for known, walk in _recent:
        if known is trace:
            return walk
    walk = _walked(trace)
    _recent.insert(0, (trace, walk))
    del _recent[2:]
    return walk


_PRODUCTS = frozenset({"matmul", "mm", "spmm"})

_recent: list[tuple[Trace, BatchWalk | None]] = []
"""The last two walks: several rules ask for the same one."""


def _walked(trace: Trace) -> BatchWalk | None:
    size = next((spec.shape[0] for spec in trace.inputs if spec.shape), None)
    if not isinstance(size, int) or trace.mode == "symbolic":
        return None
    if is_unbatched(trace) or is_graph(trace, size):
        return None
    walk = BatchWalk(size)
    walker = _Walker(trace, walk)
    used: set[int] = set()
    for step, verdict in zip(trace.steps, verdicts(trace.steps), strict=True):
        if step.op == "module":
            continue
        used.update(step.sources)
        walker.visit(step, verdict.flows)
    walk.sinks = tuple(
        step.index
        for step in trace.steps
        if step.op != "module" and step.index not in used and step.outputs
    )
    return walk


def ancestors(trace: Trace, index: int) -> set[int]:
    """The steps that a step's output comes from, itself included."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += trace.steps[current].sources
    return found


def suspicions(trace: Trace, walk: BatchWalk) -> frozenset[str]:
    """The kinds of events on the way to what the model returns that leave something open.

    What was folded or joined and has come apart again by then, in order, leaves nothing open.
    """
    above: set[int] = set()
    whole = True
    for sink in walk.sinks:
        above |= ancestors(trace, sink)
        layout = walk.layout_of(sink)
        whole = whole and layout is not None
        whole = whole and (layout is None or not layout.from_input or layout.batch_axis == 0)
    kinds = {event.kind for event in walk.events if event.step in above}
    return frozenset(kinds - {"folded", "joined"} if whole else kinds)


def is_unbatched(trace: Trace) -> bool:
    """Whether the input is a single sample: a graph, a map without batch, or one given an axis."""
    if _is_one_graph(trace):
        return True
    name = next((spec.name for spec in trace.inputs if spec.shape), None)
    for step in trace.steps:
        if step.op == "module" or not step.inputs or step.inputs[0].name != name:
            continue
        rank = len(step.inputs[0].shape)
        attrs = step.attrs
        if isinstance(attrs, ConvAttrs | PoolAttrs):
            return rank == len(attrs.kernel_size) + 1 and bool(step.outputs)
        if isinstance(attrs, LinearAttrs):
            return rank == 1 and bool(step.outputs)
        if step.op == "unsqueeze" and isinstance(attrs, CallAttrs):
            return attrs.get("dim") == 0
        if step.op == "getitem" and isinstance(attrs, CallAttrs):
            index = attrs.get("index")
            return isinstance(index, tuple) and index[:1] == (None,)
        if rank > 1 and not lookup(step.op).pointwise:
            return False
    return False


def _is_one_graph(trace: Trace) -> bool:
    """Whether axis 0 counts the nodes of a graph: an input of node x node multiplies the others.

    Or it masks what each node has for each.
    """
    size = next((spec.shape[0] for spec in trace.inputs if spec.shape), None)
    squares = {spec.name for spec in trace.inputs if spec.shape == (size, size) and spec.name}
    if not squares or len(trace.inputs) < 2:
        return False
    return any(
        _multiplies(step, squares) or _masks_pairs(trace, step, squares) for step in trace.steps
    )


def _multiplies(step: Step, squares: set[str]) -> bool:
    """Whether one of these is the first factor of a product; of one that fails, either factor."""
    factors = step.inputs[: 1 if step.outputs else 2]
    pair = step.op in _PRODUCTS and len(step.inputs) == 2
    return pair and any(spec.name in squares for spec in factors)


def _masks_pairs(trace: Trace, step: Step, squares: set[str]) -> bool:
    """Whether a condition on one of these masks the scores of each node with each."""
    place = {"masked_fill": 1, "where": 0}.get(step.op)
    if place is None or len(step.inputs) <= place:
        return False
    spec, source = step.input_sources()[place]
    while source is not None:
        maker = trace.steps[source]
        if len(maker.inputs) != 1:
            return False
        same = bool(maker.outputs) and maker.outputs[0].shape == maker.inputs[0].shape
        if not same and maker.op != "unsqueeze":
            return False
        spec, source = maker.input_sources()[0]
    return spec.name in squares


class _Walker:
    def __init__(self, trace: Trace, walk: BatchWalk) -> None:
        self.trace = trace
        self.walk = walk
        self.inputs = {spec.name: spec for spec in trace.inputs}
        self.tables = {spec.name for spec in trace.buffers} | {param.name for param in trace.params}

    def visit(self, step: Step, flows: Flows | None) -> None:
        """Work out the layout of what the step makes, from where its axes come from."""
        given = [self._given(spec, source) for spec, source in step.input_sources()]
        notes: list[Note] = []
        layout = self._after(step, flows, given, notes)
        for note in notes:
            self.walk.events.append(Event(step.index, note.kind, note.input, note.axis))
        if layout is not None and step.outputs:
            sizes = step.outputs[0].shape
            if layout.sizes != sizes:
                layout = self._guess(step, given)
        self.walk.layouts[step.index] = layout

    def _after(
        self, step: Step, flows: Flows | None, given: list[Layout | None], notes: list[Note]
    ) -> Layout | None:
        if not step.outputs:
            return None
        row = lookup(step.op)
        if not given or row.factory:
            return _constant(step, row.factory)
        if len(given) == 1:
            (only,) = given
            if only is None or _leaves_alone(step, row, only):
                return only
        elif all(layout is None for layout in given):
            return None
        # What they know of axes is that of the mapped code, which does not see the batch.
        special = None if is_vmapped(step) else SPECIAL.get(step.op)
        made = special(step, given, notes) if special is not None else None
        if made is None and not notes:
            made = by_flow(step, flows, given, notes)
        if made is None and not notes:
            made = self._guess(step, given)
        return made

    def _given(self, spec: TensorSpec, source: int | None) -> Layout | None:
        if source is not None:
            known = self.walk.layouts.get(source)
            if known is not None and known.sizes != spec.shape:
                return self._other_output(known, spec, self.trace.steps[source])
            return known
        sizes = [size for size in spec.shape if isinstance(size, int)]
        if spec.name in self.inputs and spec.name not in self.tables:
            axes: list[Axis] = [plain(size) for size in sizes]
            if axes and sizes[0] == self.walk.size:
                axes[0] = batch(sizes[0])
            return Layout(tuple(axes))
        table = spec.name if spec.name in self.tables else None
        return Layout(tuple(plain(size, varies=size > 1) for size in sizes), False, table)

    def _other_output(self, first: Layout, spec: TensorSpec, maker: Step) -> Layout | None:
        """The layout of a later output of a step that makes several, judged by its sizes."""
        sizes = [size for size in spec.shape if isinstance(size, int)]
        if not first.from_input:
            return Layout(tuple(plain(size) for size in sizes), False)
        place = first.batch_axis
        if place is None:
            return None
        attrs = maker.attrs
        if isinstance(attrs, RecurrentAttrs) and not attrs.cell and len(sizes) == 3:
            # The states of a recurrent layer are layers x batch x features, batch_first or not.
            return _with_batch(sizes, 1) if sizes[1] == self.walk.size else None
        if place < len(sizes) and sizes[place] == self.walk.size and len(sizes) == len(first.axes):
            return _with_batch(sizes, place)
        found = [at for at, size in enumerate(sizes) if size == self.walk.size]
        return _with_batch(sizes, found[0]) if len(found) == 1 else None

    def _guess(self, step: Step, given: list[Layout | None]) -> Layout | None:
        """The batch where it was, for an op that no rule knows, if an axis there has its size."""
        if not step.outputs:
            return None
        sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
        for layout in given:
            place = None if layout is None or not layout.from_input else layout.batch_place
            if layout is None or place is None:
                continue
            if place < len(sizes) and sizes[place] == layout.axes[place].size:
                axes = [plain(size) for size in sizes]
                axes[place] = layout.axes[place]
                return Layout(tuple(axes))
        if any(layout is None or layout.batch_place is not None for layout in given):
            return None
        return Layout(
            tuple(plain(size) for size in sizes),
            any(layout is not None and layout.from_input for layout in given),
        )


def _leaves_alone(step: Step, row: Op, given: Layout) -> bool:
    """Whether every axis of the output is an axis of the only input: most steps of a network."""
    return (
        row.pointwise
        and row.flow_rule is None
        and step.op not in SPECIAL
        and step.outputs[0].shape == step.inputs[0].shape
        and not (given.from_input and given.table)
    )


def _with_batch(sizes: list[int], place: int) -> Layout:
    axes = [plain(size) for size in sizes]
    axes[place] = Axis((Factor(sizes[place], True),))
    return Layout(tuple(axes))


_VARYING = frozenset({"arange", "range", "linspace", "eye", "tensor", "as_tensor", "from_numpy"})


def _constant(step: Step, factory: bool) -> Layout | None:
    """What a factory makes: alike everywhere, or different from entry to entry."""
    sizes = [size for size in step.outputs[0].shape if isinstance(size, int)]
    varies = not factory or step.op in _VARYING
    return Layout(tuple(plain(size, varies=varies and size > 1) for size in sizes), False)
