"""A recurrent layer or an attention that takes the batch for its steps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.intent import FirstAxis, first_axis
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.lost import mixing_notes
from shapescope.analysis.diagnosis.words import here, name_of, primary, shape_text
from shapescope.analysis.fixes.batch import maker_of_attention, other_dim, set_batch_first
from shapescope.analysis.fixes.flatten import own_call
from shapescope.analysis.fixes.operands import around, wrap
from shapescope.analysis.fixes.picks import dim_of
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Severity
from shapescope.ops import lookup
from shapescope.trace import Step

TIME = declare("batch-as-time", "a recurrent layer or an attention reads the batch as time")


def read_as_time(case: Case, step: Step, sizes: tuple[int, ...], shown: bool) -> Finding | None:
    """What is said of a layer that runs along the batch; None where that is meant.

    Args:
        case: the trace.
        step: the layer.
        sizes: of its input.
        shown: whether a run on real numbers showed that samples see each other.
    """
    attrs = step.attrs
    if not isinstance(attrs, RecurrentAttrs | AttentionAttrs):
        return None
    if len(sizes) == 2:
        return _rows_as_steps(case, step, sizes, shown)
    meant = first_axis(own_call(case.trace, step))
    if isinstance(attrs, RecurrentAttrs):
        if _picks_a_column(case, step):
            return _as_time(case, step, sizes, shown)
        if meant is not FirstAxis.BATCH and _time_is_first(case, step):
            return None
        shown = shown or _loses_rows(case, sizes, attrs.batch_first)
    shown = shown and (meant is not FirstAxis.TIME or attrs.batch_first)
    return _as_time(case, step, sizes, shown)


def _rows_as_steps(case: Case, step: Step, sizes: tuple[int, ...], shown: bool) -> Finding:
    """A table of samples that is read as one sequence, as it has no axis for the steps."""
    attrs = step.attrs
    first = isinstance(attrs, RecurrentAttrs | AttentionAttrs) and attrs.batch_first
    own = own_call(case.trace, step)
    return finding(
        TIME,
        f"`{name_of(step)}` reads {shape_text(sizes)} as one sequence: the batch of {sizes[0]} is "
        "its time",
        severity=Severity.WARNING if shown else Severity.NOTE,
        step=step,
        labels=(primary(own.call_site, here(own)),),
        why=(f"two axes are time x features, without a batch: {sizes[0]} steps of {sizes[1]}",),
        notes=mixing_notes(case.evidence.mixing),
        proposals=_single_steps(own, 1 if first else 0),
    )


def _single_steps(own: Step, axis: int) -> Iterator[Proposal]:
    """An axis of one step for each sample, dropped again behind the layer."""
    message = "give each sample a sequence of one step"
    call, given = call_at(own.call_site), wrap(own, 0, "", f".unsqueeze({axis})")
    if call is None or given is None:
        return
    statement, edit = call.code.statement(call.node), given[0].replace(given[1], given[2])
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    outputs = target.elts[0] if isinstance(target, ast.Tuple) else None
    if isinstance(outputs, ast.Name) and statement is not None and outputs.id != "_":
        dropped = f"{outputs.id} = {outputs.id}.squeeze({axis})"
        both = (edit, call.code.insert_after(statement, dropped))
        yield Proposal(message, both, kind="step")
    elif not isinstance(target, ast.Tuple):
        both_sides = around(own, f".unsqueeze({axis})", f".squeeze({axis})")
        if both_sides is not None:
            yield Proposal(message, both_sides, kind="step")
    yield Proposal(message, (edit,), kind="step")


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


def _reads(step: Step, axis: int, sizes: tuple[int, ...], shown: bool) -> str:
    """What is read as time; that the axis is the batch is said only once a run showed it."""
    if shown:
        return f"`{name_of(step)}` reads axis {axis}, the batch of {sizes[axis]}, as time"
    return f"`{name_of(step)}` reads axis {axis}, {sizes[axis]} long, as time"


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
        _reads(step, 0, sizes, shown),
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
        _reads(step, 1, sizes, shown),
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
