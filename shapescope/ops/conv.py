"""Convolutions; those that go back the way are in `conv_transpose`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod
from typing import Any

from shapescope.arithmetic.axes import padding_pairs
from shapescope.arithmetic.convolution import (
    channels_refusal,
    conv_output,
    conv_refusal,
    groups_refusal,
)
from shapescope.arithmetic.formula import conv_formula
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import ConvAttrs
from shapescope.ops.flow import WINDOW, Flows, sliding
from shapescope.ops.registry import Bound, Op, Window, register
from shapescope.ops.shapes import Ints, shape
from shapescope.ops.values import per_axis, plain, shape_of
from shapescope.trace import Step


def read_call(bound: Bound, transposed: bool) -> ConvAttrs | None:
    """The settings of a function call; a transposed weight has its in_channels in front."""
    weight = bound.get("weight")
    if weight is None:
        return None
    first, second, *kernel = shape_of(weight)
    axes = len(kernel)
    groups = bound.get("groups", 1)
    many = plain(second * groups)
    padding = bound.get("padding", 0)
    return ConvAttrs(
        in_channels=first if transposed else many,
        out_channels=many if transposed else first,
        kernel_size=tuple(kernel),
        stride=per_axis(bound.get("stride", 1), axes),
        padding=padding if isinstance(padding, str) else per_axis(padding, axes),
        dilation=per_axis(bound.get("dilation", 1), axes),
        groups=plain(groups),
        bias=bound.get("bias") is not None,
        output_padding=per_axis(bound.get("output_padding", 0), axes) if transposed else (),
    )


def read_module(module: Any, output_padding: tuple[Any, ...] = ()) -> ConvAttrs:
    """The settings of a layer, with the output padding of this call."""
    kernel = per_axis(module.kernel_size, 1)
    axes, padding = len(kernel), module.padding
    make = _alike if all(type(extra) is int for extra in output_padding) else ConvAttrs
    return make(
        module.in_channels,
        module.out_channels,
        kernel,
        per_axis(module.stride, axes),
        padding if isinstance(padding, str) else per_axis(padding, axes),
        per_axis(module.dilation, axes),
        module.groups,
        module.bias is not None,
        module.padding_mode,
        output_padding,
    )


_alike = lru_cache(maxsize=4096)(ConvAttrs)
"""The layers of a deep network are mostly alike; they share their settings.

A setting that is a formula is left out: to be looked up it would have to be a plain number.
"""


def fitting_attrs(step: Step, axes: int) -> ConvAttrs | None:
    """The settings, where they fit the input's rank."""
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs) or len(attrs.kernel_size) != axes:
        return None
    return attrs if len(shape(step)) in (axes + 1, axes + 2) else None


def _per_axis(step: Step, attrs: ConvAttrs, axes: int) -> Iterator[tuple[Any, ...]]:
    """What the output size depends on, an entry for each axis, in the formula's order."""
    pairs = padding_pairs(attrs.padding, attrs.kernel_size, attrs.dilation)
    return zip(
        shape(step)[-axes:], attrs.kernel_size, attrs.stride, pairs, attrs.dilation, strict=True
    )


def _conv_shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    attrs = fitting_attrs(step, axes)
    if attrs is None or 0 in attrs.stride:
        return None
    sizes = [conv_output(*one) for one in _per_axis(step, attrs, axes)]
    return ((*shape(step)[: -axes - 1], attrs.out_channels, *sizes),)


def shared_refusal(axes: int, step: Step, transposed: bool) -> str | None:
    """What a convolution and its transpose refuse alike: rank, groups, channels."""
    attrs = step.attrs
    if not isinstance(attrs, ConvAttrs):
        return None
    if len(attrs.kernel_size) != axes:
        return f"the kernel has {len(attrs.kernel_size)} axes, but {axes} are needed"
    sizes = shape(step)
    return (
        rank_refusal(len(sizes), (axes + 1, axes + 2))
        or groups_refusal(
            attrs.in_channels, attrs.out_channels, attrs.groups, transposed=transposed
        )
        or channels_refusal(sizes[-axes - 1], attrs.in_channels)
    )


def _conv_refusal(axes: int, step: Step) -> str | None:
    reason = shared_refusal(axes, step, transposed=False)
    attrs = fitting_attrs(step, axes)
    if reason is not None or attrs is None:
        return reason
    sizes = shape(step)
    return conv_refusal(
        sizes[-axes:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.dilation,
        padding_mode=attrs.padding_mode,
        batch=prod(sizes[: -axes - 1]),
        channels=sizes[-axes - 1],
    )


def _conv_text(axes: int, step: Step) -> tuple[str, ...]:
    attrs = fitting_attrs(step, axes)
    if attrs is None or 0 in attrs.stride:
        return ()
    return tuple([_formula(*one) for one in _per_axis(step, attrs, axes)])


_formula = lru_cache(maxsize=4096)(conv_formula)
"""Most maps are square."""


def _conv_macs(axes: int, step: Step) -> int | None:
    """Output values times what each adds up: in_channels/groups * kernel."""
    made, attrs = _conv_shape(axes, step), step.attrs
    if made is None or not isinstance(attrs, ConvAttrs):
        return None
    return prod(made[0]) * (attrs.in_channels // attrs.groups) * prod(attrs.kernel_size)


def _conv_window(axes: int, step: Step) -> tuple[Window, ...] | None:
    attrs = fitting_attrs(step, axes)
    if attrs is None:
        return None
    return tuple(
        [
            Window(kernel, stride, pair[0], dilation)
            for _, kernel, stride, pair, dilation in _per_axis(step, attrs, axes)
        ]
    )


def _conv_flow(axes: int, step: Step) -> Flows | None:
    attrs = fitting_attrs(step, axes)
    if attrs is None:
        return None
    padding = attrs.padding
    if isinstance(padding, str) or type(padding[0]) is not int:
        pairs = padding_pairs(padding, attrs.kernel_size, attrs.dilation)
        padding = tuple([before for before, _ in pairs])
    window = attrs.kernel_size, attrs.stride, padding, attrs.dilation
    return (sliding(len(shape(step)) - axes - 1, *window, WINDOW),)


def _scratch(axes: int, step: Step) -> int:
    """The input, the kernel and the output once more, in the blocked layout of oneDNN.

    A map of up to three channels is read as it is; of what was copied the output stays longest,
    until it has been written in the plain layout.
    """
    attrs, made = fitting_attrs(step, axes), _conv_shape(axes, step)
    if attrs is None or made is None or step.inputs[0].dtype != "float32":
        return 0
    kernel = attrs.out_channels * (attrs.in_channels // attrs.groups) * prod(attrs.kernel_size)
    copied = prod(shape(step)) if attrs.in_channels > 3 else 0
    return 4 * max(copied + kernel, prod(made[0]))


for _axes in (1, 2, 3):
    register(
        Op(
            f"conv{_axes}d",
            "input weight bias stride padding dilation groups",
            weights=("weight", "bias"),
            modules=(f"Conv{_axes}d", f"LazyConv{_axes}d", f"ConvReLU{_axes}d"),
            from_call=partial(read_call, transposed=False),
            from_module=lambda module, bound: read_module(module),
            shape_rule=partial(_conv_shape, _axes),
            refusal_rule=partial(_conv_refusal, _axes),
            formula_rule=partial(_conv_text, _axes),
            macs_rule=partial(_conv_macs, _axes),
            window_rule=partial(_conv_window, _axes),
            flow_rule=partial(_conv_flow, _axes),
            scratch_rule=partial(_scratch, _axes),
            windowed=True,
            saves="partners",
        )
    )
