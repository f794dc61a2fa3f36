"""RNN, LSTM, GRU and their cells: the features that arrive, and the axis that is time."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.hidden import HIDDEN, hidden
from shapescope.analysis.diagnosis.rules.layers import (
    as_the_maker,
    joined_widths,
    make_instead,
    maker_of,
    places,
)
from shapescope.analysis.diagnosis.rules.widths import is_map, turned_first
from shapescope.analysis.diagnosis.words import (
    arrive,
    name_of,
    operand_labels,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import other_dim
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.analysis.fixes.frames import flattened_later
from shapescope.analysis.fixes.instead import swapped_numbers
from shapescope.analysis.fixes.literals import written_number
from shapescope.analysis.fixes.picks import dim_of
from shapescope.analysis.fixes.stepping import steps_instead
from shapescope.attrs import EmbeddingAttrs, RecurrentAttrs
from shapescope.trace import Step

INPUT = declare("rnn-input-size", "a recurrent layer gets another number of features than it takes")
INPUT_RANK = declare("rnn-input-rank", "a recurrent layer gets more or fewer axes than it takes")


@failing("lstm", "gru", "rnn")
def recurrent(case: Case) -> Iterator[Finding]:
    """Why a recurrent layer refuses its input or its hidden state."""
    step = case.failed
    if step is None or not isinstance(step.attrs, RecurrentAttrs) or not step.inputs:
        return
    attrs, sizes = step.attrs, ints(step.inputs[0].shape)
    if len(sizes) not in (2, 3):
        yield _rank(case, step, sizes)
        return
    if sizes[-1] != attrs.input_size:
        yield from folded_before(case, step)
        yield _input_size(case, step, sizes, attrs)
        return
    layers = attrs.num_layers * (2 if attrs.bidirectional else 1)
    batch = None if len(sizes) == 2 else sizes[0 if attrs.batch_first else 1]
    wanted = (layers, *(() if batch is None else (batch,)), attrs.proj_size or attrs.hidden_size)
    for position in range(1, len(step.inputs)):
        given = ints(step.inputs[position].shape)
        width = attrs.hidden_size if position > 1 else wanted[-1]
        if given != (*wanted[:-1], width):
            yield hidden(case, step, position, given, (*wanted[:-1], width), attrs)
            return


def _rank(case: Case, step: Step, sizes: tuple[int, ...]) -> Finding:
    trace = case.trace
    form = "batch x time x features"
    if isinstance(step.attrs, RecurrentAttrs) and not step.attrs.batch_first:
        form = "time x batch x features"
    proposals: list[Proposal] = []
    if len(sizes) == 4 and isinstance(step.attrs, RecurrentAttrs):
        wanted = step.attrs.input_size
        if sizes[1] == 1 and sizes[3] == wanted:
            proposals += edit_operand(step, trace, ".squeeze(1)", "drop the channel axis of 1")
        if sizes[1] * sizes[2] == wanted:
            proposals += edit_operand(
                step, trace, ".flatten(1, 2).transpose(1, 2)", "a row of features for each column"
            )
        if sizes[2] * sizes[3] == wanted:
            proposals += edit_operand(step, trace, ".flatten(2)", "one row for each channel")
        if sizes[1] == wanted:
            proposals += edit_operand(
                step, trace, ".flatten(2).transpose(1, 2)", "one row for each place of the map"
            )
        if sizes[1] * sizes[3] == wanted:
            proposals += edit_operand(
                step, trace, ".transpose(1, 2).flatten(2)", "one row for each line of the map"
            )
    maker = maker_of(trace, step)
    table = maker.attrs if maker is not None else None
    one_hot = isinstance(table, EmbeddingAttrs) and sizes[2:3] == (table.num_embeddings,)
    if maker is not None and one_hot and len(sizes) == 4:
        message = "look up the word that each one-hot row names"
        proposals += edit_operand(maker, trace, ".argmax(-1)", message)
    if len(sizes) == 1:
        proposals += edit_operand(step, trace, "[:, None, None]", "a sequence of one feature each")
    return finding(
        INPUT_RANK,
        f"`{name_of(step)}` takes 3 axes, but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=places(trace, step, "input_size", f"takes {form}"),
        why=(f"{name_of(step)} takes {form}; {shape_text(sizes)} arrives",),
        proposals=proposals,
    )


def _input_size(case: Case, step: Step, sizes: tuple[int, ...], attrs: RecurrentAttrs) -> Finding:
    trace = case.trace
    wanted = attrs.input_size
    maker = maker_of(trace, step)
    proposals: list[Proposal] = [*swapped_numbers(trace, step, sizes[-1])]
    if len(sizes) == 3 and (sizes[1] == wanted or (maker is not None and is_map(trace, maker))):
        proposals += turned_first(trace, step)
    proposals += flattened_later(trace, step, wanted)
    if wanted == 1:
        proposals += edit_operand(step, trace, ".unsqueeze(-1)", "give every value an axis")
    if len(sizes) < 3 or sizes[1] != wanted:
        proposals += as_the_maker(trace, step, "input_size", maker)
        proposals += set_argument(
            trace,
            step.path,
            "input_size",
            sizes[-1],
            f"take the {sizes[-1]} that arrive",
            parts=joined_widths(maker, sizes[-1]),
        )
    proposals += written_number(trace, step.path, "input_size", wanted, sizes[-1])
    proposals += make_instead(trace, maker, wanted)
    return finding(
        INPUT,
        f"`{name_of(step)}` takes {plural(wanted, 'feature')}, but the last axis has {sizes[-1]}",
        step=step,
        labels=places(trace, step, "input_size", f"input_size = {wanted}"),
        why=(f"{shape_text(sizes)}: the last axis is {sizes[-1]}, not {wanted}",),
        proposals=proposals,
    )


@failing("lstm_cell", "gru_cell", "rnn_cell")
def cell(case: Case) -> Iterator[Finding]:
    """Why a single step of a recurrent layer refuses its input."""
    step = case.failed
    if step is None or not isinstance(step.attrs, RecurrentAttrs) or not step.inputs:
        return
    trace, wanted, sizes = case.trace, step.attrs.input_size, ints(step.inputs[0].shape)
    if sizes and sizes[-1] == wanted:
        yield from folded_before(case, step)
        yield from _other_rows(case, step, sizes)
    if not sizes or sizes[-1] == wanted:
        return
    maker = maker_of(trace, step)
    cut = maker if maker is not None and maker.op in ("split", "chunk", "unbind") else None
    proposals: list[Proposal] = []
    if cut is not None and dim_of(cut) == 0:
        proposals += other_dim(trace, cut, (1,), "cut along axis")
    proposals += set_argument(
        trace, step.path, "input_size", sizes[-1], f"take the {sizes[-1]} that arrive"
    )
    proposals += make_instead(trace, maker, wanted)
    yield finding(
        INPUT,
        f"`{name_of(step)}` takes {plural(wanted, 'feature')}, but {arrive(sizes[-1])}",
        step=step,
        labels=(
            *places(trace, step, "input_size", f"input_size = {wanted}"),
            None if cut is None else label(cut.call_site, _cut_text(cut)),
        ),
        why=(f"{shape_text(sizes)}: the last axis is {sizes[-1]}, not {wanted}",),
        proposals=proposals,
    )


def _other_rows(case: Case, step: Step, sizes: tuple[int, ...]) -> Iterator[Finding]:
    """A cell that gets rows of another number than its state has: one sample, not one step."""
    state = ints(step.inputs[1].shape) if len(step.inputs) > 1 else ()
    if len(sizes) != 2 or len(state) != 2 or sizes[0] == state[0]:
        return
    picked = maker_of(case.trace, step)
    given = () if picked is None or not picked.inputs else ints(picked.inputs[0].shape)
    across = len(given) == 3 and given[0] == state[0] and given[1:] == sizes
    made = label(picked.call_site, _cut_text(picked)) if picked is not None and across else None
    yield finding(
        HIDDEN,
        f"`{name_of(step)}` gets {plural(sizes[0], 'row')}, but a state of {state[0]}",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)), made),
        why=(
            f"{shape_text(sizes)} is read as {sizes[0]} samples, {shape_text(state)} as {state[0]}",
        ),
        notes=(
            (
                f"axis 0 of {shape_text(given)} is the batch of {given[0]}: an index into it takes "
                "one sample, with all its steps"
            )
            if across
            else None,
        ),
        proposals=steps_instead(picked) if picked is not None and across else (),
    )


def _cut_text(cut: Step) -> str:
    return f"{shape_text(cut.inputs[0].shape)} cut into {shape_text(cut.outputs[0].shape)}"
