"""Window counts and validity of unfold (im2col), fold (col2im) and Tensor.unfold.

Source of the formulas: the Shape sections of torch.nn.Unfold and torch.nn.Fold; the refusals are
those of ATen's `im2col_shape_check` and `col2im_shape_check`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapescope.arithmetic.axes import (
    PerAxis,
    below,
    empty_map,
    extent,
    map_of,
    per_axis,
    window,
)
from shapescope.arithmetic.convolution import conv_output


def unfold_output(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Number of windows of unfold along one axis, the same as a convolution's output size.

    `floor((n + 2*padding - dilation*(kernel_size - 1) - 1)/stride) + 1`. Unfold's last axis is the
    product of the counts, its channel axis the channels times the elements of the kernel.

    Args:
        n: Input size.
        kernel_size: Elements of the window along the axis.
        stride: Step of the window, not 0.
        padding: Zeros on either side.
        dilation: Distance of neighbouring window elements.

    Returns:
        The count; `unfold_refusal` says whether PyTorch accepts the call.
    """
    return conv_output(n, kernel_size, stride, (padding, padding), dilation)


def window_counts(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> tuple[int, ...]:
    """`unfold_output` of every axis; their product is unfold's L."""
    rank = len(sizes)
    return tuple(
        unfold_output(*axis)
        for axis in zip(
            sizes,
            per_axis(kernel_size, rank, "kernel_size"),
            per_axis(stride, rank, "stride"),
            per_axis(padding, rank, "padding"),
            per_axis(dilation, rank, "dilation"),
            strict=True,
        )
    )


def _window_refusal(
    rank: int, kernel_size: PerAxis, stride: PerAxis, padding: PerAxis, dilation: PerAxis
) -> str | None:
    return (
        below(per_axis(kernel_size, rank, "kernel_size"), 1, "kernel_size")
        or below(per_axis(stride, rank, "stride"), 1, "stride")
        or below(per_axis(padding, rank, "padding"), 0, "padding")
        or below(per_axis(dilation, rank, "dilation"), 1, "dilation")
    )


def unfold_refusal(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    *,
    channels: int = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses an unfold, or None.

    Args:
        sizes: The two spatial sizes of the input.
        kernel_size: Per axis.
        stride: Per axis.
        padding: Per axis.
        dilation: Per axis.
        channels: Channels of the input; a batch of 0 runs, 0 channels do not.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    if rank != 2:
        return f"unfold takes a map with 2 spatial axes, not {rank}"
    reason = _window_refusal(rank, kernel_size, stride, padding, dilation) or empty_map(sizes)
    if reason is not None:
        return reason
    if channels < 1:
        return "a map without channels cannot be unfolded"
    if any(one < 1 for one in window_counts(sizes, kernel_size, stride, padding, dilation)):
        kernel = per_axis(kernel_size, rank, "kernel_size")
        pairs = [(p, p) for p in per_axis(padding, rank, "padding")]
        named = window(kernel, per_axis(dilation, rank, "dilation"))
        return f"{named} does not fit on {map_of(sizes, pairs)}"
    return None


def fold_refusal(
    columns: int,
    windows: int,
    output_size: PerAxis,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses a fold, or None.

    Args:
        columns: Size of the channel axis of the input: channels times elements of the kernel.
        windows: Size of its last axis, L.
        output_size: The two spatial sizes to make.
        kernel_size: Per axis.
        stride: Per axis.
        padding: Per axis.
        dilation: Per axis.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    sizes = per_axis(output_size, 2, "output_size")
    reason = _window_refusal(2, kernel_size, stride, padding, dilation)
    if reason is not None:
        return reason
    reason = below(sizes, 1, "output_size")
    if reason is not None:
        return reason
    if columns < 1 or windows < 1:
        return f"there is nothing to fold in {columns} x {windows}"
    kernel = per_axis(kernel_size, 2, "kernel_size")
    elements = math.prod(kernel)
    if columns % elements:
        return f"{columns} is not divisible by the kernel's {extent(kernel)} = {elements} elements"
    counts = window_counts(sizes, kernel, stride, padding, dilation)
    if any(count < 1 for count in counts) or math.prod(counts) != windows:
        return (
            f"an output of {extent(sizes)} takes {extent(counts)} = {math.prod(counts)} windows, "
            f"but {windows} arrive"
        )
    return None


def tensor_unfold_output(n: int, size: int, step: int) -> int:
    """Number of windows of Tensor.unfold along its axis: `floor((n - size)/step) + 1`.

    The windows themselves become a new last axis of length `size`.
    """
    return (n - size) // step + 1


def tensor_unfold_refusal(n: int, size: int, step: int) -> str | None:
    """Reason why PyTorch refuses Tensor.unfold along an axis of size n, or None."""
    if step < 1:
        return f"step is {step}, but has to be at least 1"
    if size < 0:
        return f"size is {size}, but has to be at least 0"
    if size > n:
        return f"a window of {size} does not fit on an axis of {n}"
    return None
