"""Pools that round up, and maps resized by a factor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shapescope.arithmetic.expressions import (
    at_least,
    every,
)
from shapescope.attrs import PoolAttrs, ResizeAttrs
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
    text,
)
from shapescope.capture.sizes.numbers import expr_of
from shapescope.capture.sizes.rules.registry import by_row, rule


@rule(*(f"{kind}_pool{axes}d" for kind in ("max", "avg", "lp") for axes in (1, 2, 3)))
def _pool(call: Call) -> Shapes | None:
    attrs = call.step.attrs
    if not isinstance(attrs, PoolAttrs) or not attrs.ceil_mode:
        return by_row(call)
    sizes = call.shapes[0]
    axes = len(attrs.kernel_size)
    made = []
    for size, k, s, p, d in zip(
        sizes[-axes:], attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation, strict=True
    ):
        n = expr_of(size)
        room = n + expr_of(p) * 2 - expr_of(d) * (expr_of(k) - 1) - 1
        up = -(-room // expr_of(s)) + 1
        # the last window has to start on the map or the padding before it
        out = call.chosen((up, (n + expr_of(p) - 1) // expr_of(s) + 1), largest=False)
        call.require(
            every(at_least(out, ONE), at_least(n, ONE)),
            lambda: f"a window of {text(attrs.kernel_size)} does not fit on {text(sizes[-axes:])}",
        )
        made.append(call.size(out))
    result = (*sizes[:-axes], *made)
    return [result, result]


@rule("interpolate")
def _interpolate(call: Call) -> Shapes | None:
    attrs = call.step.attrs
    sizes = call.shapes[0][2:]
    if not isinstance(attrs, ResizeAttrs) or attrs.size is not None or attrs.scale_factor is None:
        return by_row(call)
    if len(attrs.scale_factor) != len(sizes):
        return None
    # torch rounds the product of both floats down
    wanted = tuple(
        int_of(size * _as_float(factor))
        for size, factor in zip(sizes, attrs.scale_factor, strict=True)
    )
    sized_step = replace(call.step, attrs=replace(attrs, size=wanted, scale_factor=None))
    return by_row(replace(call, step=sized_step))


def _as_float(factor: Any) -> Any:
    return float(factor) if type(factor) in (int, float) else factor


def int_of(value: Any) -> Any:
    """`int(value)` that keeps a formula."""
    return value if type(value) is int else value.__trunc__()
