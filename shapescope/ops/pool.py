"""Pools with a window: max, average and power average."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod
from typing import Any

from shapescope.arithmetic.formula import pool_formula
from shapescope.arithmetic.pooling import pool_output, pool_refusal
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import PoolAttrs
from shapescope.ops.flow import Flows, sliding
from shapescope.ops.registry import Bound, Op, Window, register
from shapescope.ops.shapes import Ints, index_bytes, shape
from shapescope.ops.values import per_axis
from shapescope.trace import Step

_SETTINGS = (
    "kernel_size", "stride", "padding", "dilation", "ceil_mode", "count_include_pad", "norm_type",
)  # fmt: skip


def _call(given: Bound, axes: int, average: bool) -> PoolAttrs | None:
    if "kernel_size" not in given:
        return None
    kernel = per_axis(given["kernel_size"], axes)
    stride = given.get("stride")
    counts_pad = given.get("count_include_pad")
    return PoolAttrs(
        kernel_size=kernel,
        # left out, None and [] all mean: as far as the window is wide
        stride=kernel if stride is None or stride == [] or stride == () else per_axis(stride, axes),
        padding=per_axis(given.get("padding") or 0, axes),
        dilation=per_axis(1 if given.get("dilation") is None else given["dilation"], axes),
        ceil_mode=bool(given.get("ceil_mode")),
        count_include_pad=(counts_pad is None or bool(counts_pad)) if average else None,
        norm_type=given.get("norm_type"),
    )


def _module(module: Any, bound: Bound, axes: int, average: bool) -> PoolAttrs | None:
    known = [name for name in _SETTINGS if name in module.__dict__ or hasattr(type(module), name)]
    return _call({name: getattr(module, name) for name in known}, axes, average)


def _attrs(step: Step, axes: int) -> PoolAttrs | None:
    attrs = step.attrs
    if not isinstance(attrs, PoolAttrs) or len(attrs.kernel_size) != axes or 0 in attrs.stride:
        return None
    return attrs if len(shape(step)) in (axes + 1, axes + 2) else None


def _per_axis(step: Step, attrs: PoolAttrs, axes: int) -> Iterator[tuple[Any, ...]]:
    """What the output size depends on, an entry for each axis, in the formula's order."""
    pairs = [(amount, amount) for amount in attrs.padding]
    rounding = (attrs.ceil_mode,) * axes
    return zip(
        shape(step)[-axes:],
        attrs.kernel_size,
        attrs.stride,
        pairs,
        attrs.dilation,
        rounding,
        strict=True,
    )


def _shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    attrs = _attrs(step, axes)
    if attrs is None:
        return None
    sizes = [pool_output(*one) for one in _per_axis(step, attrs, axes)]
    made = (*shape(step)[:-axes], *sizes)
    return made, made


def _refusal(axes: int, step: Step) -> str | None:
    attrs = step.attrs
    if not isinstance(attrs, PoolAttrs):
        return None
    sizes = shape(step)
    reason = rank_refusal(len(sizes), (axes + 1, axes + 2))
    if reason is not None:
        return reason
    return pool_refusal(
        sizes[-axes:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.dilation,
        kind="max" if step.op.startswith("max") else "avg",
        ceil_mode=attrs.ceil_mode,
        channels=prod(sizes[-axes - 1 : -axes]),
    )


def _text(axes: int, step: Step) -> tuple[str, ...]:
    attrs = _attrs(step, axes)
    if attrs is None:
        return ()
    return tuple([_formula(*one) for one in _per_axis(step, attrs, axes)])


_formula = lru_cache(maxsize=4096)(pool_formula)
"""Most maps are square."""


def _window(axes: int, step: Step) -> tuple[Window, ...] | None:
    attrs = _attrs(step, axes)
    if attrs is None:
        return None
    return tuple(
        Window(*one)
        for one in zip(attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation, strict=True)
    )


def _flow(axes: int, step: Step) -> Flows | None:
    attrs = _attrs(step, axes)
    if attrs is None:
        return None
    window = attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation
    return (sliding(len(shape(step)) - axes, *window),)


for _name, _class, _signature, _average in (
    (
        "max_pool",
        "MaxPool",
        "input kernel_size stride padding dilation ceil_mode return_indices",
        False,
    ),
    (
        "avg_pool",
        "AvgPool",
        "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
        True,
    ),
    ("lp_pool", "LPPool", "input norm_type kernel_size stride ceil_mode", False),
):
    for _axes in (1, 2, 3):
        register(
            Op(
                f"{_name}{_axes}d",
                _signature,
                modules=(f"{_class}{_axes}d",),
                from_call=partial(_call, axes=_axes, average=_average),
                from_module=partial(_module, axes=_axes, average=_average),
                shape_rule=partial(_shape, _axes),
                refusal_rule=partial(_refusal, _axes),
                formula_rule=partial(_text, _axes),
                window_rule=partial(_window, _axes),
                flow_rule=partial(_flow, _axes),
                free=True,
                windowed=True,
                saves="input output" if _name == "lp_pool" else "input",
                extra_rule=index_bytes if _name == "max_pool" else None,
            )
        )
