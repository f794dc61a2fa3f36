"""Output size and validity of pools with a window, and of max unpooling.

Source of the formulas: the Shape sections of torch.nn.MaxPool1d to MaxPool3d, AvgPool, LPPool and
MaxUnpool; the correction under ceil_mode and the limits are ATen's `pooling_output_shape` and
`pool2d_shape_check` (Pool.h).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import lt

from shapescope.arithmetic.axes import (
    PerAxis,
    below,
    empty_map,
    extent,
    map_of,
    per_axis,
    window,
)


def pool_output(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Output size of a max or average pool along one axis.

    `floor((n + before + after - dilation*(kernel_size - 1) - 1)/stride) + 1`; with ceil_mode the
    division rounds up, and a last window that would start behind the input and the padding
    before it is dropped.

    Args:
        n: Input size.
        kernel_size: Elements of the window along the axis.
        stride: Step of the window, not 0; None is the kernel size.
        padding: Elements before and after.
        dilation: Distance of neighbouring window elements.
        ceil_mode: Round up.

    Returns:
        The number of windows; `pool_refusal` says whether PyTorch accepts the call.
    """
    step = kernel_size if stride is None else stride
    before, after = padding
    room = n + before + after - dilation * (kernel_size - 1) - 1
    if not ceil_mode:
        return room // step + 1
    out = -(-room // step) + 1
    return out - 1 if (out - 1) * step >= n + before else out


def _strides(stride: PerAxis | None, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """The step per axis, which is the kernel size where it is left out or empty."""
    if stride is None or stride in ((), []):
        return kernel
    return per_axis(stride, len(kernel), "stride")


def pool_refusal(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    *,
    kind: str = "max",
    ceil_mode: bool = False,
    channels: int = 1,
    divisor_override: int | None = None,
) -> str | None:
    """Reason why PyTorch's CPU refuses a max, average or power-average pool, or None.

    Args:
        sizes: Spatial sizes of the input.
        kernel_size: Per axis.
        stride: Per axis; None or empty is the kernel size.
        padding: Per axis, at most half of the kernel size; dilation does not widen that limit.
        dilation: Per axis.
        kind: "max", "avg" or "lp"; the last two want a 3-D map no smaller than the window,
            whatever padding and ceil_mode add.
        ceil_mode: Round up.
        channels: Channels of the input; a batch of 0 runs, 0 channels do not.
        divisor_override: Of an average pool.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    kernel = per_axis(kernel_size, rank, "kernel_size")
    strides = _strides(stride, kernel)
    paddings = per_axis(padding, rank, "padding")
    dilations = per_axis(dilation, rank, "dilation")
    reason = (
        below(kernel, 1, "kernel_size")
        or below(strides, 1, "stride")
        or below(dilations, 1, "dilation")
        or below(paddings, 0, "padding")
        or empty_map(sizes)
    )
    if reason is not None:
        return reason
    if channels < 1:
        return "a map without channels cannot be pooled"
    if divisor_override == 0:
        return "divisor_override is 0"
    if any(2 * p > k for p, k in zip(paddings, kernel, strict=True)):
        return f"padding {extent(paddings)} is more than half of the kernel size {extent(kernel)}"
    if kind != "max" and rank == 3 and any(map(lt, sizes, kernel)):
        return f"{window(kernel, dilations)} does not fit on {map_of(sizes, [(0, 0)] * rank)}"
    for n, k, s, p, d in zip(sizes, kernel, strides, paddings, dilations, strict=True):
        if pool_output(n, k, s, (p, p), d, ceil_mode) < 1:
            rounding = ", also with ceil_mode" if ceil_mode else ""
            return (
                f"{window(kernel, dilations)} does not fit on "
                f"{map_of(sizes, [(q, q) for q in paddings])}{rounding}"
            )
    return None


def avg_pool_divisor(
    index: int,
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    count_include_pad: bool = True,
) -> int:
    """What an average pool divides the sum of one window by, along one axis.

    Elements of padding count unless `count_include_pad` is off; what ceil_mode adds behind the
    padding never counts (ATen, `cpu_avg_pool2d`).

    Args:
        index: Output position, from 0.
        n: Input size.
        kernel_size: Elements of the window along the axis.
        stride: Step of the window; None is the kernel size.
        padding: Elements before and after.
        count_include_pad: Count the padding.

    Returns:
        The number of elements that count.
    """
    first = index * (kernel_size if stride is None else stride) - padding
    end = min(first + kernel_size, n + padding)
    return end - first if count_include_pad else min(end, n) - max(first, 0)


def unpool_output(n: int, kernel_size: int, stride: int | None = None, padding: int = 0) -> int:
    """Output size of max unpooling along one axis: `(n - 1)*stride - 2*padding + kernel_size`.

    Args:
        n: Input size.
        kernel_size: Of the pool that is undone.
        stride: Of that pool; None is the kernel size.
        padding: Of that pool.

    Returns:
        The size without `output_size`; `unpool_refusal` says whether PyTorch accepts the call.
    """
    step = kernel_size if stride is None else stride
    return (n - 1) * step - 2 * padding + kernel_size


def unpool_refusal(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    *,
    output_size: Sequence[int] | None = None,
    indices: tuple[int, int] | None = None,
    channels: int = 1,
    batch: int = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses a max unpooling, or None.

    Args:
        sizes: Spatial sizes of the pooled map.
        kernel_size: Per axis.
        stride: Per axis; None or empty is the kernel size.
        padding: Per axis.
        output_size: Spatial sizes asked for; strictly within one stride of the default.
        indices: Smallest and largest flat index that the pool returned, where known: data, which
            a meta tensor does not have.
        channels: Channels of a batched input (leave it out for an unbatched one, which may have
            none).
        batch: Samples; 0 looks at no index.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    kernel = per_axis(kernel_size, rank, "kernel_size")
    strides = _strides(stride, kernel)
    paddings = per_axis(padding, rank, "padding")
    outputs: Sequence[int] = [
        unpool_output(n, k, s, p)
        for n, k, s, p in zip(sizes, kernel, strides, paddings, strict=True)
    ]
    if output_size is not None:
        for out, default, s in zip(output_size, outputs, strides, strict=True):
            if not default - s < out < default + s:
                return (
                    f"output_size {extent(output_size)} has to be within "
                    f"{extent(strides)} of {extent(outputs)}, exclusive"
                )
        outputs = output_size
    reason = below(outputs, 0, "the output") or empty_map(sizes)
    if reason is None and rank == 3:
        reason = below(strides, 1, "stride")
    if reason is not None:
        return reason
    if channels < 1:
        return "a map without channels cannot be unpooled"
    room = math.prod(outputs)
    if indices is not None and batch and room and not (indices[0] >= 0 and indices[1] < room):
        worst = indices[0] if indices[0] < 0 else indices[1]
        return f"index {worst} of the pool lies outside an output of {extent(outputs)}"
    return None
