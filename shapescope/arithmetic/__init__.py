"""The arithmetic of shapes, independent of PyTorch: ints in, ints out.

What PyTorch observed is checked against this room, so nothing here asks PyTorch. Every family has
an output function for one axis (`conv_output`), a refusal for the whole call (`conv_refusal`: None,
or the reason why PyTorch's CPU does not run it), the formula with its numbers (`conv_formula`) and
its inverse (`conv_input_range`). Output functions do not judge: ask the refusal first.

The inverses are read when they are first asked for: a trace needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shapescope.arithmetic.adaptive import (
    adaptive_output,
    adaptive_refusal,
    adaptive_window,
    fractional_pool_output,
    fractional_pool_refusal,
)
from shapescope.arithmetic.axes import (
    effective_kernel_size,
    extent,
    padding_pairs,
    per_axis,
    same_padding,
)
from shapescope.arithmetic.convolution import (
    channels_refusal,
    conv_output,
    conv_refusal,
    groups_refusal,
)
from shapescope.arithmetic.formula import (
    adaptive_formula,
    conv_formula,
    fractional_pool_formula,
    interpolate_formula,
    pad_formula,
    pixel_shuffle_channels_formula,
    pixel_shuffle_formula,
    pixel_unshuffle_channels_formula,
    pixel_unshuffle_formula,
    pool_formula,
    product_formula,
    tensor_unfold_formula,
    transposed_formula,
    unfold_formula,
    unpool_formula,
)
from shapescope.arithmetic.padding import (
    pad_output,
    pad_refusal,
)
from shapescope.arithmetic.pooling import (
    avg_pool_divisor,
    pool_output,
    pool_refusal,
    unpool_output,
    unpool_refusal,
)
from shapescope.arithmetic.receptive_field import (
    INPUT_FIELD,
    Field,
    receptive_field_step,
    receptive_field_step_resized,
    receptive_field_step_transposed,
    transposed_interval,
)
from shapescope.arithmetic.resampling import (
    channel_shuffle_refusal,
    grid_sample_refusal,
    grid_sample_shape,
    interpolate_output,
    interpolate_refusal,
    pixel_shuffle_channels,
    pixel_shuffle_output,
    pixel_shuffle_refusal,
    pixel_unshuffle_channels,
    pixel_unshuffle_output,
    pixel_unshuffle_refusal,
    pixel_unshuffle_shape,
)
from shapescope.arithmetic.reshaping import (
    cat_refusal,
    cat_shape,
    flatten_refusal,
    flatten_shape,
    maximum_refusal,
    rank_refusal,
    reshape_refusal,
    reshape_shape,
    slice_output,
)
from shapescope.arithmetic.transposed import (
    transposed_output,
    transposed_output_padding,
    transposed_refusal,
)
from shapescope.arithmetic.unfolding import (
    fold_refusal,
    tensor_unfold_output,
    tensor_unfold_refusal,
    unfold_output,
    unfold_refusal,
    window_counts,
)

if TYPE_CHECKING:
    from shapescope.arithmetic.chain import solve_chain
    from shapescope.arithmetic.ranges import (
        conv_input_range,
        interpolate_input_range,
        pad_input_range,
        pixel_shuffle_input_range,
        pixel_unshuffle_input_range,
        pool_input_range,
        tensor_unfold_input_range,
        transposed_input_range,
        unpool_input_range,
    )
    from shapescope.arithmetic.solve import Kind, Window, solve_window

_INVERSES = {
    "solve_chain": "chain",
    "conv_input_range": "ranges",
    "interpolate_input_range": "ranges",
    "pad_input_range": "ranges",
    "pixel_shuffle_input_range": "ranges",
    "pixel_unshuffle_input_range": "ranges",
    "pool_input_range": "ranges",
    "tensor_unfold_input_range": "ranges",
    "transposed_input_range": "ranges",
    "unpool_input_range": "ranges",
    "Kind": "solve",
    "Window": "solve",
    "solve_window": "solve",
}

__all__ = [
    "INPUT_FIELD",
    "Field",
    "Kind",
    "Window",
    "adaptive_formula",
    "adaptive_output",
    "adaptive_refusal",
    "adaptive_window",
    "avg_pool_divisor",
    "cat_refusal",
    "cat_shape",
    "channel_shuffle_refusal",
    "channels_refusal",
    "conv_formula",
    "conv_input_range",
    "conv_output",
    "conv_refusal",
    "effective_kernel_size",
    "extent",
    "flatten_refusal",
    "flatten_shape",
    "fold_refusal",
    "fractional_pool_formula",
    "fractional_pool_output",
    "fractional_pool_refusal",
    "grid_sample_refusal",
    "grid_sample_shape",
    "groups_refusal",
    "interpolate_formula",
    "interpolate_input_range",
    "interpolate_output",
    "interpolate_refusal",
    "maximum_refusal",
    "pad_formula",
    "pad_input_range",
    "pad_output",
    "pad_refusal",
    "padding_pairs",
    "per_axis",
    "pixel_shuffle_channels",
    "pixel_shuffle_channels_formula",
    "pixel_shuffle_formula",
    "pixel_shuffle_input_range",
    "pixel_shuffle_output",
    "pixel_shuffle_refusal",
    "pixel_unshuffle_channels",
    "pixel_unshuffle_channels_formula",
    "pixel_unshuffle_formula",
    "pixel_unshuffle_input_range",
    "pixel_unshuffle_output",
    "pixel_unshuffle_refusal",
    "pixel_unshuffle_shape",
    "pool_formula",
    "pool_input_range",
    "pool_output",
    "pool_refusal",
    "product_formula",
    "rank_refusal",
    "receptive_field_step",
    "receptive_field_step_resized",
    "receptive_field_step_transposed",
    "reshape_refusal",
    "reshape_shape",
    "same_padding",
    "slice_output",
    "solve_chain",
    "solve_window",
    "tensor_unfold_formula",
    "tensor_unfold_input_range",
    "tensor_unfold_output",
    "tensor_unfold_refusal",
    "transposed_formula",
    "transposed_input_range",
    "transposed_interval",
    "transposed_output",
    "transposed_output_padding",
    "transposed_refusal",
    "unfold_formula",
    "unfold_output",
    "unfold_refusal",
    "unpool_formula",
    "unpool_input_range",
    "unpool_output",
    "unpool_refusal",
    "window_counts",
]


def __getattr__(name: str) -> Any:
    home = _INVERSES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
