"""Torchvision's ops on boxes and regions."""

from __future__ import annotations

from math import prod

from shapescope.arithmetic.convolution import conv_output
from shapescope.attrs import CallAttrs
from shapescope.ops.registry import Bound, Op, read_plain, register
from shapescope.ops.shapes import Ints, argument, shape
from shapescope.ops.values import shape_of
from shapescope.trace import Step


def _region_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2 or len(shape(step)) != 4:
        return None
    height, width = argument(step, "pooled_height"), argument(step, "pooled_width")
    if not isinstance(height, int) or not isinstance(width, int):
        return None
    channels = shape(step)[1]
    if step.op.startswith("ps_"):
        channels //= height * width
    return ((shape(step, 1)[0], channels, height, width),)


for _name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"):
    register(
        Op(
            _name,
            "input rois spatial_scale pooled_height pooled_width sampling_ratio aligned",
            shape_rule=_region_shape,
            free=True,
            changes_axes=True,
        )
    )

_DEFORMABLE = "stride_h stride_w pad_h pad_w dil_h dil_w groups offset_groups use_mask"


def _deformable_call(bound: Bound) -> CallAttrs:
    weight = bound.get("weight")
    sizes = () if weight is None else shape_of(weight)
    settings = {name: bound.get(name) for name in _DEFORMABLE.split()}
    return read_plain({"weight": sizes, **settings})


def _deformable_shape(step: Step) -> tuple[Ints, ...] | None:
    weight, sizes = argument(step, "weight", ()), shape(step)
    if len(weight) != 4 or len(sizes) != 4:
        return None
    made = []
    for n, kernel, letter in zip(sizes[2:], weight[2:], "hw", strict=True):
        stride, pad = argument(step, f"stride_{letter}", 1), argument(step, f"pad_{letter}", 0)
        dilation = argument(step, f"dil_{letter}", 1)
        if not stride:
            return None
        made.append(conv_output(n, kernel, stride, (pad, pad), dilation))
    return ((sizes[0], weight[0], *made),)


def _deformable_macs(step: Step) -> int | None:
    """Those of the convolution; the sampling, like every interpolation, has none."""
    made = _deformable_shape(step)
    return None if made is None else prod(made[0]) * prod(argument(step, "weight")[1:])


register(
    Op(
        "deform_conv2d",
        "input weight offset mask bias " + _DEFORMABLE,
        weights=("weight", "bias"),
        from_call=_deformable_call,
        shape_rule=_deformable_shape,
        macs_rule=_deformable_macs,
        windowed=True,
    )
)
