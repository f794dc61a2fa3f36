"""Dtypes and indices: what a layer takes as numbers, and what it takes as places."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import places
from shapescope.analysis.diagnosis.words import name_of, operand_labels, primary, shape_text
from shapescope.analysis.fixes.flatten import edit_operand
from shapescope.attrs import EmbeddingAttrs
from shapescope.trace import Step

INDEX_DTYPE = declare("embedding-dtype", "an embedding looks up whole numbers, not fractions")
DTYPE = declare("dtype", "a layer gets another dtype than its weights have")

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
            *_fed(case, step, "int64"),
        ),
    )  # fmt: skip


def _fed(case: Case, step: Step, dtype: str) -> Iterator[Proposal]:
    """The command with another dtype cannot be tried by shapes alone; it is left to the edit."""
    yield from ()


@failing(*_WEIGHTED)
def weight_dtype(case: Case) -> Iterator[Finding]:
    """A tensor of another dtype than the weights it meets."""
    step = case.failed
    if step is None or not step.inputs or not step.params:
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
