"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

from shapescope.arithmetic.formula import transposed_formula
from shapescope.arithmetic.transposed import transposed_output, transposed_refusal
from shapescope.attrs import ConvAttrs
from shapescope.ops.conv import fitting_attrs, read_call, read_module, shared_refusal
from shapescope.ops.flow import TRANSPOSED, Flows, sliding
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, shape
from shapescope.ops.values import per_axis, shape_of
from shapescope.trace import Step


def _module(module: Any, bound: Bound) -> ConvAttrs:
    return read_module(module, _output_padding(module, bound))


def _output_padding(module: Any, bound: Bound) -> tuple[Any, ...]:
    """What the layer was built with, or what `output_size` in the call makes of it."""
    axes = len(module.kernel_size)
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
        out - transposed_output(n, k, s, p, 0, d)
        for out, n, k, s, p, d in zip(wanted, sizes, kernel, stride, padding, dilation, strict=True)
    )


def _per_axis_transposed(step: Step, attrs: ConvAttrs, axes: int) -> Iterator[tuple[Any, ...]]:
    return zip(
        shape(step)[-axes:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.output_padding,
        attrs.dilation,
        strict=True,
    )


def _transposed_shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    attrs = fitting_attrs(step, axes)
    if attrs is None or isinstance(attrs.padding, str):
        return None
    sizes = [transposed_output(*one) for one in _per_axis_transposed(step, attrs, axes)]
    return ((*shape(step)[: -axes - 1], attrs.out_channels, *sizes),)


def _transposed_refusal(axes: int, step: Step) -> str | None:
    reason = shared_refusal(axes, step, transposed=True)
    attrs = fitting_attrs(step, axes)
    if reason is not None or attrs is None:
        return reason
    if isinstance(attrs.padding, str):
        return f"a transposed convolution takes no padding={attrs.padding!r}"
    if attrs.padding_mode != "zeros":
        return f"a transposed convolution takes no padding_mode={attrs.padding_mode!r}"
    sizes = shape(step)
    return transposed_refusal(
        sizes[-axes:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.output_padding,
        attrs.dilation,
        batch=prod(sizes[: -axes - 1]),
        channels=sizes[-axes - 1],
        groups=attrs.groups,
        float32=step.inputs[0].dtype == "float32",
    )


def _transposed_text(axes: int, step: Step) -> tuple[str, ...]:
    attrs = fitting_attrs(step, axes)
    if attrs is None or isinstance(attrs.padding, str):
        return ()
    return tuple(transposed_formula(*one) for one in _per_axis_transposed(step, attrs, axes))


def _transposed_macs(axes: int, step: Step) -> int | None:
    """Input values times where each is added: out_channels/groups * kernel."""
    attrs = fitting_attrs(step, axes)
    if attrs is None:
        return None
    return prod(shape(step)) * (attrs.out_channels // attrs.groups) * prod(attrs.kernel_size)


def _transposed_flow(axes: int, step: Step) -> Flows | None:
    attrs = fitting_attrs(step, axes)
    if attrs is None or isinstance(attrs.padding, str):
        return None
    window = attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation
    return (sliding(len(shape(step)) - axes - 1, *window, TRANSPOSED),)


def _transposed_scratch(axes: int, step: Step) -> int:
    """The output twice more: blocked, and before the bias is added."""
    made = _transposed_shape(axes, step)
    return 0 if made is None or step.inputs[0].dtype != "float32" else 8 * prod(made[0])


for _axes in (1, 2, 3):
    register(
        Op(
            f"conv_transpose{_axes}d",
            "input weight bias stride padding output_padding groups dilation",
            weights=("weight", "bias"),
            modules=(f"ConvTranspose{_axes}d", f"LazyConvTranspose{_axes}d"),
            forward="input output_size",
            from_call=partial(read_call, transposed=True),
            from_module=_module,
            shape_rule=partial(_transposed_shape, _axes),
            refusal_rule=partial(_transposed_refusal, _axes),
            formula_rule=partial(_transposed_text, _axes),
            macs_rule=partial(_transposed_macs, _axes),
            flow_rule=partial(_transposed_flow, _axes),
            scratch_rule=partial(_transposed_scratch, _axes),
            windowed=True,
            saves="partners",
        )
    )
