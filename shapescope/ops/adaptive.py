"""Pools that are told how many windows to cut a map into."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

from shapescope.arithmetic.adaptive import adaptive_output, adaptive_refusal, adaptive_window
from shapescope.arithmetic.formula import adaptive_formula
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.attrs import AdaptivePoolAttrs
from shapescope.ops.flow import Flows, Link, same
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, index_bytes, shape
from shapescope.ops.values import per_axis
from shapescope.trace import Step


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
