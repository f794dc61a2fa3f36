"""Pools that are told their output, adaptive and fractional, and max unpooling."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from math import prod
from typing import Any

from shapescope.arithmetic.adaptive import (
    adaptive_output,
    adaptive_refusal,
    adaptive_window,
    fractional_pool_output,
    fractional_pool_refusal,
)
from shapescope.arithmetic.formula import (
    adaptive_formula,
    fractional_pool_formula,
    unpool_formula,
)
from shapescope.arithmetic.pooling import unpool_output, unpool_refusal
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import AdaptivePoolAttrs, FractionalPoolAttrs, UnpoolAttrs
from shapescope.ops.flow import TRANSPOSED, Flows, Link, same
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, index_bytes, shape
from shapescope.ops.values import per_axis, plain
from shapescope.trace import Step

# --- adaptive


def _adaptive_call(given: Bound, axes: int) -> AdaptivePoolAttrs:
    return AdaptivePoolAttrs(per_axis(given.get("output_size"), axes))


def _adaptive_module(module: Any, bound: Bound, axes: int) -> AdaptivePoolAttrs:
    return AdaptivePoolAttrs(per_axis(module.output_size, axes))


def _adaptive_sizes(step: Step, axes: int) -> list[tuple[int, int | None]] | None:
    attrs = step.attrs
    if not isinstance(attrs, AdaptivePoolAttrs) or len(attrs.output_size) != axes:
        return None
    if len(shape(step)) not in (axes + 1, axes + 2):
        return None
    return list(zip(shape(step)[-axes:], attrs.output_size, strict=True))


def _adaptive_shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    sizes = _adaptive_sizes(step, axes)
    if sizes is None:
        return None
    made = (*shape(step)[:-axes], *(adaptive_output(*one) for one in sizes))
    return made, made


def _adaptive_refusal(axes: int, kind: str, step: Step) -> str | None:
    attrs = step.attrs
    if not isinstance(attrs, AdaptivePoolAttrs):
        return None
    sizes = shape(step)
    reason = rank_refusal(len(sizes), (axes + 1, axes + 2))
    if reason is not None:
        return reason
    if len(attrs.output_size) != axes:
        return f"output_size has {len(attrs.output_size)} entries for {axes} axes"
    channels = sizes[1] if len(sizes) == axes + 2 else 1
    return adaptive_refusal(sizes[-axes:], attrs.output_size, kind=kind, channels=channels)


def _adaptive_text(axes: int, step: Step) -> tuple[str, ...]:
    return tuple(adaptive_formula(*one) for one in _adaptive_sizes(step, axes) or ())


def adaptive_link(at: int, n: int, out: int) -> Link:
    """The widest of the windows that cut an axis of n in `out` parts, `n/out` apart on average."""
    widest = max(adaptive_window(index, n, out)[1] for index in range(min(out, n + 1)))
    return Link(at, widest, Fraction(n, out))


def _adaptive_flow(axes: int, step: Step) -> Flows | None:
    """The widest of its windows; they lie `n/out` apart on average."""
    sizes = _adaptive_sizes(step, axes)
    if sizes is None:
        return None
    lead = len(shape(step)) - axes
    links = []
    for at, (n, wanted) in enumerate(sizes, lead):
        out = adaptive_output(n, wanted)
        if out < 1:
            return None
        links.append(adaptive_link(at, n, out))
    return ((*same(lead), *links),)


def _mean_saves(step: Step) -> str:
    """A pool to 1 is a plain mean, whose gradient needs no values."""
    attrs = step.attrs
    to_one = isinstance(attrs, AdaptivePoolAttrs) and set(attrs.output_size) == {1}
    return "" if to_one else "input"


# --- fractional


def _fractional_call(given: Bound, axes: int) -> FractionalPoolAttrs | None:
    if "kernel_size" not in given:
        return None
    size, ratio = given.get("output_size"), given.get("output_ratio")
    return FractionalPoolAttrs(
        kernel_size=per_axis(given["kernel_size"], axes),
        output_size=None if size is None else per_axis(size, axes),
        output_ratio=None if ratio is None else per_axis(ratio, axes),
    )


def _fractional_module(module: Any, bound: Bound, axes: int) -> FractionalPoolAttrs | None:
    names = ("kernel_size", "output_size", "output_ratio")
    return _fractional_call({name: getattr(module, name) for name in names}, axes)


def _fractional_sizes(step: Step, axes: int) -> Iterator[tuple[int, dict[str, Any]]]:
    attrs = step.attrs
    if not isinstance(attrs, FractionalPoolAttrs):
        return
    if len(shape(step)) not in (axes + 1, axes + 2):
        return
    for position, n in enumerate(shape(step)[-axes:]):
        if attrs.output_size is not None:
            yield n, {"output_size": attrs.output_size[position]}
        elif attrs.output_ratio is not None:
            yield n, {"output_ratio": attrs.output_ratio[position]}


def _fractional_shape(axes: int, step: Step) -> tuple[Ints, ...] | None:
    outputs = [fractional_pool_output(n, **wanted) for n, wanted in _fractional_sizes(step, axes)]
    made = (*shape(step)[:-axes], *outputs)
    return (made, made) if outputs else None


def _fractional_refusal(axes: int, step: Step) -> str | None:
    attrs = step.attrs
    if not isinstance(attrs, FractionalPoolAttrs):
        return None
    sizes = shape(step)
    reason = rank_refusal(len(sizes), (axes + 1, axes + 2))
    made = None if reason else _fractional_shape(axes, step)
    if made is None:
        return reason
    return fractional_pool_refusal(
        sizes[-axes:], attrs.kernel_size, made[0][-axes:], channels=sizes[-axes - 1]
    )


def _fractional_text(axes: int, step: Step) -> tuple[str, ...]:
    return tuple(
        fractional_pool_formula(n, **wanted) for n, wanted in _fractional_sizes(step, axes)
    )


def _fractional_flow(axes: int, step: Step) -> Flows | None:
    """Windows lie where chance puts them, one to two kernels' worth of the average apart."""
    made, attrs = _fractional_shape(axes, step), step.attrs
    if made is None or not isinstance(attrs, FractionalPoolAttrs) or 0 in made[0]:
        return None
    lead = len(shape(step)) - axes
    links = [
        Link(at, kernel + 1, Fraction(shape(step)[at], made[0][at]))
        for at, kernel in enumerate(attrs.kernel_size, lead)
    ]
    return ((*same(lead), *links),)


# --- unpooling


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
    attrs = _unpool_attrs(step, axes)
    if attrs is None:
        return None
    sizes = shape(step)
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
    for _kind, _class in (("avg", "Avg"), ("max", "Max")):
        register(
            Op(
                f"adaptive_{_kind}_pool{_axes}d",
                "input output_size return_indices",
                modules=(f"Adaptive{_class}Pool{_axes}d",),
                from_call=partial(_adaptive_call, axes=_axes),
                from_module=partial(_adaptive_module, axes=_axes),
                shape_rule=partial(_adaptive_shape, _axes),
                refusal_rule=partial(_adaptive_refusal, _axes, _kind),
                formula_rule=partial(_adaptive_text, _axes),
                flow_rule=partial(_adaptive_flow, _axes),
                free=True,
                windowed=True,
                saves="input" if _kind == "max" else _mean_saves,
                extra_rule=index_bytes if _kind == "max" else None,
            )
        )
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
    if _axes > 1:
        register(
            Op(
                f"fractional_max_pool{_axes}d",
                "input kernel_size output_size output_ratio return_indices",
                modules=(f"FractionalMaxPool{_axes}d",),
                from_call=partial(_fractional_call, axes=_axes),
                from_module=partial(_fractional_module, axes=_axes),
                shape_rule=partial(_fractional_shape, _axes),
                refusal_rule=partial(_fractional_refusal, _axes),
                formula_rule=partial(_fractional_text, _axes),
                flow_rule=partial(_fractional_flow, _axes),
                free=True,
                windowed=True,
                saves="input",
                extra_rule=index_bytes,
            )
        )
