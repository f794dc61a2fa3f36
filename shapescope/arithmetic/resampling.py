"""Output size and validity of interpolation, pixel shuffles and grid sampling.

Source of the formulas: the Shape sections of torch.nn.Upsample, PixelShuffle and PixelUnshuffle
and torch.nn.functional.interpolate and grid_sample; the refusals are those of ATen's
`upsample_2d_common_check`, `check_pixel_shuffle_shapes` and `check_grid_sampler_common`.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.arithmetic.adaptive import adaptive_refusal
from shapescope.arithmetic.axes import below, empty_map, extent

# number of spatial axes that each mode works on
MODE_RANKS = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "lanczos": (2,),
    "trilinear": (3,),
}
_UNALIGNED = ("nearest", "nearest-exact", "area")
_ANTIALIASED = ("bilinear", "bicubic", "lanczos")


def interpolate_output(
    n: int, *, size: int | None = None, scale_factor: float | None = None
) -> int:
    """Output size of interpolation along one axis.

    What was asked for, or `floor(n * scale_factor)` in binary floating point: 100 * 1.15 is
    114.99..., so 114. `recompute_scale_factor` never changes the size.

    Args:
        n: Input size.
        size: Size asked for.
        scale_factor: Output over input.

    Returns:
        The size; `interpolate_refusal` says whether PyTorch accepts the call.

    Raises:
        ValueError: Neither or both are given.
    """
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolation takes one of size and scale_factor")
    if scale_factor is not None:
        # C++ casts toward zero, which differs from floor only where the result is refused anyway
        return int(n * float(scale_factor))
    assert size is not None
    return size


def interpolate_refusal(
    sizes: Sequence[int],
    outputs: Sequence[int],
    *,
    mode: str = "nearest",
    align_corners: bool | None = None,
    antialias: bool = False,
    channels: int = 1,
) -> str | None:
    """Reason why PyTorch's CPU refuses an interpolation, or None.

    There is no unbatched input: the first two axes are always batch and channels.

    Args:
        sizes: Spatial sizes of the input.
        outputs: Output sizes from `interpolate_output`.
        mode: Name of the method.
        align_corners: As given to the call.
        antialias: As given to the call.
        channels: Channels of the input; a batch of 0 runs.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    ranks = MODE_RANKS.get(mode)
    if ranks is None:
        return f"mode {mode!r} is none of {', '.join(MODE_RANKS)}"
    if len(sizes) not in ranks:
        wanted = " or ".join(str(rank + 2) for rank in ranks)
        return f"mode {mode!r} takes an input of rank {wanted}, not {len(sizes) + 2}"
    if align_corners is not None and (mode in _UNALIGNED or (mode == "lanczos" and align_corners)):
        return f"align_corners does not go with mode {mode!r}"
    if antialias and mode not in _ANTIALIASED:
        return f"antialias does not go with mode {mode!r}"
    if mode == "lanczos" and not antialias:
        return "mode 'lanczos' needs antialias=True"
    if len(outputs) != len(sizes):
        return f"{len(outputs)} sizes are given for {len(sizes)} spatial axes"
    if mode == "area":
        return adaptive_refusal(sizes, outputs, channels=channels)
    reason = below(outputs, 1, "the output") or empty_map(sizes)
    if reason is not None:
        return f"{extent(sizes)} -> {extent(outputs)}: {reason}"
    return "a map without channels cannot be interpolated" if channels < 1 else None


def pixel_shuffle_output(n: int, upscale_factor: int) -> int:
    """Output size of a pixel shuffle along a spatial axis: `n * upscale_factor`."""
    return n * upscale_factor


def pixel_shuffle_channels(channels: int, upscale_factor: int) -> int:
    """Channels after a pixel shuffle: `channels // upscale_factor**2`."""
    return channels // upscale_factor**2


def pixel_shuffle_refusal(shape: Sequence[int], upscale_factor: int) -> str | None:
    """Reason why PyTorch refuses a pixel shuffle of a tensor of this shape, or None."""
    if len(shape) < 3:
        return f"a pixel shuffle takes an input of rank 3 or more, not {len(shape)}"
    if upscale_factor < 1:
        return f"upscale_factor is {upscale_factor}, but has to be at least 1"
    square = upscale_factor**2
    if shape[-3] % square:
        return f"{shape[-3]} channels are not divisible by {upscale_factor}^2 = {square}"
    return None


def pixel_unshuffle_output(n: int, downscale_factor: int) -> int:
    """Output size of a pixel unshuffle along a spatial axis: `n // downscale_factor`."""
    return n // downscale_factor


def pixel_unshuffle_channels(channels: int, downscale_factor: int) -> int:
    """Channels after a pixel unshuffle: `channels * downscale_factor**2`."""
    return channels * downscale_factor**2


def pixel_unshuffle_shape(shape: Sequence[int], downscale_factor: int) -> tuple[int, ...]:
    """Whole shape after a pixel unshuffle on the CPU, which leaves an empty tensor as it is."""
    if 0 in shape:
        return tuple(shape)
    *leading, channels, height, width = shape
    return (
        *leading,
        pixel_unshuffle_channels(channels, downscale_factor),
        pixel_unshuffle_output(height, downscale_factor),
        pixel_unshuffle_output(width, downscale_factor),
    )


def pixel_unshuffle_refusal(shape: Sequence[int], downscale_factor: int) -> str | None:
    """Reason why PyTorch refuses a pixel unshuffle of a tensor of this shape, or None."""
    if len(shape) < 3:
        return f"a pixel unshuffle takes an input of rank 3 or more, not {len(shape)}"
    if downscale_factor < 1:
        return f"downscale_factor is {downscale_factor}, but has to be at least 1"
    for name, n in (("height", shape[-2]), ("width", shape[-1])):
        if n % downscale_factor:
            return f"{name} {n} is not divisible by {downscale_factor}"
    return None


def channel_shuffle_refusal(channels: int, groups: int) -> str | None:
    """Reason why PyTorch refuses a channel shuffle, or None; its output has the input's shape."""
    if groups < 1:
        return f"groups is {groups}, but has to be at least 1"
    return (
        f"{channels} channels are not divisible by {groups} groups" if channels % groups else None
    )


def grid_sample_shape(shape: Sequence[int], grid: Sequence[int]) -> tuple[int, ...]:
    """Output shape of grid_sample: the input's N and C, the grid's spatial sizes."""
    return (shape[0], shape[1], *grid[1:-1])


def grid_sample_refusal(
    shape: Sequence[int], grid: Sequence[int], *, mode: str = "bilinear"
) -> str | None:
    """Reason why PyTorch refuses a grid_sample of these two shapes, or None."""
    rank = len(shape)
    if rank not in (4, 5) or len(grid) != rank:
        return f"grid_sample takes an input and a grid of rank 4 or 5, not {rank} and {len(grid)}"
    if shape[0] != grid[0]:
        return f"the batch is {shape[0]}, but the grid's is {grid[0]}; nothing broadcasts"
    if grid[-1] != rank - 2:
        return f"the grid's last axis is {grid[-1]}, but has to be {rank - 2}"
    if mode == "bicubic" and rank == 5:
        return "mode 'bicubic' takes an input of rank 4, not 5"
    return empty_map(shape[2:])
