"""The receptive field along one axis: how far one output sees, carried from step to step.

A field is (size, jump, start) in elements of the network's input: `size` how many elements the
first output spans, `jump` the distance between the fields of neighbouring outputs, `start` the
index of the first element of the first output's field, negative where it lies in the padding.
So output `i` sees the elements from `start + i*jump` to `start + i*jump + size - 1`. The input
itself is (1, 1, 0). The recurrence is that of Araujo, Norris and Sim, "Computing receptive fields
of convolutional neural networks" (Distill, 2019), with the left edge in place of the centre,
which keeps every number whole; only steps that enlarge the map make `jump` a Fraction.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

Exact: TypeAlias = int | Fraction
Field: TypeAlias = tuple[Exact, Exact, Exact]

INPUT_FIELD: Field = (1, 1, 0)


def _whole(value: Exact) -> Exact:
    return value.numerator if value.denominator == 1 else value


def receptive_field_step(
    size: Exact,
    jump: Exact,
    start: Exact,
    kernel_size: int,
    stride: Exact = 1,
    padding_before: int = 0,
    dilation: int = 1,
) -> Field:
    """Field behind a convolution, a pool or any other sliding window.

    `size + dilation*(kernel_size - 1)*jump`, `jump*stride`, `start - padding_before*jump`.

    Args:
        size: Field in front of the step: elements spanned.
        jump: Distance between neighbouring fields.
        start: First element of the first field.
        kernel_size: Elements of the window.
        stride: Step of the window (a Fraction for an adaptive pool that does not divide).
        padding_before: Elements of padding in front.
        dilation: Distance of neighbouring window elements.

    Returns:
        The field (size, jump, start) behind it.
    """
    return (
        _whole(size + dilation * (kernel_size - 1) * jump),
        _whole(jump * stride),
        _whole(start - padding_before * jump),
    )


def receptive_field_step_transposed(
    size: Exact,
    jump: Exact,
    start: Exact,
    kernel_size: int,
    stride: int = 1,
    padding_before: int = 0,
    dilation: int = 1,
) -> Field:
    """Field behind a transposed convolution.

    Output `o` adds up the inputs `i` with `o = i*stride - padding + dilation*k`. Outputs of
    different phase see different numbers of inputs; the field is the widest of them, and `jump`
    is divided by the stride. Where neighbouring outputs share an input, `start + i*jump` is right
    to within one input element: `transposed_interval` is exact.

    Args:
        size: Field in front of the step: elements spanned.
        jump: Distance between neighbouring fields.
        start: First element of the first field.
        kernel_size: Elements of the kernel.
        stride: Distance of the outputs of neighbouring inputs.
        padding_before: Elements cut off in front.
        dilation: Distance of neighbouring kernel elements.

    Returns:
        The field (size, jump, start) behind it.
    """
    first_of_phase: dict[int, int] = {}
    span = 0
    for k in range(kernel_size):
        first = first_of_phase.setdefault(dilation * k % stride, k)
        span = max(span, dilation * (k - first) // stride)
    leftmost = -((dilation * (kernel_size - 1) - padding_before) // stride)
    return (
        _whole(size + span * jump),
        _whole(Fraction(jump) / stride),
        _whole(start + leftmost * jump),
    )


def receptive_field_step_resized(
    size: Exact, jump: Exact, start: Exact, n: int, out: int, neighbours: int = 1
) -> Field:
    """Field behind an interpolation.

    Args:
        size: Field in front of the step: elements spanned.
        jump: Distance between neighbouring fields.
        start: First element of the first field.
        n: Input size of the step.
        out: Its output size.
        neighbours: Inputs that one output mixes along the axis: 1 nearest, 2 linear, 4 cubic.

    Returns:
        The field (size, jump, start) behind it.
    """
    reach = neighbours // 2 - 1 if neighbours > 1 else 0
    # centres of pixels are aligned: output 0 lies at n/(2*out) - 1/2 of the input
    first = (Fraction(n, out) - 1) // 2 if neighbours > 1 else 0
    return (
        _whole(size + (neighbours - 1) * jump),
        _whole(jump * Fraction(n, out)),
        _whole(start + (first - reach) * jump),
    )


def transposed_interval(
    first: int,
    last: int,
    kernel_size: int,
    stride: int = 1,
    padding_before: int = 0,
    dilation: int = 1,
) -> tuple[int, int] | None:
    """First and last input that outputs `first` to `last` of a transposed convolution read.

    None where no input reaches them (a kernel smaller than the stride leaves gaps). May lie
    outside the map, as at a border.
    """
    reached = [
        (o + padding_before - dilation * k) // stride
        for o in range(first, last + 1)
        for k in range(kernel_size)
        if (o + padding_before - dilation * k) % stride == 0
    ]
    return (min(reached), max(reached)) if reached else None
