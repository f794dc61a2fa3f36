"""The arithmetic of each output size written out with its numbers, for one axis.

Each function stands beside the output function of the same name, takes the same arguments and
ends in `= ` that function's answer, so what is shown is what was computed. Left of the last `=`
stands a Python expression (with `floor` and `ceil` of `math`), which tests evaluate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapescope.arithmetic.adaptive import adaptive_output, fractional_pool_output
from shapescope.arithmetic.convolution import conv_output
from shapescope.arithmetic.padding import pad_output
from shapescope.arithmetic.pooling import pool_output, unpool_output
from shapescope.arithmetic.resampling import interpolate_output
from shapescope.arithmetic.transposed import transposed_output
from shapescope.arithmetic.unfolding import tensor_unfold_output


def _padding(padding: tuple[int, int]) -> str:
    before, after = padding
    return f"2*{before}" if before == after else f"{before} + {after}"


def conv_formula(
    n: int,
    kernel_size: int,
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    *,
    general: bool = False,
) -> str:
    """`(28 - 5 + 2*0)/1 + 1 = 24`, with `//` where the division is not exact.

    Where the dilation is not 1, or on request, the general form
    `(28 + 2*0 - 1*(5-1) - 1)//1 + 1 = 24`. Uneven padding reads `+ 1 + 2`.

    Args:
        n: Input size.
        kernel_size: Elements of the kernel along the axis.
        stride: Step of the window, not 0.
        padding: Zeros before and after.
        dilation: Distance of neighbouring kernel elements.
        general: Write the general form also where the short one would do.

    Returns:
        One line.
    """
    out = conv_output(n, kernel_size, stride, padding, dilation)
    pad = _padding(padding)
    if general or dilation != 1:
        return f"({n} + {pad} - {dilation}*({kernel_size}-1) - 1)//{stride} + 1 = {out}"
    exact = (n - kernel_size + padding[0] + padding[1]) % stride == 0
    return f"({n} - {kernel_size} + {pad}){'/' if exact else '//'}{stride} + 1 = {out}"


def pool_formula(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    ceil_mode: bool = False,
    *,
    general: bool = False,
) -> str:
    """As `conv_formula`; with ceil_mode `ceil((7 - 2)/3) + 1 = 3`.

    Where the last window is dropped: `ceil((6 - 2)/3) + 1 = 3, last window starts past the input:
    2`.

    Args:
        n: Input size.
        kernel_size: Elements of the window along the axis.
        stride: Step of the window, not 0; None is the kernel size.
        padding: Elements before and after.
        dilation: Distance of neighbouring window elements.
        ceil_mode: Round up.
        general: Write the general form also where the short one would do.

    Returns:
        One line.
    """
    step = kernel_size if stride is None else stride
    if not ceil_mode:
        return conv_formula(n, kernel_size, step, padding, dilation, general=general)
    out = pool_output(n, kernel_size, step, padding, dilation, True)
    room = n + padding[0] + padding[1] - dilation * (kernel_size - 1) - 1
    rounded = -(-room // step) + 1
    pad = f" + {_padding(padding)}" if padding != (0, 0) else ""
    if general or dilation != 1:
        text = f"ceil(({n}{pad} - {dilation}*({kernel_size}-1) - 1)/{step}) + 1 = {rounded}"
    else:
        text = f"ceil(({n} - {kernel_size}{pad})/{step}) + 1 = {rounded}"
    return text if out == rounded else f"{text}, last window starts past the input: {out}"


def transposed_formula(
    n: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> str:
    """`(7 - 1)*2 - 2*1 + 1*(3-1) + 1 + 1 = 14`.

    The arguments are those of `transposed_output`; the two ones at the end are output_padding and
    the 1 of the formula.
    """
    out = transposed_output(n, kernel_size, stride, padding, output_padding, dilation)
    return (
        f"({n} - 1)*{stride} - 2*{padding} + {dilation}*({kernel_size}-1) + {output_padding} + 1"
        f" = {out}"
    )


def unfold_formula(
    n: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    *,
    general: bool = False,
) -> str:
    """As `conv_formula`: the windows of unfold (and of the map that fold makes) along one axis."""
    pair = (padding, padding)
    return conv_formula(n, kernel_size, stride, pair, dilation, general=general)


def tensor_unfold_formula(n: int, size: int, step: int) -> str:
    """`(10 - 4)/3 + 1 = 3`, with `//` where the division is not exact."""
    sign = "//" if (n - size) % step else "/"
    return f"({n} - {size}){sign}{step} + 1 = {tensor_unfold_output(n, size, step)}"


def product_formula(sizes: Sequence[int]) -> str:
    """`16 * 5 * 5 = 400`: what flatten makes, the windows of unfold, the values of a shape."""
    if len(sizes) == 1:
        return str(sizes[0])
    return f"{' * '.join(map(str, sizes))} = {math.prod(sizes)}"


def pad_formula(n: int, before: int, after: int) -> str:
    """`6 + 1 + 2 = 9`; a negative amount reads `6 - 3 + 0 = 3`."""
    terms = "".join(f" {'-' if amount < 0 else '+'} {abs(amount)}" for amount in (before, after))
    return f"{n}{terms} = {pad_output(n, before, after)}"


def unpool_formula(n: int, kernel_size: int, stride: int | None = None, padding: int = 0) -> str:
    """`(3 - 1)*2 - 2*0 + 2 = 6`."""
    step = kernel_size if stride is None else stride
    out = unpool_output(n, kernel_size, step, padding)
    return f"({n} - 1)*{step} - 2*{padding} + {kernel_size} = {out}"


def adaptive_formula(n: int, output_size: int | None) -> str:
    """`output_size = 7`, or `output_size None keeps 10`."""
    out = adaptive_output(n, output_size)
    return f"output_size None keeps {out}" if output_size is None else f"output_size = {out}"


def fractional_pool_formula(
    n: int, *, output_size: int | None = None, output_ratio: float | None = None
) -> str:
    """`floor(100 * 0.29) = 28`, or `output_size = 8`."""
    out = fractional_pool_output(n, output_size=output_size, output_ratio=output_ratio)
    return (
        f"output_size = {out}" if output_ratio is None else f"floor({n} * {output_ratio}) = {out}"
    )


def interpolate_formula(
    n: int, *, size: int | None = None, scale_factor: float | None = None
) -> str:
    """`floor(5 * 1.5) = 7`, or `size = 7`."""
    out = interpolate_output(n, size=size, scale_factor=scale_factor)
    return f"size = {out}" if scale_factor is None else f"floor({n} * {scale_factor}) = {out}"


def pixel_shuffle_formula(n: int, upscale_factor: int) -> str:
    """`9 * 2 = 18`, along a spatial axis."""
    return f"{n} * {upscale_factor} = {n * upscale_factor}"


def pixel_shuffle_channels_formula(channels: int, upscale_factor: int) -> str:
    """`8/(2*2) = 2`."""
    return f"{channels}/({upscale_factor}*{upscale_factor}) = {channels // upscale_factor**2}"


def pixel_unshuffle_formula(n: int, downscale_factor: int) -> str:
    """`9/3 = 3`, along a spatial axis."""
    return f"{n}/{downscale_factor} = {n // downscale_factor}"


def pixel_unshuffle_channels_formula(channels: int, downscale_factor: int) -> str:
    """`2 * 3*3 = 18`."""
    out = channels * downscale_factor**2
    return f"{channels} * {downscale_factor}*{downscale_factor} = {out}"
