"""An output with a row for each sample, though its rows depend on other samples."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.batch import BatchWalk, Event, ancestors, walk_batch
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.as_time import read_as_time
from shapescope.analysis.diagnosis.rules.layers import places
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
from shapescope.analysis.fixes.batch import other_dim, repeat_each, without_call
from shapescope.analysis.fixes.picks import dim_of
from shapescope.analysis.fixes.ranked import side_by_side
from shapescope.analysis.fixes.stepping import steps_instead
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Severity
from shapescope.trace import Step

ACROSS = declare("batch-read-across", "an op runs along the batch, so samples see each other")


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
        return read_as_time(case, step, sizes, shown and not _has_positions(case, step, sizes))
    if event.kind == "read-across":
        return _across(case, step, event, sizes)
    if event.kind == "paired":
        return _paired(case, step)
    makers = {"joined": joined, "picked": picked, "reduced": reduced, "scrambled": scrambled}
    if event.kind in makers:
        return makers[event.kind](case, step, event, sizes)
    return None


def _has_positions(case: Case, step: Step, sizes: tuple[int, ...]) -> bool:
    """Whether positions were added along axis 0 on purpose, `table[:x.size(0)]`, and stay there.

    An attention that runs along that axis then does so on purpose, too.
    """
    out = ints(case.trace.outputs[0].shape) if case.trace.outputs else ()
    walk, above = walk_batch(case.trace), ancestors(case.trace, step.index)
    if walk is None or not len(sizes) == len(out) == 3 or out[:2] != sizes[:2]:
        return False
    return any(event.kind == "indexed" and event.step in above for event in walk.events)


def _across(case: Case, step: Step, event: Event, sizes: tuple[int, ...]) -> Finding:
    if step.op == "repeat" and event.axis == 0:
        return _tiled(case, step, sizes)
    dim = dim_of(step)
    rank = len(sizes)
    near = 1 if event.axis == 0 else 0
    likely = (rank - 1, near) if _weighs(case, step) else (near, rank - 1)
    dims = [axis for axis in likely if axis != event.axis and axis < rank]
    dims = [axis for axis in dims if sizes[axis] > 1] or dims
    proposals: list[Proposal] = []
    if step.op == "unbind" and event.axis == 0:
        proposals += steps_instead(step)
    left_out = dim is None and "softm" in step.op
    if dim is not None or left_out:
        proposals += other_dim(case.trace, step, list(dict.fromkeys(dims)), "run along axis")
    return finding(
        ACROSS,
        f"`{name_of(step)}` runs along axis {event.axis}, the batch of {sizes[event.axis]}",
        severity=Severity.WARNING,
        step=step,
        labels=places(
            case.trace,
            step,
            "dim",
            f"no dim: torch takes {event.axis} of {rank} axes" if left_out else f"dim = {dim}",
            here(step, event.input),
        ),
        why=(f"{shape_text(sizes)}: each value depends on the same place in the other samples",),
        notes=mixing_notes(case.evidence.mixing),
        proposals=proposals,
    )


def _weighs(case: Case, step: Step) -> bool:
    """Whether what a step makes multiplies values as their weights: those lie along its end."""
    return any(
        one.op in ("matmul", "bmm") and one.input_sources()[0][1] == step.index
        for one in case.trace.steps[step.index :]
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
