"""Dtypes and indices: what a layer takes as numbers, and what it takes as places."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, finding
from shapescope.analysis.diagnosis.history import source_of
from shapescope.analysis.diagnosis.registry import declare, failing, scanning
from shapescope.analysis.diagnosis.rules.layers import places
from shapescope.analysis.diagnosis.rules.positions import SHORT
from shapescope.analysis.diagnosis.rules.tables import constants_of, longer
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import CallAttrs, EmbeddingAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

INDEX_RANGE = declare("embedding-range", "an index lies beyond the last row of an embedding")
INDEX_DTYPE = declare("embedding-dtype", "an embedding looks up whole numbers, not fractions")
DTYPE = declare("dtype", "a layer gets another dtype than its weights have")

_STRICT = frozenset(
    {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
     "conv_transpose3d", "lstm", "gru", "rnn", "multi_head_attention"}
)  # fmt: skip
_CARRY = frozenset(
    {"to", "unsqueeze", "expand", "view", "reshape", "repeat", "getitem", "squeeze", "transpose",
     "contiguous", "expand_as", "flatten"}
)  # fmt: skip
_INTEGERS = ("int64", "int32")
_WEIGHTED = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "lstm", "gru", "rnn", "multi_head_attention", "layer_norm", "batch_norm",
    "bilinear", "group_norm",
)  # fmt: skip


@failing("embedding", "embedding_bag")
def index_dtype(case: Case) -> Iterator[Finding]:
    """Indices that are no whole numbers."""
    step = case.failed
    if step is None or not step.inputs or step.inputs[0].dtype in _INTEGERS:
        return
    spec = step.inputs[0]
    rows = step.attrs.num_embeddings if isinstance(step.attrs, EmbeddingAttrs) else 0
    yield finding(
        INDEX_DTYPE,
        f"`{name_of(step)}` takes indices of int64 or int32, but {spec.dtype} arrives",
        step=step,
        labels=places(
            case.trace, step, "num_embeddings", f"{rows} rows to look up",
            f"{shape_text(spec.shape)} of {spec.dtype}",
        ),
        why=(f"an index is a row number from 0 to {rows - 1}; {spec.dtype} is none",),
        proposals=(
            *edit_operand(step, case.trace, ".long()", "make them int64"),
        ),
    )  # fmt: skip


@scanning
def index_range(case: Case) -> Iterator[Finding]:
    """Indices beyond the last row, as far as the request or an arange tells them."""
    trace = case.trace
    for step in trace.steps:
        if not isinstance(step.attrs, EmbeddingAttrs) or not step.inputs:
            continue
        rows = step.attrs.num_embeddings
        highest = _highest(case, step)
        if highest is None or highest < rows:
            continue
        counted = _counter(trace, step)
        rule, noun = (SHORT, "positions") if counted else (INDEX_RANGE, "indices")
        constants = list(constants_of(trace, step.path, rows))
        yield finding(
            rule,
            f"`{name_of(step)}` holds {rows} rows, but {noun} up to {highest} arrive",
            step=step,
            labels=(
                *places(case.trace, step, "num_embeddings", f"num_embeddings = {rows}"),
                *(Label(code.span(node), f"{rows} rows") for code, node in constants[:1]),
            ),
            why=(f"the last row is {rows - 1}, so {highest} is out of range",),
            notes=("this shows on real numbers alone: shapes fit any index",),
            proposals=longer(constants, highest + 1)
            if counted
            else (
                *set_argument(
                    trace, step.path, "num_embeddings", highest + 1, f"hold {highest + 1} rows"
                ),
            ),
        )
        return


def _highest(case: Case, step: Step) -> int | None:
    """The highest index that can arrive: below a bound that was asked for, or counted up."""
    counter = _counter(case.trace, step)
    if counter is not None:
        size = counter.outputs[0].shape[0]
        return size - 1 if isinstance(size, int) else None
    current, place = step, 0
    while True:
        spec = current.inputs[place]
        if spec.name is not None:
            bound = case.evidence.bounds.get(spec.name)
            return None if bound is None else bound - 1
        maker = source_of(case.trace, current, place)
        if maker is None or maker.op not in _CARRY or not maker.inputs:
            return None
        current, place = maker, 0


def _counter(trace: Trace, step: Step) -> Step | None:
    """The arange that an index comes from, where it starts at 0."""
    maker = source_of(trace, step)
    while maker is not None and maker.op in _CARRY:
        maker = source_of(trace, maker)
    if maker is None or maker.op != "arange" or not maker.outputs:
        return None
    start = maker.attrs.get("start", 0) if isinstance(maker.attrs, CallAttrs) else 0
    plain = isinstance(start, int) and len(maker.outputs[0].shape) == 1
    return maker if plain and (start == 0 or not _has_end(maker)) else None


def _has_end(maker: Step) -> bool:
    return isinstance(maker.attrs, CallAttrs) and maker.attrs.get("end") is not None


@failing(*_WEIGHTED)
def weight_dtype(case: Case) -> Iterator[Finding]:
    """A tensor of another dtype than the weights it meets."""
    if case.failed is not None:
        yield from _other_dtype(case, case.failed)


@scanning
def silent_dtype(case: Case) -> Iterator[Finding]:
    """The same where only meta tensors were asked, which take any dtype."""
    if case.trace.mode != "meta":
        return
    for step in case.trace.steps:
        if step.op in _STRICT and step.outputs:
            for found in _other_dtype(case, step):
                yield found
                return


def _other_dtype(case: Case, step: Step) -> Iterator[Finding]:
    if not step.inputs or not step.params:
        return
    given, wanted = step.inputs[0].dtype, step.params[0].dtype
    if given == wanted:
        return
    method = {"float32": ".float()", "float64": ".double()", "float16": ".half()"}.get(wanted)
    yield finding(
        DTYPE,
        f"`{name_of(step)}` has weights of {wanted}, but {given} arrives",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(f"{shape_text(step.inputs[0].shape)} of {given} against weights of {wanted}",),
        proposals=edit_operand(step, case.trace, method, f"make it {wanted}") if method else (),
    )
