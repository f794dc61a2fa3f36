"""A step where the batch loses its axis: what it does there, and what gives the axis back."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.batch import BatchWalk, Event, Mixing, ancestors, walk_batch
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.layers import (
    make_instead,
    maker_of,
    output_argument,
)
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.rules.rows import built_note_for, rows_text
from shapescope.analysis.diagnosis.words import (
    here,
    name_of,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import (
    every_step,
    flatten_per_sample,
    folded_again,
    other_dim,
    without_a_map,
    without_call,
)
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.picks import dim_of, pick_inside, squeeze_each_named, squeeze_named
from shapescope.analysis.fixes.stepping import steps_instead
from shapescope.analysis.fixes.turns import (
    average_instead,
    batch_first_then_turn,
    reduce_each,
    without_turn,
)
from shapescope.analysis.fixes.views import permute_first, permute_instead, swap_sizes
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Label, Severity
from shapescope.trace import Step, Trace

JOINED = declare("batch-joined", "tensors are joined along the batch instead of side by side")


PICKED = declare("batch-picked", "an index takes one sample where a step of each was meant")


REDUCED = declare("batch-reduced", "a sum, mean or maximum runs over the batch")


SCRAMBLED = declare("batch-scrambled", "a reshape gives samples each other's values")


SQUEEZED = declare("batch-squeezed", "a squeeze drops the batch where there is one sample")


def lost_finding(case: Case, event: Event, walk: BatchWalk) -> Finding:
    """What an event did to the batch, told by its kind."""
    trace = case.trace
    step = trace.steps[event.step]
    sizes = ints(step.inputs[event.input].shape)
    makers = {
        "joined": joined,
        "picked": picked,
        "reduced": reduced,
        "squeezed": _squeezed,
        "scrambled": scrambled,
    }
    maker = makers.get(event.kind)
    if maker is not None:
        return maker(case, step, event, sizes)
    return _folded(case, step, sizes, walk)


def _folded(case: Case, step: Step, sizes: tuple[int, ...], walk: BatchWalk) -> Finding:
    trace = case.trace
    made = ints(step.outputs[0].shape)
    samples = walk.size
    out = ints(trace.outputs[0].shape)
    # A vector is one row for a layer behind it, and a row for each value where it is returned.
    rows = made[0] if len(made) > 1 or made == out else 1
    sample, features = prod(sizes[1:]), prod(made[1:]) if rows > 1 else prod(made)
    total = samples * sample
    maker = maker_of(trace, step)
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
            *(
                label(one.call_site, f"stays at {rows} rows: {shape_text(one.outputs[0].shape)}")
                for one in folded_again(trace, step)
            ),
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
            )
            if case.loss is None
            else None,
            built_note_for(trace, step, features, samples),
        ),
        proposals=(
            *_of_steps(trace, step, sizes, made),
            *(make_instead(trace, maker, features, factors=made[1:]) if len(made) > 2 else ()),
            *(without_a_map(trace, step) if len(sizes) > 3 and sizes[1:2] == made[1:] else ()),
            *flatten_per_sample(trace, step),
        ),
    )


def _of_steps(
    trace: Trace, step: Step, sizes: tuple[int, ...], made: tuple[int, ...]
) -> Iterator[Proposal]:
    """What becomes of the axis that is folded: it is kept, or averaged.

    The steps of a recurrent layer are kept all or the last one alone: their mean means little.
    """
    maker = maker_of(trace, step)
    recurrent = maker is not None and isinstance(maker.attrs, RecurrentAttrs)
    again = folded_again(trace, step)
    if again:
        yield from every_step(trace, step, again)
    if not recurrent:
        yield from average_instead(step, sizes, made)


def _feature_label(trace: Trace, maker: Step | None, sample: int) -> Label | None:
    argument = None if maker is None else output_argument(maker)
    if maker is None or argument is None:
        return None
    text = f"`{name_of(maker)}` makes {sample} for each sample"
    return argument_label(trace, maker.path, argument, text)


def joined(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    """Tensors stacked along the batch."""
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


def picked(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    """An index that takes some samples."""
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
        notes=mixing_notes(case.evidence.mixing),
        proposals=(
            *(steps_instead(step) if event.axis == 0 else ()),
            *pick_inside(step, event.axis, last=_is_recurrent(case.trace, step)),
        ),
    )


def _is_recurrent(trace: Trace, step: Step) -> bool:
    """Whether a tensor comes from a recurrent layer that runs forward only."""
    return any(
        isinstance(attrs := trace.steps[index].attrs, RecurrentAttrs) and not attrs.bidirectional
        for index in ancestors(trace, step.index)
    )


def reduced(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    """A sum, mean or maximum over the batch."""
    axes = [axis for axis in range(len(sizes)) if axis != event.axis]
    return finding(
        REDUCED,
        f"`{name_of(step)}` runs over axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(f"{shape_text(sizes)} -> {shape_text(step.outputs[0].shape)}",),
        notes=mixing_notes(case.evidence.mixing),
        proposals=(
            *(reduce_each(step, len(sizes)) if not ints(step.outputs[0].shape) else ()),
            *other_dim(case.trace, step, axes, "run over axis"),
        ),
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
        proposals=(
            *squeeze_each_named(case.trace, step, others, event.axis),
            *(squeeze_named(step, others) if others else without_call(step)),
        ),
    )


def scrambled(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    """A reshape that cuts the batch apart."""
    trace = case.trace
    walk = walk_batch(trace)
    made = ints(step.outputs[0].shape)
    size = walk.size if walk is not None else sizes[0]
    given = None
    if walk is not None and step.sources:
        given = walk.layout_of(step.sources[0])
    lies = ""
    if event.axis == 0 and given is not None and given.axes[0].factors[0].is_batch:
        lies = f"the {sizes[event.axis]} rows lie sample by sample"
    place = event.axis
    proposals: list[Proposal] = []
    proposals += permute_instead(step, sizes, made)
    if place == 0:
        proposals += without_turn(trace, step, made, size)
        proposals += batch_first_then_turn(trace, step, made, size)
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
        notes=mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


def mixing_notes(mixing: Mixing | None) -> tuple[str, ...]:
    """What changing one sample did, where that was tried."""
    if mixing is None or not mixing.crossed:
        return ()
    rows = ", ".join(map(str, mixing.crossed[:4]))
    noun = "sample" if len(mixing.crossed) == 1 else "samples"
    return (f"shown on real numbers: changing sample {mixing.sample} changed {noun} {rows} too",)
