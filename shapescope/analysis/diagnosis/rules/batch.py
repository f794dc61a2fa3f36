"""The batch: folded, swallowed, joined, picked from, read across; also where nothing raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from shapescope.analysis.batch import BatchWalk, Event, ancestors, walk_batch
from shapescope.analysis.diagnosis.finding import Case, Finding, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints
from shapescope.analysis.diagnosis.registry import declare, explain_failure, scanning
from shapescope.analysis.diagnosis.words import (
    here,
    name_of,
    plural,
    primary,
    shape_text,
)
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Severity
from shapescope.trace import Step, Trace

ONLY = declare("batch-size-only", "the model works for one batch size only")
MOVED = declare("batch-axis-moved", "the batch is not axis 0 of the output")

_COUNTED = frozenset(
    {"folded", "swallowed", "joined", "picked", "reduced", "squeezed", "scrambled"}
)
_INDICES = ("int64", "int32", "int16", "uint8", "int8")


@scanning
def batch(case: Case) -> Iterator[Finding]:
    """What becomes of the batch in a trace that runs through."""
    trace = case.trace
    if trace.failure is not None or not trace.outputs:
        return
    walk = walk_batch(trace)
    if walk is None or _as_the_targets(case, walk):
        return
    other = case.evidence.other_batch
    other_walk = None
    if other is not None and other.failure is None and len(other.steps) == len(trace.steps):
        other_walk = walk_batch(other)
    found = list(_lost(case, walk, other, other_walk))
    last = other_walk or walk
    if not found and last.events:
        # What tells of them is read where there is something to tell.
        from shapescope.analysis.diagnosis.rules.crossings import crossed

        found = list(crossed(case, last))
    if not found and other is not None and other.failure is not None:
        found = list(_only(case, other, walk))
    if not found:
        return
    from shapescope.analysis.diagnosis.rules.as_time import TIME
    from shapescope.analysis.diagnosis.time_axis import inputs_are_time_first

    told = found[0].diagnostic
    known = told.rule == TIME and told.severity is Severity.NOTE
    step = None if told.step is None else trace.steps[told.step]
    if known or not inputs_are_time_first(trace, step):
        yield from found[:1]


def _as_the_targets(case: Case, walk: BatchWalk) -> bool:
    """Whether a loss has as many targets as there are rows, though not as many as samples."""
    if case.loss is None or case.loss_failed or len(case.loss.inputs) < 2:
        return False
    rows, targets = (spec.shape[:1] for spec in case.loss.inputs[:2])
    return rows == targets != (walk.size,) and not _cuts_samples(case.trace, walk)


def _cuts_samples(trace: Trace, walk: BatchWalk) -> bool:
    """Whether rows were cut from samples with no regard to their axes: such have no target.

    A row may be a place, a step or a channel of a sample, or a part of its last axis.
    """
    for event in walk.events:
        step = trace.steps[event.step]
        sizes, made = ints(step.inputs[event.input].shape), ints(step.outputs[0].shape)
        if event.kind != "folded" or step.op not in ("view", "reshape") or len(sizes) < 3:
            continue
        row = prod(made[1:])
        whole = {prod(sizes[axis:]) for axis in range(1, len(sizes) + 1)}
        if len(made) > 1 and row not in whole and sizes[-1] % row:
            return True
    return False


# --- an output without its batch


def _lost(
    case: Case, walk: BatchWalk, other: Trace | None, other_walk: BatchWalk | None
) -> Iterator[Finding]:
    trace = case.trace
    size = walk.size
    # A loss in front of what the model gives has no batch to lose.
    number = next((at for at, spec in enumerate(trace.outputs) if spec.shape), 0)
    first = trace.outputs[number]
    shape = ints(first.shape)
    if not shape and first.shape:
        return
    sink = _sink_of(trace, walk, number)
    if sink is None:
        return
    kept = bool(shape) and shape[0] == size
    if (
        other is not None
        and other.failure is None
        and other.outputs[number:]
        and other_walk is not None
    ):
        there = ints(other.outputs[number].shape)
        kept = kept and len(there) == len(shape) and there[0] == other_walk.size
        if not kept and _elsewhere(shape, there, size, other_walk.size):
            yield _state_of(case, sink, shape) or _moved(case, sink, shape)
            return
    if kept or _is_time_first(trace, shape) or _has_rows_of_another(trace, sink, shape, size):
        return
    if other is None and _is_elsewhere(walk, sink, shape):
        yield _state_of(case, sink, shape) or _moved(case, sink, shape)
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
        if best.kind == "folded" and _are_codes(trace, number, size):
            return
        if best.kind == "joined" and len(shape) == 2 and shape[0] == shape[1] > size:
            return  # the score of each view with each
        from shapescope.analysis.diagnosis.rules.lost import lost_finding

        yield lost_finding(case, best, walk)


def _is_time_first(trace: Trace, shape: tuple[int, ...]) -> bool:
    """Whether the text says that the batch is axis 1 of the input, and the output has it."""
    from shapescope.analysis.diagnosis.intent import time_is_first

    sizes = ints(trace.inputs[0].shape) if trace.inputs else ()
    return shape[:1] == sizes[1:2] != () and time_is_first(trace)


def _has_rows_of_another(trace: Trace, sink: Step, shape: tuple[int, ...], size: int) -> bool:
    """Whether an output has a row for each row of an input that counts something else.

    Queries that are compared with prototypes of the support are of that kind.
    """
    others = {
        spec.name
        for spec in trace.inputs
        if len(spec.shape) > 1 and spec.shape[:1] == shape[:1] != (size,)
    }
    above = ancestors(trace, sink.index)
    return any(spec.name in others for at in above for spec in trace.steps[at].inputs)


def _are_codes(trace: Trace, number: int, size: int) -> bool:
    """Whether an output holds indices, of every place of every sample, beside one with a batch.

    The codes of a quantizer are of that kind: their rows lie sample by sample.
    """
    codes = trace.outputs[number]
    beside = (spec for at, spec in enumerate(trace.outputs) if at != number)
    return codes.dtype in _INDICES and any(
        spec.shape[:1] == (size,) and spec.dtype not in _INDICES for spec in beside
    )


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


def _is_elsewhere(walk: BatchWalk, sink: Step, shape: tuple[int, ...]) -> bool:
    """Whether the batch came through as an axis of the output, though not the first."""
    layout = walk.layout_of(sink.index)
    if layout is None or not layout.from_input or layout.sizes != shape:
        return False
    return bool(layout.batch_axis)


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
        from shapescope.analysis.fixes.flatten import edit_operand

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
    from shapescope.analysis.fixes.batch import other_dim

    return finding(
        MOVED,
        f"the output is {shape_text(shape)}: its axis 0 is not the batch of {case.batch}",
        severity=Severity.NOTE,
        step=sink,
        labels=(primary(sink.call_site, shape_text(shape)),),
        proposals=other_dim(case.trace, sink, (1,), "stack behind the batch, along axis")
        if sink.op == "stack" and shape[1:2] == (case.batch,)
        else (),
    )


# --- a model for one batch size


def _only(case: Case, other: Trace, walk: BatchWalk) -> Iterator[Finding]:
    """The model runs with this batch size and fails with another one."""
    inner = next(explain_failure(Case(other)), None)
    if inner is None:
        return
    size = next((spec.shape[0] for spec in other.inputs if spec.shape), "?")
    diagnostic = replace(
        inner.diagnostic,
        rule=ONLY,
        severity=Severity.WARNING,
        message=f"this works for a batch of {walk.size} and fails for one of {size}: "
        f"{inner.diagnostic.message}",
    )
    yield Finding(diagnostic, inner.proposals)
