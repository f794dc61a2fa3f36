"""Output size and validity of convolution, per axis and for any number of axes.

Source of the formulas: the Shape sections of torch.nn.Conv1d to Conv3d, and Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning". The refusals are those of ATen's
`check_shape_forward` and of the CPU kernels behind it, which a meta tensor never reaches.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.arithmetic.axes import (
    Padding,
    PerAxis,
    below,
    empty_map,
    extent,
    map_of,
    padding_pairs,
    per_axis,
    window,
)
from shapescope.arithmetic.padding import pad_refusal


def conv_output(
    n: int,
    kernel_size: int,
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
) -> int:
    """Output size of a convolution along one axis.

    `floor((n + before + after - dilation*(kernel_size - 1) - 1)/stride) + 1`, with floor toward
    minus infinity, so a window that does not fit gives 0 or less.

    Args:
        n: Input size.
        kernel_size: Elements of the kernel along the axis.
        stride: Step of the window, not 0.
        padding: Zeros before and after; they differ under `padding="same"` with an even window.
        dilation: Distance of neighbouring kernel elements.

    Returns:
        The number of window positions; `conv_refusal` says whether PyTorch accepts the call.
    """
    return (n + padding[0] + padding[1] - dilation * (kernel_size - 1) - 1) // stride + 1


def groups_refusal(
    in_channels: int, out_channels: int, groups: int, *, transposed: bool = False
) -> str | None:
    """Reason why these channels cannot be split into groups, or None.

    Args:
        in_channels: Channels the layer takes.
        out_channels: Channels it makes.
        groups: Number of independent groups.
        transposed: The layer is a transposed convolution, whose weight has its input channels
            first; it is also refused without any input channel.

    Returns:
        One line with these numbers, or None where PyTorch accepts them.
    """
    if groups < 1:
        return f"groups is {groups}, but has to be at least 1"
    if in_channels % groups:
        return f"in_channels {in_channels} is not divisible by groups {groups}"
    if out_channels % groups:
        return f"out_channels {out_channels} is not divisible by groups {groups}"
    if out_channels < 1:
        return f"out_channels is {out_channels}, but has to be at least 1"
    if transposed and in_channels < 1:
        return f"in_channels is {in_channels}, but has to be at least 1"
    return None


def channels_refusal(channels: int, in_channels: int) -> str | None:
    """Reason why a layer for `in_channels` does not take a map of `channels`, or None."""
    if channels == in_channels:
        return None
    return f"the layer takes {in_channels} channels, but {channels} arrive"


def conv_refusal(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    *,
    padding_mode: str = "zeros",
    batch: int = 1,
    channels: int = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses a convolution, or None.

    Args:
        sizes: Spatial sizes of the input.
        kernel_size: Per axis.
        stride: Per axis.
        padding: "same", "valid", or per axis an int or a (before, after) pair.
        dilation: Per axis.
        padding_mode: "zeros", "reflect", "replicate" or "circular"; all but the first pad the
            map beforehand and have the limits of `pad_refusal`.
        batch: Samples; a batch of 0 never reaches the kernels and skips some of their checks.
        channels: Channels of the input; the same holds for 0.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    kernel = per_axis(kernel_size, rank, "kernel_size")
    strides = per_axis(stride, rank, "stride")
    dilations = per_axis(dilation, rank, "dilation")
    pairs = padding_pairs(padding, kernel, dilations)
    if padding == "same" and max(strides) > 1:
        return f"padding='same' is for stride 1, not stride {extent(strides)}"
    skipped = batch == 0 or channels == 0
    reason = (
        below(strides, 1, "stride")
        or below(dilations, 0 if skipped else 1, "dilation")
        or below(kernel, 0 if channels == 0 else 1, "kernel_size")
    )
    if reason is None and padding_mode == "zeros":
        reason = below(
            [before if before < after else after for before, after in pairs], 0, "padding"
        )
    elif reason is None:
        reason = pad_refusal(sizes, pairs, mode=padding_mode, batch=batch, channels=channels)
        sizes = [n + before + after for n, (before, after) in zip(sizes, pairs, strict=True)]
        pairs = ((0, 0),) * rank
    if reason is not None:
        return reason
    for n, k, pair, d in zip(sizes, kernel, pairs, dilations, strict=True):
        if n + pair[0] + pair[1] < d * (k - 1) + 1:
            return f"{window(kernel, dilations)} does not fit on {map_of(sizes, pairs)}"
    # padding can make the formula happy with an empty map; the kernels are not
    return None if skipped else empty_map(sizes)
