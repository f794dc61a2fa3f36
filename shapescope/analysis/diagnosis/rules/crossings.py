"""An output with a row for each sample, though its rows depend on other samples."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.batch import BatchWalk, Event, ancestors
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.intent import FirstAxis, first_axis
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.layers import (
    places,
)
from shapescope.analysis.diagnosis.rules.lost import (
    joined,
    mixing_notes,
    picked,
    reduced,
    scrambled,
)
from shapescope.analysis.diagnosis.rules.positions import layout_finding
from shapescope.analysis.diagnosis.words import (
    here,
    name_of,
    operand_labels,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import (
    maker_of_attention,
    other_dim,
    repeat_each,
    set_batch_first,
    without_call,
)
from shapescope.analysis.fixes.flatten import own_call
from shapescope.analysis.fixes.picks import dim_of
from shapescope.analysis.fixes.ranked import side_by_side
from shapescope.analysis.fixes.stepping import steps_instead
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Severity
from shapescope.ops import lookup
from shapescope.trace import Step

ACROSS = declare("batch-read-across", "an op runs along the batch, so samples see each other")


TIME = declare("batch-as-time", "a recurrent layer or an attention reads the batch as time")


PAIRED = declare("batch-paired", "every sample meets every other one")


def crossed(case: Case, walk: BatchWalk) -> Iterator[Finding]:
    """The first step that lets samples see each other, where a run on real numbers showed it."""
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
    if isinstance(step.attrs, RecurrentAttrs | AttentionAttrs):
        meant = first_axis(own_call(case.trace, step))
        if isinstance(step.attrs, RecurrentAttrs):
            if _picks_a_column(case, step):
                return _as_time(case, step, sizes, shown)
            if meant is not FirstAxis.BATCH and _time_is_first(case, step):
                return None
            shown = shown or _loses_rows(case, sizes, step.attrs.batch_first)
        shown = shown and (meant is not FirstAxis.TIME or step.attrs.batch_first)
        return _as_time(case, step, sizes, shown)
    if event.kind == "read-across":
        return _across(case, step, event, sizes)
    if event.kind == "paired":
        return _paired(case, step)
    makers = {"joined": joined, "picked": picked, "reduced": reduced, "scrambled": scrambled}
    if event.kind in makers:
        return makers[event.kind](case, step, event, sizes)
    return None


def _time_is_first(case: Case, step: Step) -> bool:
    """Whether a state that the user makes says that axis 1 is the batch, so axis 0 the time.

    A state that is an input of the model says the same: its axis 1 was fed as it should be.
    """
    if len(step.inputs) < 2:
        return False
    state = case.source(step, 1)
    if state is None:
        return step.inputs[1].name in {spec.name for spec in case.trace.inputs}
    return lookup(state.op).factory


def _picks_a_column(case: Case, step: Step) -> bool:
    """Whether one entry of axis 1 of the outputs is taken: of steps, where axis 0 is the batch.

    Whatever the states say, a layer that runs along axis 0 has samples there.
    """
    made = ints(step.outputs[0].shape)
    batch_first = isinstance(step.attrs, RecurrentAttrs) and step.attrs.batch_first
    if len(made) != 3 or made[0] != case.batch or made[0] == made[1] or batch_first:
        return False
    return any(
        one.op == "getitem"
        and step.index in one.sources
        and one.inputs[0].shape == step.outputs[0].shape
        and one.outputs
        and ints(one.outputs[0].shape) == (made[0], made[2])
        for one in case.trace.steps[step.index :]
    )


def _loses_rows(case: Case, sizes: tuple[int, ...], batch_first: bool) -> bool:
    """Whether the first output has a row for each entry of what is the time, none for a sample."""
    made = ints(case.trace.outputs[0].shape) if case.trace.outputs else ()
    other = case.evidence.other_batch
    there = () if other is None or not other.outputs else ints(other.outputs[0].shape)
    if len(sizes) != 3 or there != made:
        return False
    rows, batch = (sizes[0], sizes[1]) if batch_first else (sizes[1], sizes[0])
    return made[:1] == (rows,) and batch == case.batch != rows > 1


def _as_time(case: Case, step: Step, sizes: tuple[int, ...], shown: bool) -> Finding:
    trace = case.trace
    call = maker_of_attention(trace, step.path)
    if isinstance(step.attrs, RecurrentAttrs | AttentionAttrs) and step.attrs.batch_first:
        return _time_as_batch(case, step, sizes, shown)
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
        notes=mixing_notes(case.evidence.mixing),
        proposals=set_batch_first(trace, step.path),
    )


def _time_as_batch(case: Case, step: Step, sizes: tuple[int, ...], shown: bool) -> Finding:
    """A layer with batch_first that gets its tensor turned to time first."""
    call = maker_of_attention(case.trace, step.path)
    node = None if call is None else call.argument("batch_first")
    proposals: list[Proposal] = []
    maker = case.source(step)
    if maker is not None and maker.op == "stack" and dim_of(maker) in (None, 0):
        proposals += other_dim(case.trace, maker, (1,), "stack the steps behind the batch, along")
    if call is not None and node is not None:
        edit = call.code.replace(node, "False")
        proposals += [
            Proposal("read axis 0 as time: batch_first=False", (edit,), kind="batch_first")
        ]
    return finding(
        TIME,
        f"`{name_of(step)}` reads axis 1, the batch of {sizes[1]}, as time",
        severity=Severity.WARNING if shown else Severity.NOTE,
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            None
            if call is None or node is None
            else label(call.code.span(node), "so axis 0 is read as the batch"),
        ),
        why=(
            (
                f"{shape_text(sizes)} is read as {sizes[0]} samples of {sizes[1]} steps; with "
                f"batch_first=False it is {sizes[1]} samples"
            ),
        ),
        notes=mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


def _across(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    if step.op == "repeat" and event.axis == 0:
        return _tiled(case, step, sizes)
    dim = dim_of(step)
    rank = len(sizes)
    near = 1 if event.axis == 0 else 0
    dims = [axis for axis in (near, rank - 1) if axis != event.axis and axis < rank]
    dims = [axis for axis in dims if sizes[axis] > 1] or dims
    proposals: list[Proposal] = []
    if step.op == "unbind" and event.axis == 0:
        proposals += steps_instead(step)
    if dim is not None:
        proposals += other_dim(case.trace, step, list(dict.fromkeys(dims)), "run along axis")
    return finding(
        ACROSS,
        f"`{name_of(step)}` runs along axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=places(case.trace, step, "dim", f"dim = {dim}", here(step, event.input)),
        why=(f"{shape_text(sizes)}: each value depends on the same place in the other samples",),
        notes=mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


def _tiled(case: Case, step: Step, sizes: tuple[int, ...]) -> Finding:
    """Copies of the whole batch one behind the other, taken for copies of each sample."""
    made = ints(step.outputs[0].shape)
    times = made[0] // sizes[0]
    return finding(
        ACROSS,
        f"`repeat` lays {times} copies of the batch of {sizes[0]} one behind the other",
        severity=Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(
            (
                f"{shape_text(made)}: rows 0 to {times - 1} are of different samples, and what is "
                f"laid out sample by sample has {times} rows of sample 0 there"
            ),
        ),
        notes=mixing_notes(case.evidence.mixing),
        proposals=repeat_each(step, len(made)),
    )


def _paired(case: Case, step: Step) -> Finding:
    size = case.batch
    scores = any(ints(spec.shape) == (size, size) for spec in case.trace.outputs)
    meant = step.op in ("matmul", "mm") and scores  # the score of each with each is what is asked
    return finding(
        PAIRED,
        f"`{name_of(step)}` pairs every sample with every other one",
        severity=Severity.NOTE if meant else Severity.WARNING,
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(
            (
                f"{' and '.join(shape_text(spec.shape) for spec in step.inputs[:2])} give "
                f"{shape_text(step.outputs[0].shape)}"
            ),
        ),
        notes=mixing_notes(case.evidence.mixing),
        proposals=(*_kept_column(case, step), *side_by_side(step)),
    )


def _kept_column(case: Case, step: Step) -> Iterator[Proposal]:
    """A row that was a column until a view took its axis, left a column beside the other one."""
    shapes = [ints(spec.shape) for spec in step.inputs[:2]]
    for place, other in ((0, 1), (1, 0)):
        if len(shapes) != 2 or len(shapes[place]) != 1 or shapes[other] != (*shapes[place], 1):
            continue
        maker = case.source(step, place)
        if maker is None or maker.op not in ("view", "reshape", "flatten", "squeeze"):
            continue
        if maker.inputs[:1] and ints(maker.inputs[0].shape) == shapes[other]:
            yield from without_call(maker)


def _indexed(case: Case, event: Event) -> Iterator[Finding]:
    from shapescope.analysis.diagnosis.rules.positions import table_of

    step = case.trace.steps[event.step]
    name = table_of(case.trace, step, event.input)
    data = ints(step.inputs[1 - event.input].shape) if len(step.inputs) == 2 else ()
    if name is None or len(data) < 3:
        return
    yield layout_finding(case, step, event.input, name, 0, 1, silent=True)
