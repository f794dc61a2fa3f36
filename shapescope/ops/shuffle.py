"""Shuffles between channels and space."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

from shapescope.arithmetic.formula import (
    pixel_shuffle_channels_formula,
    pixel_shuffle_formula,
    pixel_unshuffle_channels_formula,
    pixel_unshuffle_formula,
)
from shapescope.arithmetic.resampling import (
    channel_shuffle_refusal,
    pixel_shuffle_channels,
    pixel_shuffle_output,
    pixel_shuffle_refusal,
    pixel_unshuffle_refusal,
    pixel_unshuffle_shape,
)
from shapescope.ops.flow import RESIZED, Flows, Link, mixing_flow, same
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import Ints, argument, few_axes_refusal, shape
from shapescope.trace import Step


def _factor(step: Step, name: str) -> int:
    factor = argument(step, name)
    return factor if isinstance(factor, int) else 0


def _shuffle_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, factor = shape(step), _factor(step, "upscale_factor")
    if len(sizes) < 3 or factor < 1:
        return None
    channels = pixel_shuffle_channels(sizes[-3], factor)
    return ((*sizes[:-3], channels, *(pixel_shuffle_output(n, factor) for n in sizes[-2:])),)


def _shuffle_text(step: Step) -> tuple[str, ...]:
    sizes, factor = shape(step), _factor(step, "upscale_factor")
    if len(sizes) < 3 or factor < 1:
        return ()
    spatial = (pixel_shuffle_formula(n, factor) for n in sizes[-2:])
    return (pixel_shuffle_channels_formula(sizes[-3], factor), *spatial)


def _unshuffle_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, factor = shape(step), _factor(step, "downscale_factor")
    return None if len(sizes) < 3 or factor < 1 else (pixel_unshuffle_shape(sizes, factor),)


def _unshuffle_text(step: Step) -> tuple[str, ...]:
    sizes, factor = shape(step), _factor(step, "downscale_factor")
    if len(sizes) < 3 or factor < 1:
        return ()
    spatial = (pixel_unshuffle_formula(n, factor) for n in sizes[-2:])
    return (pixel_unshuffle_channels_formula(sizes[-3], factor), *spatial)


def _channel_shuffle_refusal(step: Step) -> str | None:
    sizes = shape(step)
    reason = few_axes_refusal(sizes, 3)
    return reason or channel_shuffle_refusal(sizes[1], _factor(step, "groups"))


def _refusal(rule: Any, name: str, step: Step) -> str | None:
    reason: str | None = rule(shape(step), _factor(step, name))
    return reason


def _shuffle_flow(step: Step) -> Flows | None:
    lead, factor = len(shape(step)) - 3, _factor(step, "upscale_factor")
    spatial = (Link(lead + at, 1, Fraction(1, factor), kind=RESIZED) for at in (1, 2))
    return ((*same(lead), None, *spatial),)


def _unshuffle_flow(step: Step) -> Flows | None:
    lead, factor = len(shape(step)) - 3, _factor(step, "downscale_factor")
    return ((*same(lead), None, *(Link(lead + at, factor, factor) for at in (1, 2))),)


register(
    Op(
        "pixel_shuffle",
        "input upscale_factor",
        modules=("PixelShuffle",),
        settings=("upscale_factor",),
        shape_rule=_shuffle_shape,
        refusal_rule=partial(_refusal, pixel_shuffle_refusal, "upscale_factor"),
        formula_rule=_shuffle_text,
        flow_rule=_shuffle_flow,
        free=True,
    )
)
register(
    Op(
        "pixel_unshuffle",
        "input downscale_factor",
        modules=("PixelUnshuffle",),
        settings=("downscale_factor",),
        shape_rule=_unshuffle_shape,
        refusal_rule=partial(_refusal, pixel_unshuffle_refusal, "downscale_factor"),
        formula_rule=_unshuffle_text,
        flow_rule=_unshuffle_flow,
        free=True,
    )
)
register(
    Op(
        "channel_shuffle",
        "input groups",
        modules=("ChannelShuffle",),
        settings=("groups",),
        shape_rule=lambda step: (shape(step),),
        refusal_rule=_channel_shuffle_refusal,
        flow_rule=lambda step: mixing_flow(step, (1,)),
        free=True,
        pointwise=True,
    )
)
