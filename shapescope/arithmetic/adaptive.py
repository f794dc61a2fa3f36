"""Output size and validity of pools that are told their output: adaptive and fractional.

Source: the Shape sections of torch.nn.AdaptiveAvgPool2d, AdaptiveMaxPool2d and
FractionalMaxPool2d, and ATen's AdaptiveAveragePooling.cpp and FractionalMaxPool3d.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.arithmetic.axes import PerAxis, below, empty_map, extent, per_axis


def adaptive_output(n: int, output_size: int | None) -> int:
    """Output size of an adaptive pool along one axis: what was asked for; None keeps the axis."""
    return n if output_size is None else output_size


def adaptive_window(index: int, n: int, output_size: int) -> tuple[int, int]:
    """First input and number of inputs that one output of an adaptive pool reads along one axis.

    From `floor(index*n/output_size)` up to but without `ceil((index + 1)*n/output_size)`.

    Args:
        index: Output position, from 0.
        n: Input size.
        output_size: Output size.

    Returns:
        The first input and how many there are; windows overlap where the size does not divide.
    """
    first = index * n // output_size
    return first, -(-(index + 1) * n // output_size) - first


def adaptive_refusal(
    sizes: Sequence[int],
    output_size: int | Sequence[int | None],
    *,
    kind: str = "avg",
    channels: int = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses an adaptive pool, or None.

    Args:
        sizes: Spatial sizes of the input.
        output_size: Per axis, None keeps it; may be larger than the input, and 0.
        kind: "avg" or "max"; a maximum over nothing is refused, a mean to 1 gives NaN.
        channels: Channels of a batched input (leave it out for an unbatched one, which may have
            none).

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    wanted = [output_size] * len(sizes) if isinstance(output_size, int) else output_size
    outputs = [adaptive_output(n, out) for n, out in zip(sizes, wanted, strict=True)]
    reason = below(outputs, 0, "output_size")
    if reason is not None:
        return reason
    if kind == "max" and channels < 1:
        return "a map without channels has no maximum"
    if kind == "avg" and all(out == 1 for out in outputs):
        return None
    if kind == "avg" and channels < 1 and len(sizes) == 3:
        return "a map without channels has no mean"
    return empty_map(sizes)


def fractional_pool_output(
    n: int, *, output_size: int | None = None, output_ratio: float | None = None
) -> int:
    """Output size of a fractional max pool along one axis.

    What was asked for, or `int(n * output_ratio)` in binary floating point: 100 * 0.29 is
    28.999..., so 28 (torch.nn.functional.fractional_max_pool2d).

    Args:
        n: Input size.
        output_size: Size asked for.
        output_ratio: Output over input.

    Returns:
        The size; `fractional_pool_refusal` says whether PyTorch accepts the call.

    Raises:
        ValueError: Neither or both are given.
    """
    if (output_size is None) == (output_ratio is None):
        raise ValueError("a fractional pool takes one of output_size and output_ratio")
    if output_ratio is not None:
        return int(n * output_ratio)
    assert output_size is not None
    return output_size


def fractional_pool_refusal(
    sizes: Sequence[int], kernel_size: PerAxis, outputs: Sequence[int], *, channels: int = 1
) -> str | None:
    """Reason why PyTorch's CPU refuses a fractional max pool, or None.

    Args:
        sizes: Spatial sizes of the input, two or three.
        kernel_size: Per axis.
        outputs: Output sizes from `fractional_pool_output`.
        channels: Channels of a batched input (leave it out for an unbatched one, which may have
            none).

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    rank = len(sizes)
    kernel = per_axis(kernel_size, rank, "kernel_size")
    reason = below(kernel, 1, "kernel_size") or below(outputs, 0, "the output") or empty_map(sizes)
    if reason is not None:
        return reason
    if channels < 1:
        return "a map without channels has no maximum"
    # the 3-D kernel asks for one element more than the 2-D one
    spare = 1 if rank == 3 else 0
    for n, k, out in zip(sizes, kernel, outputs, strict=True):
        if out + k - 1 + spare > n:
            bound = "smaller than" if spare else "at most"
            return (
                f"output {extent(outputs)} + kernel size {extent(kernel)} - 1 has to be {bound} "
                f"the {extent(sizes)} map"
            )
    return None
