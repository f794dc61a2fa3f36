"""Pools whose windows lie where chance puts them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from shapescope.arithmetic.adaptive import fractional_pool_output, fractional_pool_refusal
from shapescope.arithmetic.formula import fractional_pool_formula
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import FractionalPoolAttrs
from shapescope.ops.flow import Flows, Link, same
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, index_bytes, shape
from shapescope.ops.values import per_axis
from shapescope.trace import Step


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


for _axes in (2, 3):
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
