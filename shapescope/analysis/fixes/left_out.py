"""Inputs as they may have been meant: with the axes left out, whole numbers, or less precision.

A model that runs once its input is complete is right; then nothing of it is to be edited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from shapescope.analysis.diagnosis.history import ints
from shapescope.attrs import ConvAttrs, EmbeddingAttrs, RecurrentAttrs
from shapescope.ops import lookup
from shapescope.trace import Step, Trace

_INTEGERS = ("int64", "int32")
_FLOATS = frozenset({"float32", "float64", "float16", "bfloat16"})


@dataclass(frozen=True, slots=True)
class MeantInput:
    """An input as it may have been meant.

    Attributes:
        number: which of the trace's inputs it is.
        shape: its whole shape.
        dtype: its dtype.
        message: what is to be done, in the words of the help.
        certain: the sizes tell it: the help may also be given where the model has another fault.
        edits_too: an edit of the model may be as good, and is shown beside it.
    """

    number: int
    shape: tuple[int, ...]
    dtype: str
    message: str
    certain: bool = True
    edits_too: bool = False


def meant_inputs(trace: Trace) -> Iterator[MeantInput]:
    """What the inputs of a trace that failed may have been meant to be, the likeliest first."""
    if trace.failure is None or trace.failure.step is None:
        return
    failed = trace.steps[trace.failure.step]
    for number, spec in enumerate(trace.inputs):
        sizes = ints(spec.shape)
        wanted = _precision_of(trace, failed)
        if sizes and wanted and spec.dtype in _FLOATS and spec.dtype != wanted:
            yield MeantInput(number, sizes, wanted, f"feed {wanted}", edits_too=True)
        if sizes:
            yield from _channels_behind(number, sizes, spec.dtype, failed)
        first = None if spec.name is None else _first_to_take(trace, spec.name)
        if not sizes or first is None:
            continue
        attrs = first.attrs
        if isinstance(attrs, ConvAttrs):
            for shape, what, certain in _maps(sizes, attrs):
                yield MeantInput(number, shape, spec.dtype, what, certain)
        elif isinstance(attrs, EmbeddingAttrs):
            if first is failed and spec.dtype not in _INTEGERS:
                yield MeantInput(number, sizes, "int64", "feed int64", edits_too=True)
            elif len(sizes) == 1:
                yield _one_sample(number, sizes, spec.dtype)
        elif isinstance(attrs, RecurrentAttrs) and not attrs.cell and len(sizes) == 2:
            yield _one_sample(number, sizes, spec.dtype)


def _channels_behind(
    number: int, sizes: tuple[int, ...], dtype: str, failed: Step
) -> Iterator[MeantInput]:
    """More channels, where a slice of those behind the ones that came left none for a layer."""
    arrived = ints(failed.inputs[0].shape) if failed.inputs else ()
    empty = len(arrived) == len(sizes) > 2 and arrived == (sizes[0], 0, *sizes[2:])
    if isinstance(failed.attrs, ConvAttrs) and empty:
        more = sizes[1] + failed.attrs.in_channels
        shape = (sizes[0], more, *sizes[2:])
        message = f"feed {more} channels: none is left behind the first {sizes[1]}"
        yield MeantInput(number, shape, dtype, message, edits_too=True)


def _precision_of(trace: Trace, failed: Step) -> str:
    """The dtype of all weights, where another one reached those of the step that failed."""
    kinds = {param.dtype for param in trace.params if param.dtype in _FLOATS}
    if len(kinds) != 1 or not failed.params or not failed.inputs:
        return ""
    (kind,) = kinds
    return kind if failed.inputs[0].dtype in _FLOATS - kinds else ""


def _one_sample(number: int, sizes: tuple[int, ...], dtype: str) -> MeantInput:
    return MeantInput(number, (1, *sizes), dtype, "add the batch axis to the input", certain=False)


def _first_to_take(trace: Trace, name: str) -> Step | None:
    """The first layer that takes an input as it came, or after steps that leave its axes alone."""
    same = {-1}
    for step in trace.steps:
        if step.is_composite:
            continue
        taken = bool(step.inputs) and (
            step.inputs[0].name == name or (step.sources[:1] or (None,))[0] in same
        )
        if not taken:
            continue
        row = lookup(step.op)
        if step.outputs and len(step.inputs) == 1 and (row.pointwise or step.op == "identity"):
            same.add(step.index)
            continue
        return step
    return None


def _maps(sizes: tuple[int, ...], attrs: ConvAttrs) -> Iterator[tuple[tuple[int, ...], str, bool]]:
    """Whole shapes of a map that lacks axes, what adds them, and whether its sizes say so."""
    axes, channels = len(attrs.kernel_size), attrs.in_channels
    if len(sizes) == axes + 1 and sizes[0] == channels:
        yield (1, *sizes), "add the batch axis to the input", True
    if len(sizes) == axes + 1 == 3 and sizes[1] == channels and sizes[2] > 1:
        square = len(set(attrs.kernel_size)) == 1
        yield (sizes[0], channels, sizes[2], sizes[2]), "give the input height and width", square
    if len(sizes) == axes and 1 not in sizes and not _are_rows(sizes, channels):
        square = len(set(sizes)) == 1
        yield (1, channels, *sizes), "add the batch and channel axes to the input", square


def _are_rows(sizes: tuple[int, ...], channels: int) -> bool:
    """Whether two sizes look like rows: of features, or of flat pictures (784 are 28 x 28)."""
    if len(sizes) != 2 or sizes[0] == sizes[1]:
        return False
    if sizes[1] == channels:
        return True
    if sizes[1] % channels:
        return False
    side = isqrt(sizes[1] // channels)
    return side > 1 and channels * side * side == sizes[1]
