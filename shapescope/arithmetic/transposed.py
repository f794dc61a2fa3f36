"""Output size and validity of transposed convolution.

Source of the formula: the Shape section of torch.nn.ConvTranspose2d; Dumoulin and Visin, "A guide
to convolution arithmetic for deep learning", relationship 14.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapescope.arithmetic.axes import PerAxis, below, empty_map, extent, per_axis

# ATen gives a single sample to oneDNN only above this many elements (`use_mkldnn`)
_ONEDNN_ELEMENTS = 20480


def transposed_output(
    n: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Output size of a transposed convolution along one axis.

    `(n - 1)*stride - 2*padding + dilation*(kernel_size - 1) + output_padding + 1`.

    Args:
        n: Input size.
        kernel_size: Elements of the kernel along the axis.
        stride: Distance of the outputs of neighbouring inputs.
        padding: Elements cut off on either side.
        output_padding: Elements added behind.
        dilation: Distance of neighbouring kernel elements.

    Returns:
        The size; `transposed_refusal` says whether PyTorch accepts the call.
    """
    return (n - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1


def transposed_output_padding(
    sizes: Sequence[int],
    output_size: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> tuple[int, ...] | str:
    """Output padding that `forward(x, output_size=...)` chooses, or the reason why it cannot.

    Args:
        sizes: Spatial sizes of the input.
        output_size: Spatial sizes asked for.
        kernel_size: Per axis.
        stride: Per axis.
        padding: Per axis.
        dilation: Per axis.

    Returns:
        One int per axis from 0 to `stride - 1`, or one line with this call's numbers.
    """
    rank = len(sizes)
    strides = per_axis(stride, rank, "stride")
    default = [
        transposed_output(n, k, s, p, 0, d)
        for n, k, s, p, d in zip(
            sizes,
            per_axis(kernel_size, rank, "kernel_size"),
            strides,
            per_axis(padding, rank, "padding"),
            per_axis(dilation, rank, "dilation"),
            strict=True,
        )
    ]
    for out, least, s in zip(output_size, default, strides, strict=True):
        if not least <= out <= least + s - 1:
            most = [low + step - 1 for low, step in zip(default, strides, strict=True)]
            return (
                f"output_size {extent(output_size)} is outside {extent(default)} to "
                f"{extent(most)}, which is all that a {extent(sizes)} map can give"
            )
    return tuple(out - least for out, least in zip(output_size, default, strict=True))


def transposed_refusal(
    sizes: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    *,
    batch: int = 1,
    channels: int = 1,
    groups: int = 1,
    float32: bool = True,
    threads: int = 2,
) -> str | None:
    """Reason why PyTorch's CPU refuses a transposed convolution, or None.

    An output of size 0 is refused by ATen's own kernel and made by oneDNN's; which of the two runs
    depends on everything below.

    Args:
        sizes: Spatial sizes of the input.
        kernel_size: Per axis.
        stride: Per axis.
        padding: Per axis.
        output_padding: Per axis; smaller than the stride or than the dilation.
        dilation: Per axis.
        batch: Samples; 0 never reaches the kernels and skips their checks. 1 for unbatched input.
        channels: Channels of the input.
        groups: Groups of channels.
        float32: The tensors are float32.
        threads: What `torch.get_num_threads()` says.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    kernel = per_axis(kernel_size, rank, "kernel_size")
    strides = per_axis(stride, rank, "stride")
    paddings = per_axis(padding, rank, "padding")
    extras = per_axis(output_padding, rank, "output_padding")
    dilations = per_axis(dilation, rank, "dilation")
    reason = (
        below(paddings, 0, "padding")
        or below(extras, 0, "output_padding")
        or below(strides, 1, "stride")
        or below(dilations, 0, "dilation")
        or below(kernel, 1, "kernel_size")
        or (None if batch == 0 else empty_map(sizes))
    )
    if reason is not None:
        return reason
    outputs = [
        transposed_output(n, k, s, p, e, d)
        for n, k, s, p, e, d in zip(
            sizes, kernel, strides, paddings, extras, dilations, strict=True
        )
    ]
    onednn = batch == 0
    if batch:
        for extra, s, d in zip(extras, strides, dilations, strict=True):
            if extra >= s and extra >= d:
                return (
                    f"output_padding {extent(extras)} has to be smaller than the stride "
                    f"{extent(strides)} or than the dilation {extent(dilations)}"
                )
        if all(out > 0 for out in outputs) and all(d > 0 for d in dilations):
            return None  # whichever kernel runs
        onednn = float32 and _runs_on_onednn(
            (batch, channels, *sizes), kernel, strides, dilations, extras, groups, threads
        )
        # oneDNN takes a dilation of 0 where there is nothing to dilate (and else as the processor
        # has it: refused here)
        if (
            not onednn
            or rank == 3
            or any(k > 1 > d for k, d in zip(kernel, dilations, strict=True))
        ):
            reason = below(dilations, 1, "dilation")
            if reason is not None:
                return reason
    least = 0 if onednn else 1
    if any(out < least for out in outputs):
        return (
            f"padding {extent(paddings)} leaves an output of {extent(outputs)} "
            f"for a {extent(sizes)} map"
        )
    return None


def _runs_on_onednn(
    shape: tuple[int, ...],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    extras: Sequence[int],
    groups: int,
    threads: int,
) -> bool:
    """Whether ATen hands the call to oneDNN: `ConvParams::use_mkldnn`, after `view1d_as_2d`."""
    if any(extra >= s for extra, s in zip(extras, strides, strict=True)):
        return False
    last = kernel[-1]
    before_last = kernel[-2] if len(kernel) > 1 else 1
    if len(kernel) == 1:
        shape = (shape[0], shape[1], 1, shape[2])
    busy = (
        any(s != 1 for s in strides)
        or any(d != 1 for d in dilations)
        or shape[0] >= 16
        or last != 1
        or before_last != 1
        or threads > 1
    )
    large = (
        groups > 1
        or (last > 3 and before_last > 3)
        or shape[0] > 1
        or math.prod(shape[:4]) > _ONEDNN_ELEMENTS
    )
    return busy and large
