"""Which axes of a model's inputs are free: the spatial ones, and those that run over time."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.arithmetic.expressions import Comparison, Junction
from shapescope.attrs import ConvAttrs
from shapescope.capture.sizes.wanted import WantedInput
from shapescope.trace import Shape
from shapescope.valid_sizes import FreeAxis, Passage

_BY_COUNT = {2: ("H", "W"), 3: ("D", "H", "W"), 4: ("T", "D", "H", "W")}
_READS_FEATURES = frozenset(
    {"linear", "lstm", "gru", "rnn", "lstm_cell", "gru_cell", "rnn_cell", "multi_head_attention",
     "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "matmul", "mm", "addmm",
     "bilinear"}
)  # fmt: skip
_MEETS_FEATURES = frozenset({"add", "sub", "mul", "div"})
"""They meet a vector of the model's own along the last axis."""


def probe_names(inputs: Sequence[WantedInput]) -> list[list[str | None]]:
    """A name for every axis of every input, to see which of them a layer fixes."""
    return [
        [f"A{number}_{axis}" for axis in range(len(given.shape))]
        for number, given in enumerate(inputs)
    ]


def channel_axes(inputs: Sequence[WantedInput], probe: Passage) -> list[int | None]:
    """For each input the axis whose size the layers fix: channels or features.

    The first axis that a layer wants to be a given size; a map has its channels in axis 1 where
    no convolution says otherwise, and no layer reads the last axis alone.
    """
    fixed: list[int | None] = [None] * len(inputs)
    read: list[set[int]] = [set() for _ in inputs]
    for decision in probe.decisions:
        condition = decision.condition
        if isinstance(condition, Junction) and condition.parts:
            condition = condition.parts[0]
        if not isinstance(condition, Comparison) or not condition.is_zero or condition.negated:
            continue
        if len(condition.names) != 1 or decision.step is None or len(condition.expr.terms) != 1:
            continue
        (product, _) = condition.expr.terms[0]
        before, _, behind = product[0].text.removeprefix("A").partition("_")
        if len(product) > 1 or not (before.isdigit() and behind.isdigit()):
            continue
        probed, axis = int(before), int(behind)
        step = probe.steps[decision.step] if decision.step < len(probe.steps) else None
        if step is None or fixed[probed] is not None:
            continue
        is_map = len(inputs[probed].shape) > 3
        is_last = axis == len(inputs[probed].shape) - 1
        reads = step.op in _READS_FEATURES or (is_last and step.op in _MEETS_FEATURES)
        if isinstance(step.attrs, ConvAttrs) or (not is_map and reads):
            fixed[probed] = axis
        elif reads or step.op in _MEETS_FEATURES:
            read[probed].add(axis)
    for number, given in enumerate(inputs):
        if fixed[number] is None and len(given.shape) > 3:
            fixed[number] = _channels_of_map(given.shape, read[number])
    return fixed


def _channels_of_map(shape: Shape, read: set[int]) -> int:
    """The channels of a map that meets no convolution before its other layers.

    They are behind where layers read the last axis alone (N x H x W x C, or heads with features);
    one channel in front is no row.
    """
    last = len(shape) - 1
    return last if read == {last} and shape[1] != 1 else 1


def free_axes(
    inputs: Sequence[WantedInput], channels: Sequence[int | None]
) -> tuple[FreeAxis, ...]:
    """The free axes of all inputs, named; a second input's names carry its number."""
    found: list[FreeAxis] = []
    for number, (given, channel) in enumerate(zip(inputs, channels, strict=True)):
        taken = {channel, *given.batch_axes}
        axes = [axis for axis in range(len(given.shape)) if axis not in taken]
        names = _names(given, channel, len(axes))
        suffix = str(number) if number else ""
        found.extend(
            FreeAxis(name + suffix, number, axis) for name, axis in zip(names, axes, strict=True)
        )
    return tuple(found)


def _names(given: WantedInput, channel: int | None, count: int) -> tuple[str, ...]:
    if count == 1:
        # a row of values behind its channels has a length; steps with features run over time
        last = channel != len(given.shape) - 1
        return ("L" if given.is_float and last else "T",)
    return _BY_COUNT.get(count) or tuple(f"S{position}" for position in range(count))


def axis_names(
    inputs: Sequence[WantedInput], axes: Sequence[FreeAxis], batch: str | None
) -> list[list[str | None]]:
    """For each axis of each input its name, None where its size is given."""
    names: list[list[str | None]] = [[None] * len(given.shape) for given in inputs]
    for number, given in enumerate(inputs):
        for axis in given.batch_axes:
            names[number][axis] = batch
    for free in axes:
        names[free.input][free.axis] = free.name
    return names


def shape_at(names: Sequence[str | None], shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    """The shape of an input with its free axes at these sizes."""
    return tuple(
        int(size) if name is None or name not in sizes else sizes[name]
        for name, size in zip(names, shape, strict=True)
    )
