"""Max unpooling: each value back to where the pool found it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

from shapescope.arithmetic.formula import adaptive_formula, unpool_formula
from shapescope.arithmetic.pooling import unpool_output, unpool_refusal
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import UnpoolAttrs
from shapescope.ops.flow import TRANSPOSED, Flows, Link, same
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, shape, text
from shapescope.ops.values import per_axis, plain
from shapescope.trace import Step


def _unpool_call(given: Bound, axes: int) -> UnpoolAttrs | None:
    if "kernel_size" not in given:
        return None
    kernel = per_axis(given["kernel_size"], axes)
    stride, size = given.get("stride"), given.get("output_size")
    return UnpoolAttrs(
        kernel_size=kernel,
        stride=kernel if stride is None or stride == () or stride == [] else per_axis(stride, axes),
        padding=per_axis(given.get("padding") or 0, axes),
        output_size=None if size is None else tuple(plain(item) for item in size)[-axes:],
    )


def _unpool_module(module: Any, bound: Bound, axes: int) -> UnpoolAttrs | None:
    names = ("kernel_size", "stride", "padding")
    given = {name: getattr(module, name) for name in names}
    return _unpool_call({**given, "output_size": bound.get("output_size")}, axes)


def _unpool_attrs(step: Step, axes: int) -> UnpoolAttrs | None:
    attrs = step.attrs
    if not isinstance(attrs, UnpoolAttrs) or len(shape(step)) not in (axes + 1, axes + 2):
        return None
    return attrs


def _unpool_sizes(step: Step, attrs: UnpoolAttrs, axes: int) -> Iterator[tuple[int, ...]]:
    return zip(shape(step)[-axes:], attrs.kernel_size, attrs.stride, attrs.padding, strict=True)


def _unpool_shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    attrs = _unpool_attrs(step, axes)
    if attrs is None:
        return None
    sizes = attrs.output_size
    if sizes is None:
        sizes = tuple(unpool_output(*one) for one in _unpool_sizes(step, attrs, axes))
    return ((*shape(step)[:-axes], *sizes),)


def _unpool_refusal(axes: int, step: Step) -> str | None:
    attrs, sizes = _unpool_attrs(step, axes), shape(step)
    if attrs is None:
        return rank_refusal(len(sizes), (axes + 1, axes + 2))
    if len(step.inputs) > 1 and shape(step, 1) != sizes:
        return f"the places are {text(shape(step, 1))}, but the values {text(sizes)}"
    if attrs.output_size is not None and len(attrs.output_size) != axes:
        return f"output_size has {len(attrs.output_size)} entries for {axes} axes"
    return unpool_refusal(
        sizes[-axes:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        output_size=attrs.output_size,
        channels=sizes[-axes - 1],
        batch=prod(sizes[: -axes - 1]),
    )


def _unpool_text(axes: int, step: Step) -> tuple[str, ...]:
    attrs = _unpool_attrs(step, axes)
    if attrs is None:
        return ()
    if attrs.output_size is not None:
        return tuple(adaptive_formula(n, n) for n in attrs.output_size)
    return tuple(unpool_formula(*one) for one in _unpool_sizes(step, attrs, axes))


def _unpool_flow(axes: int, step: Step) -> Flows | None:
    attrs = _unpool_attrs(step, axes)
    if attrs is None:
        return None
    lead = len(shape(step)) - axes
    links = [
        Link(lead + at, kernel, stride, padding, 1, TRANSPOSED)
        for at, (_, kernel, stride, padding) in enumerate(_unpool_sizes(step, attrs, axes))
    ]
    return ((*same(lead), *links),)


for _axes in (1, 2, 3):
    register(
        Op(
            f"max_unpool{_axes}d",
            "input indices kernel_size stride padding output_size",
            modules=(f"MaxUnpool{_axes}d",),
            forward="input indices output_size",
            from_call=partial(_unpool_call, axes=_axes),
            from_module=partial(_unpool_module, axes=_axes),
            shape_rule=partial(_unpool_shape, _axes),
            refusal_rule=partial(_unpool_refusal, _axes),
            formula_rule=partial(_unpool_text, _axes),
            flow_rule=partial(_unpool_flow, _axes),
            free=True,
            windowed=True,
            saves="indices",
        )
    )
