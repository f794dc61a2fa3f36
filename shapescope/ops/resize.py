"""Ops that sample a map anew: interpolation and grids."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from shapescope.arithmetic.formula import interpolate_formula
from shapescope.arithmetic.resampling import (
    grid_sample_refusal,
    grid_sample_shape,
    interpolate_output,
    interpolate_refusal,
)
from shapescope.attrs import ResizeAttrs
from shapescope.ops.adaptive import adaptive_link
from shapescope.ops.flow import RESIZED, Flows, Link, same
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, are_ints, argument, shape, text
from shapescope.ops.values import NOT_PLAIN, per_axis, plain
from shapescope.trace import Step

_NEIGHBOURS = {"nearest": 1, "nearest-exact": 1, "bicubic": 4}
"""How many values of the input one of the output mixes along an axis; two where it is linear."""


def _resize_call(given: Bound) -> ResizeAttrs | None:
    size, factor = given.get("size"), given.get("scale_factor")
    tensor = given.get("input")
    axes = max(len(tensor.shape) - 2, 1) if tensor is not None else 1
    if plain(size) is NOT_PLAIN or plain(factor) is NOT_PLAIN:
        return None  # a tensor, whose value is not known
    return ResizeAttrs(
        size=_spread(size, axes),
        scale_factor=_spread(factor, axes),
        mode=str(given.get("mode") or "nearest"),
    )


def _spread(value: Any, axes: int) -> tuple[Any, ...] | None:
    """One number for all axes, or one for each; unlike a window's, a tuple of one is not spread."""
    if value is None:
        return None
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else per_axis(value, axes)


def _resize_module(module: Any, bound: Bound) -> ResizeAttrs | None:
    names = ("size", "scale_factor", "mode")
    given = {name: getattr(module, name, None) for name in names}
    return _resize_call({**given, "input": bound.get("input")})


def _resize_axes(step: Step) -> list[tuple[int, dict[str, Any]]] | None:
    attrs, sizes = step.attrs, shape(step)[2:]
    if not isinstance(attrs, ResizeAttrs) or not sizes:
        return None
    if attrs.size is not None:
        wanted: list[dict[str, Any]] = [{"size": size} for size in attrs.size]
    elif attrs.scale_factor is not None:
        wanted = [{"scale_factor": factor} for factor in attrs.scale_factor]
    else:
        return None
    return list(zip(sizes, wanted, strict=True)) if len(wanted) == len(sizes) else None


def _resize_shape(step: Step) -> tuple[Ints, ...] | None:
    axes = _resize_axes(step)
    if axes is None:
        return None
    return ((*shape(step)[:2], *(interpolate_output(n, **wanted) for n, wanted in axes)),)


def _resize_refusal(step: Step) -> str | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, ResizeAttrs):
        return None
    if len(sizes) < 3:
        return f"the input has rank {len(sizes)}, but 3, 4 or 5 is needed: N, C and at least one"
    given = attrs.scale_factor if attrs.size is None else attrs.size
    if given is not None and len(given) != len(sizes) - 2:
        what = "factors" if attrs.size is None else "sizes"
        return f"{len(given)} {what} are given for {len(sizes) - 2} spatial axes"
    made = _resize_shape(step)
    if made is None:
        return None
    return interpolate_refusal(
        sizes[2:], made[0][2:], mode=attrs.mode.replace("_", "-"), channels=sizes[1]
    )


def _resize_flow(step: Step) -> Flows | None:
    made, attrs = _resize_shape(step), step.attrs
    if made is None or not isinstance(attrs, ResizeAttrs) or 0 in made[0]:
        return None
    sizes, out = shape(step), made[0]
    links: list[Link] = []
    for at in range(2, len(sizes)):
        if sizes[at] == out[at]:
            links.append(Link(at))
        elif attrs.mode == "area":
            links.append(adaptive_link(at, sizes[at], out[at]))
        else:
            neighbours = _NEIGHBOURS.get(attrs.mode, 2)
            links.append(Link(at, neighbours, Fraction(sizes[at], out[at]), kind=RESIZED))
    return ((*same(2), *links),)


def _resize_scratch(step: Step) -> int:
    """Input and output once more, with the channels last; bicubic works in place."""
    made, attrs = _resize_shape(step), step.attrs
    if made is None or not isinstance(attrs, ResizeAttrs) or attrs.mode in ("bicubic", "area"):
        return 0
    return 4 * (prod(shape(step)) + prod(made[0]))


def _resize_text(step: Step) -> tuple[str, ...]:
    return tuple(interpolate_formula(n, **wanted) for n, wanted in _resize_axes(step) or ())


register(
    Op(
        "interpolate",
        "input size scale_factor mode align_corners recompute_scale_factor antialias",
        modules=("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"),
        from_call=_resize_call,
        from_module=_resize_module,
        shape_rule=_resize_shape,
        refusal_rule=_resize_refusal,
        formula_rule=_resize_text,
        flow_rule=_resize_flow,
        scratch_rule=_resize_scratch,
        free=True,
    )
)


def _sample_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2 or len(shape(step)) < 4 or len(shape(step, 1)) < 4:
        return None
    return (grid_sample_shape(shape(step), shape(step, 1)),)


def _sample_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2:
        return None
    mode = argument(step, "mode", "bilinear")
    return grid_sample_refusal(shape(step), shape(step, 1), mode=mode)


register(
    Op(
        "grid_sample",
        "input grid mode padding_mode align_corners",
        shape_rule=_sample_shape,
        saves="inputs",
        flow_rule=lambda step: ((Link(0), Link(1), *(None,) * (len(shape(step)) - 2)),),
        refusal_rule=_sample_refusal,
        free=True,
    )
)


def _affine_grid_shape(step: Step) -> tuple[Ints, ...] | None:
    size = argument(step, "size")
    return None if not isinstance(size, tuple) else ((size[0], *size[2:], len(size) - 2),)


def _affine_grid_refusal(step: Step) -> str | None:
    """A matrix of 2 x 3 for each picture, or of 3 x 4 for each volume."""
    size, theta = argument(step, "size"), shape(step)
    if not isinstance(size, tuple) or not are_ints(size):
        return None
    if len(size) not in (4, 5):
        return f"a grid is for pictures or volumes, of 4 or 5 axes, not for {text(size)}"
    if [one for one in size if one < 1]:  # each is asked: where sizes are open, each is a condition
        return f"a grid of {text(size)} has no place"
    wanted = (size[0], len(size) - 2, len(size) - 1)
    if theta != wanted:
        return f"a size of {text(size)} takes matrices of {text(wanted)}, not {text(theta)}"
    return None


register(
    Op(
        "affine_grid",
        "theta size align_corners",
        shape_rule=_affine_grid_shape,
        refusal_rule=_affine_grid_refusal,
        free=True,
    )
)
