"""The inverses: which input sizes give an output size, along one axis.

Every range is (smallest, largest), both included, of inputs that are at least 1; None where no
input gives that output.
"""

from __future__ import annotations

import math

from shapescope.arithmetic.axes import effective_kernel_size
from shapescope.arithmetic.resampling import interpolate_output


def _from(low: int, high: int) -> tuple[int, int] | None:
    low = max(low, 1)
    return (low, high) if low <= high else None


def conv_input_range(
    out: int,
    kernel_size: int,
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
) -> tuple[int, int] | None:
    """Inputs that a convolution (or unfold) turns into `out`.

    From `(out - 1)*stride + dilation*(kernel_size - 1) + 1 - before - after`, and the
    `stride - 1` sizes above it, which the floor throws away.

    Args:
        out: Output size.
        kernel_size: Elements of the kernel.
        stride: Step of the window.
        padding: Zeros before and after.
        dilation: Distance of neighbouring kernel elements.

    Returns:
        The range, or None.
    """
    if out < 1:
        return None
    low = (out - 1) * stride + effective_kernel_size(kernel_size, dilation) - sum(padding)
    return _from(low, low + stride - 1)


def pool_input_range(
    out: int,
    kernel_size: int,
    stride: int | None = None,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    ceil_mode: bool = False,
) -> tuple[int, int] | None:
    """Inputs that a pool turns into `out`.

    Without ceil_mode as for a convolution. With it, the output is the smaller of the rounded-up
    window count and the number of windows that start within input and padding; both grow with
    the input, so the range is where the smaller one is `out`.

    Args:
        out: Output size.
        kernel_size: Elements of the window.
        stride: Step of the window; None is the kernel size.
        padding: Elements before and after.
        dilation: Distance of neighbouring window elements.
        ceil_mode: Round up.

    Returns:
        The range, or None.
    """
    step = kernel_size if stride is None else stride
    if not ceil_mode:
        return conv_input_range(out, kernel_size, step, padding, dilation)
    if out < 1:
        return None
    # ceil(room/step) + 1 >= out from here on, and == out up to step - 1 more
    counted = (out - 2) * step + 1 + effective_kernel_size(kernel_size, dilation) - sum(padding)
    # ceil((n + before)/step) >= out from here on
    started = (out - 1) * step + 1 - padding[0]
    return _from(max(counted, started), max(counted, started) + step - 1)


def transposed_input_range(
    out: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> tuple[int, int] | None:
    """The one input that a transposed convolution turns into `out`, as a range, or None.

    `(out - 1 - output_padding - dilation*(kernel_size - 1) + 2*padding)/stride + 1`, where that
    is whole.
    """
    room = out - 1 - output_padding - dilation * (kernel_size - 1) + 2 * padding
    if out < 1 or room % stride:
        return None
    n = room // stride + 1
    return _from(n, n)


def unpool_input_range(
    out: int, kernel_size: int, stride: int | None = None, padding: int = 0
) -> tuple[int, int] | None:
    """The one input that max unpooling without output_size turns into `out`, or None."""
    return transposed_input_range(out, kernel_size, stride or kernel_size, padding)


def tensor_unfold_input_range(out: int, size: int, step: int) -> tuple[int, int] | None:
    """Inputs that Tensor.unfold cuts into `out` windows."""
    return conv_input_range(out, size, step)


def pad_input_range(out: int, before: int, after: int) -> tuple[int, int] | None:
    """The one input that padding turns into `out`, or None."""
    n = out - before - after
    return None if n < -min(before, 0) - min(after, 0) else _from(n, n)


def interpolate_input_range(out: int, scale_factor: float) -> tuple[int, int] | None:
    """Inputs that interpolation by `scale_factor` turns into `out`, in floating point as it is.

    Args:
        out: Output size.
        scale_factor: Output over input, positive.

    Returns:
        The range, or None: factor 2 never gives an odd size.
    """
    if out < 1 or scale_factor <= 0:
        return None
    low = max(math.floor(out / scale_factor) - 1, 1)
    while interpolate_output(low, scale_factor=scale_factor) < out:
        low += 1
    high = max(math.floor((out + 1) / scale_factor) - 1, low - 1)
    while interpolate_output(high + 1, scale_factor=scale_factor) <= out:
        high += 1
    while high >= low and interpolate_output(high, scale_factor=scale_factor) > out:
        high -= 1
    return _from(low, high)


def pixel_shuffle_input_range(out: int, upscale_factor: int) -> tuple[int, int] | None:
    """The one input that a pixel shuffle turns into `out` along a spatial axis, or None."""
    return None if out % upscale_factor else _from(out // upscale_factor, out // upscale_factor)


def pixel_unshuffle_input_range(out: int, downscale_factor: int) -> tuple[int, int] | None:
    """The one input that a pixel unshuffle turns into `out` along a spatial axis, or None."""
    return _from(out * downscale_factor, out * downscale_factor)
