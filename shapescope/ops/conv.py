"""Convolutions, plain and transposed."""

from __future__ import annotations

from typing import Any

from shapescope.attrs import ConvAttrs
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.values import per_axis, plain, shape_of


def _call(bound: Bound, transposed: bool) -> ConvAttrs | None:
    weight = bound.get("weight")
    if weight is None:
        return None
    first, second, *kernel = shape_of(weight)
    axes = len(kernel)
    groups = plain(bound.get("groups", 1))
    padding = bound.get("padding", 0)
    return ConvAttrs(
        in_channels=first if transposed else second * groups,
        out_channels=second * groups if transposed else first,
        kernel_size=tuple(kernel),
        stride=per_axis(bound.get("stride", 1), axes),
        padding=padding if isinstance(padding, str) else per_axis(padding, axes),
        dilation=per_axis(bound.get("dilation", 1), axes),
        groups=groups,
        bias=bound.get("bias") is not None,
        output_padding=per_axis(bound.get("output_padding", 0), axes) if transposed else (),
    )


def _module(module: Any, bound: Bound, transposed: bool) -> ConvAttrs:
    kernel = per_axis(module.kernel_size, 1)
    axes = len(kernel)
    attrs = {
        "in_channels": module.in_channels,
        "out_channels": module.out_channels,
        "kernel_size": kernel,
        "stride": per_axis(module.stride, axes),
        "padding": (
            module.padding if isinstance(module.padding, str) else per_axis(module.padding, axes)
        ),
        "dilation": per_axis(module.dilation, axes),
        "groups": module.groups,
        "bias": module.bias is not None,
        "padding_mode": module.padding_mode,
    }
    if transposed:
        attrs["output_padding"] = _output_padding(module, bound, axes)
    return ConvAttrs(**attrs)


def _output_padding(module: Any, bound: Bound, axes: int) -> tuple[int, ...]:
    """What the layer was built with, or what `output_size` in the call makes of it."""
    wanted = bound.get("output_size")
    given = per_axis(module.output_padding, axes)
    if wanted is None or "input" not in bound:
        return given
    wanted = per_axis(wanted, axes)[-axes:]
    sizes = shape_of(bound["input"])[-axes:]
    kernel, stride, padding, dilation = (
        per_axis(getattr(module, name), axes)
        for name in ("kernel_size", "stride", "padding", "dilation")
    )
    return tuple(
        out - ((n - 1) * s - 2 * p + d * (k - 1) + 1)
        for out, n, k, s, p, d in zip(wanted, sizes, kernel, stride, padding, dilation, strict=True)
    )


for _axes in (1, 2, 3):
    register(
        Op(
            f"conv{_axes}d",
            "input weight bias stride padding dilation groups",
            weights=("weight", "bias"),
            modules=(f"Conv{_axes}d", f"LazyConv{_axes}d", f"ConvReLU{_axes}d"),
            from_call=lambda bound: _call(bound, transposed=False),
            from_module=lambda module, bound: _module(module, bound, transposed=False),
            windowed=True,
        )
    )
    register(
        Op(
            f"conv_transpose{_axes}d",
            "input weight bias stride padding output_padding groups dilation",
            weights=("weight", "bias"),
            modules=(f"ConvTranspose{_axes}d", f"LazyConvTranspose{_axes}d"),
            forward="input output_size",
            from_call=lambda bound: _call(bound, transposed=True),
            from_module=lambda module, bound: _module(module, bound, transposed=True),
            windowed=True,
        )
    )
