"""The batch: folded, swallowed, joined, picked from, read across; also where nothing raises."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.batch import BatchWalk, Event, Mixing, ancestors, walk_batch
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints
from shapescope.analysis.diagnosis.registry import declare, explain_failure, scanning
from shapescope.analysis.diagnosis.rules.layers import (
    make_instead,
    maker_of,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.rules.positions import layout_finding
from shapescope.analysis.diagnosis.rules.rows import built_note_for, rows_text
from shapescope.analysis.diagnosis.words import (
    here,
    name_of,
    operand_labels,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import (
    dim_of,
    flatten_per_sample,
    maker_of_attention,
    other_dim,
    permute_first,
    permute_instead,
    pick_inside,
    set_batch_first,
    squeeze_named,
    swap_sizes,
    without_call,
)
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Label, Severity
from shapescope.ops import lookup
from shapescope.trace import Step, Trace

JOINED = declare("batch-joined", "tensors are joined along the batch instead of side by side")
PICKED = declare("batch-picked", "an index takes one sample where a step of each was meant")
REDUCED = declare("batch-reduced", "a sum, mean or maximum runs over the batch")
ACROSS = declare("batch-read-across", "an op runs along the batch, so samples see each other")
TIME = declare("batch-as-time", "a recurrent layer or an attention reads the batch as time")
SCRAMBLED = declare("batch-scrambled", "a reshape gives samples each other's values")
SQUEEZED = declare("batch-squeezed", "a squeeze drops the batch where there is one sample")
ONLY = declare("batch-size-only", "the model works for one batch size only")
MOVED = declare("batch-axis-moved", "the batch is not axis 0 of the output")
PAIRED = declare("batch-paired", "every sample meets every other one")

_COUNTED = frozenset(
    {"folded", "swallowed", "joined", "picked", "reduced", "squeezed", "scrambled"}
)


@scanning
def batch(case: Case) -> Iterator[Finding]:
    """What becomes of the batch in a trace that runs through."""
    trace = case.trace
    if trace.failure is not None or not trace.outputs:
        return
    walk = walk_batch(trace)
    if walk is None:
        return
    other = case.evidence.other_batch
    other_walk = None
    if other is not None and other.failure is None and len(other.steps) == len(trace.steps):
        other_walk = walk_batch(other)
    found = list(_lost(case, walk, other, other_walk))
    if not found:
        found = list(_crossed(case, other_walk or walk))
    if not found and other is not None and other.failure is not None:
        found = list(_only(case, other, walk))
    yield from found[:1]


# --- an output without its batch


def _lost(
    case: Case, walk: BatchWalk, other: Trace | None, other_walk: BatchWalk | None
) -> Iterator[Finding]:
    trace = case.trace
    size = walk.size
    first = trace.outputs[0]
    shape = ints(first.shape)
    if not shape and first.shape:
        return
    sink = _sink_of(trace, walk, 0)
    if sink is None:
        return
    kept = bool(shape) and shape[0] == size
    if other is not None and other.failure is None and other.outputs and other_walk is not None:
        there = ints(other.outputs[0].shape)
        kept = kept and len(there) == len(shape) and there[0] == other_walk.size
        if not kept and _elsewhere(shape, there, size, other_walk.size):
            yield _state_of(case, sink, shape) or _moved(case, sink, shape)
            return
    if kept:
        return
    best = None
    for candidate, source in ((other_walk, other), (walk, trace)):
        if candidate is None or source is None:
            continue
        best = _culprit(source, candidate, sink.index)
        if best is not None:
            break
    if best is not None and best.kind in _COUNTED:
        if not shape and best.kind == "reduced":
            return  # a loss or a score for the whole batch
        yield _lost_finding(case, best, walk)


def _sink_of(trace: Trace, walk: BatchWalk, number: int) -> Step | None:
    """The step that made an output, as far as its shape tells."""
    wanted = trace.outputs[number].shape
    sinks = [trace.steps[index] for index in walk.sinks]
    exact = [step for step in sinks if any(spec.shape == wanted for spec in step.outputs)]
    if exact:
        return exact[0] if len(trace.outputs) > 1 else exact[-1]
    leaves = [step for step in trace.steps if step.outputs and not step.is_composite]
    same = [step for step in leaves if step.outputs[0].shape == wanted]
    return same[-1] if same else None


def _elsewhere(one: tuple[int, ...], two: tuple[int, ...], size: int, other: int) -> bool:
    """Whether the batch is an axis of the output, though not the first."""
    return len(one) == len(two) and any(
        n == size and m == other for n, m in zip(one[1:], two[1:], strict=True)
    )


def _culprit(trace: Trace, walk: BatchWalk, sink: int) -> Event | None:
    """The event behind the last place where the batch had an axis of its own."""
    above = ancestors(trace, sink)
    events = {event.step: event for event in walk.events if event.step in above}
    if not events:
        return None
    chain = chain_to(trace, trace.steps[sink])
    found = None
    for step in reversed(chain):
        layout = walk.layout_of(step.index)
        if layout is not None and layout.batch_axis is not None:
            break
        found = events.get(step.index, found)
    return found or events[min(events)]


def _state_of(case: Case, sink: Step, shape: tuple[int, ...]) -> Finding | None:
    """Scores made from the final state of a recurrent layer, its axis of layers in front."""
    trace = case.trace
    for step in reversed(chain_to(trace, sink)):
        maker = case.source(step)
        attrs = None if maker is None else maker.attrs
        if maker is None or not isinstance(attrs, RecurrentAttrs):
            continue
        given = ints(step.inputs[0].shape)
        if attrs.cell or len(given) != 3 or given == ints(maker.outputs[0].shape):
            return None
        layers = plural(attrs.num_layers, "layer")
        directions = " x 2 directions" if attrs.bidirectional else ""
        return finding(
            MOVED,
            f"the output is {shape_text(shape)}: its axis 0 counts the layers of "
            f"`{name_of(maker)}`, and the batch of {case.batch} is another one",
            severity=Severity.WARNING,
            step=step,
            labels=(
                primary(step.call_site, here(step)),
                label(maker.call_site, f"its final state is {shape_text(given)}"),
            ),
            why=(f"{shape_text(given)} is {layers}{directions} x batch x features",),
            proposals=edit_operand(step, trace, "[-1]", "take the state of the last layer")
            if not attrs.bidirectional
            else (),
        )
    return None


def _moved(case: Case, sink: Step, shape: tuple[int, ...]) -> Finding:
    return finding(
        MOVED,
        f"the output is {shape_text(shape)}: its axis 0 is not the batch of {case.batch}",
        severity=Severity.NOTE,
        step=sink,
        labels=(primary(sink.call_site, shape_text(shape)),),
    )


def _lost_finding(case: Case, event: Event, walk: BatchWalk) -> Finding:
    trace = case.trace
    step = trace.steps[event.step]
    sizes = ints(step.inputs[event.input].shape)
    makers = {
        "joined": _joined,
        "picked": _picked,
        "reduced": _reduced,
        "squeezed": _squeezed,
        "scrambled": _scrambled,
    }
    maker = makers.get(event.kind)
    if maker is not None:
        return maker(case, step, event, sizes)
    return _folded(case, step, sizes, walk)


def _folded(case: Case, step: Step, sizes: tuple[int, ...], walk: BatchWalk) -> Finding:
    trace = case.trace
    made = ints(step.outputs[0].shape)
    samples = walk.size
    rows = made[0] if len(made) > 1 else 1
    sample, features = prod(sizes[1:]), prod(made[1:])
    total = samples * sample
    maker = maker_of(trace, step)
    out = ints(trace.outputs[0].shape)
    becomes = rows
    if rows == samples and out and out[0] != samples:
        becomes = out[0]
    return finding(
        FOLDED,
        f"the batch of {samples} becomes {becomes} at this line",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(
                step.call_site if step.kind == "function" else step.defined_at,
                f"{here(step)}: {rows_text(samples, sample, rows, features)}",
            ),
            label(step.call_site, "") if step.kind == "module" else None,
            _feature_label(trace, maker, sample) if len(made) > 2 else None,
        ),
        why=(
            (
                f"{samples} * {sample} = {total:,} = {rows} * {features}, so {name_of(step)} finds "
                f"{plural(rows, 'row')} and nothing raises"
            ),
        ),
        notes=(
            (
                f'the loss will say "Expected input batch_size ({rows}) to match target batch_size '
                f'({samples})", far from here'
            ),
            built_note_for(trace, step, features, samples),
        ),
        proposals=(
            *(make_instead(trace, maker, features) if len(made) > 2 else ()),
            *flatten_per_sample(trace, step),
        ),
    )


def _feature_label(trace: Trace, maker: Step | None, sample: int) -> Label | None:
    argument = None if maker is None else output_argument(maker)
    if maker is None or argument is None:
        return None
    text = f"`{name_of(maker)}` makes {sample} for each sample"
    return argument_label(trace, maker.path, argument, text)


def _joined(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    trace = case.trace
    count = len(step.inputs)
    made = ints(step.outputs[0].shape) or (count * sizes[0], *sizes[1:])
    beside = (sizes[0], count * sizes[1], *sizes[2:]) if len(sizes) > 1 else sizes
    return finding(
        JOINED,
        f"{count} tensors of {sizes[0]} samples are joined to a batch of {made[0]} at this line",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, f"{count} x ({shape_text(sizes)}) -> {shape_text(made)}"),),
        why=(
            (
                f"along axis 0: {' + '.join([str(sizes[0])] * min(count, 8))} = {made[0]} rows for "
                f"{plural(sizes[0], 'sample')}"
            ),
            (
                f"along axis 1: {shape_text(beside)}, "
                f"{count} * {sizes[1] if len(sizes) > 1 else 1} = "
                f"{beside[1] if len(beside) > 1 else count} features a sample"
            ),
        ),
        proposals=other_dim(trace, step, (1, -1), "join side by side, along axis"),
    )


def _picked(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    return finding(
        PICKED,
        f"the index takes from axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(
            (
                f"{shape_text(sizes)} -> {shape_text(step.outputs[0].shape)}: "
                "what is left comes from some samples, not from each"
            ),
        ),
        notes=_mixing_notes(case.evidence.mixing),
        proposals=pick_inside(step, event.axis, last=_is_recurrent(case.trace, step)),
    )


def _is_recurrent(trace: Trace, step: Step) -> bool:
    """Whether a tensor comes from a recurrent layer that runs forward only."""
    return any(
        isinstance(attrs := trace.steps[index].attrs, RecurrentAttrs) and not attrs.bidirectional
        for index in ancestors(trace, step.index)
    )


def _reduced(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    axes = list(range(1, len(sizes)))
    return finding(
        REDUCED,
        f"`{name_of(step)}` runs over axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(f"{shape_text(sizes)} -> {shape_text(step.outputs[0].shape)}",),
        notes=_mixing_notes(case.evidence.mixing),
        proposals=other_dim(case.trace, step, axes, "run over axis"),
    )


def _squeezed(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    others = [at for at, size in enumerate(sizes) if size == 1 and at != event.axis]
    dim = dim_of(step)
    how = "squeeze without an axis drops every axis of 1"
    if dim is not None:
        how = f"squeeze({dim}) drops axis {event.axis} where it is 1, and that is the batch"
    return finding(
        SQUEEZED,
        "a batch of 1 loses its axis at this line",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=((f"{how}: {shape_text(sizes)} -> {shape_text(step.outputs[0].shape)}"),),
        proposals=squeeze_named(step, others) if others else without_call(step),
    )


def _scrambled(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    trace = case.trace
    walk = walk_batch(trace)
    made = ints(step.outputs[0].shape)
    size = walk.size if walk is not None else sizes[0]
    given = None
    if walk is not None and step.sources:
        given = walk.layout_of(step.sources[0])
    lies = ""
    if given is not None and given.axes[event.axis].factors[0].is_batch:
        lies = f"the {sizes[event.axis]} rows lie sample by sample"
    place = event.axis
    proposals: list[Proposal] = []
    proposals += permute_instead(step, sizes, made)
    if place == 0:
        proposals += swap_sizes(step, made, size)
    else:
        order = [place, *[axis for axis in range(len(sizes)) if axis != place]]
        proposals += permute_first(step, order, "bring the batch to the front before")
    return finding(
        SCRAMBLED,
        f"{shape_text(sizes)} seen as {shape_text(made)} gives samples each other's values",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(
            lies
            or f"a view keeps the order of the values: axis {place} is the batch, and it is cut",
            f"an axis of {size} in {shape_text(made)} is as long as the batch, and is not it",
        ),
        notes=_mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


# --- an output whose rows depend on other samples


def _crossed(case: Case, walk: BatchWalk) -> Iterator[Finding]:
    trace, mixing = case.trace, case.evidence.mixing
    above: set[int] = set()
    for sink in walk.sinks:
        above |= ancestors(trace, sink)
    events = [event for event in walk.events if event.step in above]
    for event in events:
        if event.kind == "indexed":
            if mixing is not None and mixing.order_matters:
                yield from _indexed(case, event)
                return
            continue
        shown = mixing is not None and mixing.mixes
        time = isinstance(trace.steps[event.step].attrs, RecurrentAttrs | AttentionAttrs)
        if shown or (time and mixing is None):
            maker = _cross_finding(case, event, shown)
            if maker is not None:
                yield maker
                return


def _cross_finding(case: Case, event: Event, shown: bool) -> Finding | None:
    step = case.trace.steps[event.step]
    sizes = ints(step.inputs[event.input].shape)
    if isinstance(step.attrs, RecurrentAttrs) and _time_is_first(case, step):
        return None
    if isinstance(step.attrs, RecurrentAttrs | AttentionAttrs):
        return _as_time(case, step, sizes, shown)
    if event.kind == "read-across":
        return _across(case, step, event, sizes)
    if event.kind == "paired":
        return _paired(case, step)
    makers = {"joined": _joined, "picked": _picked, "reduced": _reduced, "scrambled": _scrambled}
    if event.kind in makers:
        return makers[event.kind](case, step, event, sizes)
    return None


def _time_is_first(case: Case, step: Step) -> bool:
    """Whether a state that the user makes says that axis 1 is the batch, so axis 0 the time."""
    state = case.source(step, 1) if len(step.inputs) > 1 else None
    return state is not None and lookup(state.op).factory


def _as_time(case: Case, step: Step, sizes: tuple[int, ...], shown: bool) -> Finding:
    trace = case.trace
    call = maker_of_attention(trace, step.path)
    read = f"{shape_text(sizes)} is read as {sizes[0]} steps"
    if len(sizes) > 2:
        read += f" of {sizes[1]} samples"
    made = None
    if call is not None:
        made = label(call.span, "batch_first is left out, and is False")
    return finding(
        TIME,
        f"`{name_of(step)}` reads axis 0, the batch of {sizes[0]}, as time",
        severity=Severity.WARNING if shown else Severity.NOTE,
        step=step,
        labels=(primary(step.call_site, here(step)), made),
        why=(f"{read}; with batch_first=True it is {sizes[0]} samples",),
        notes=_mixing_notes(case.evidence.mixing),
        proposals=set_batch_first(trace, step.path),
    )


def _across(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    dim = dim_of(step)
    rank = len(sizes)
    near = 1 if event.axis == 0 else 0
    dims = [axis for axis in (near, rank - 1) if axis != event.axis and axis < rank]
    dims = [axis for axis in dims if sizes[axis] > 1] or dims
    proposals: list[Proposal] = []
    if dim is not None:
        proposals += other_dim(case.trace, step, list(dict.fromkeys(dims)), "run along axis")
    return finding(
        ACROSS,
        f"`{name_of(step)}` runs along axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=places(case.trace, step, "dim", f"dim = {dim}", here(step, event.input)),
        why=(f"{shape_text(sizes)}: each value depends on the same place in the other samples",),
        notes=_mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


def _paired(case: Case, step: Step) -> Finding:
    return finding(
        PAIRED,
        f"`{name_of(step)}` pairs every sample with every other one",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(
            (
                f"{' and '.join(shape_text(spec.shape) for spec in step.inputs[:2])} give "
                f"{shape_text(step.outputs[0].shape)}"
            ),
        ),
        notes=_mixing_notes(case.evidence.mixing),
    )


def _mixing_notes(mixing: Mixing | None) -> tuple[str, ...]:
    if mixing is None or not mixing.crossed:
        return ()
    rows = ", ".join(map(str, mixing.crossed[:4]))
    noun = "sample" if len(mixing.crossed) == 1 else "samples"
    return (f"shown on real numbers: changing sample {mixing.sample} changed {noun} {rows} too",)


def _indexed(case: Case, event: Event) -> Iterator[Finding]:
    from shapescope.analysis.diagnosis.rules.positions import table_of

    step = case.trace.steps[event.step]
    name = table_of(case.trace, step, event.input)
    data = ints(step.inputs[1 - event.input].shape) if len(step.inputs) == 2 else ()
    if name is None or len(data) < 3:
        return
    yield layout_finding(case, step, event.input, name, 0, 1, silent=True)


# --- a model for one batch size


def _only(case: Case, other: Trace, walk: BatchWalk) -> Iterator[Finding]:
    """The model runs with this batch size and fails with another one."""
    inner = next(explain_failure(Case(other)), None)
    if inner is None:
        return
    from dataclasses import replace

    size = next((spec.shape[0] for spec in other.inputs if spec.shape), "?")
    diagnostic = replace(
        inner.diagnostic,
        rule=ONLY,
        severity=Severity.WARNING,
        message=f"this works for a batch of {walk.size} and fails for one of {size}: "
        f"{inner.diagnostic.message}",
    )
    yield Finding(diagnostic, inner.proposals)
