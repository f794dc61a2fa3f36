"""Pads of every mode; negative amounts crop."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.arithmetic.formula import pad_formula
from shapescope.arithmetic.padding import pad_output, pad_refusal
from shapescope.attrs import PadAttrs
from shapescope.ops.flow import Flows, Link, same
from shapescope.ops.registry import Bound, Op, Window, register
from shapescope.ops.shapes import Ints, shape
from shapescope.ops.values import NOT_PLAIN, plain_sizes
from shapescope.trace import Step

_PAD_MODES = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}


def _pad_call(given: Bound) -> PadAttrs | None:
    if "pad" not in given:
        return None
    amounts = plain_sizes(given["pad"])
    if amounts is NOT_PLAIN:
        return None  # one is a tensor, whose value is not known
    return PadAttrs(amounts, given.get("mode") or "constant")


def _pad_module(module: Any, bound: Bound) -> PadAttrs:
    name = next(
        (kind for above in type(module).__mro__ for kind in _PAD_MODES if kind in above.__name__),
        "",
    )
    return PadAttrs(tuple(module.padding), _PAD_MODES.get(name, "constant"))


def pad_pairs(step: Step) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of the last axes that are padded, in the order of the axes."""
    attrs = step.attrs
    if not isinstance(attrs, PadAttrs):
        return ()
    pad = attrs.pad
    pairs = tuple((pad[i], pad[i + 1]) for i in range(0, len(pad) - 1, 2))
    return pairs[::-1]


def _pad_sizes(step: Step) -> Ints:
    count = len(pad_pairs(step))
    return shape(step)[len(shape(step)) - count :]


def _pad_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, pairs = shape(step), pad_pairs(step)
    if len(pairs) > len(sizes) or not isinstance(step.attrs, PadAttrs):
        return None
    kept = sizes[: len(sizes) - len(pairs)]
    made = (pad_output(n, *pair) for n, pair in zip(_pad_sizes(step), pairs, strict=True))
    return ((*kept, *made),)


def _pad_refusal(step: Step) -> str | None:
    attrs, sizes, pairs = step.attrs, shape(step), pad_pairs(step)
    if not isinstance(attrs, PadAttrs):
        return None
    if len(attrs.pad) % 2:
        return f"pad has {len(attrs.pad)} amounts, but they come in pairs"
    if len(pairs) > len(sizes):
        return f"pad has {len(attrs.pad)} amounts for {len(sizes)} axes"
    leading = sizes[: len(sizes) - len(pairs)]
    return pad_refusal(
        _pad_sizes(step),
        pairs,
        mode=attrs.mode,
        batch=prod(leading[:-1]),
        channels=prod(leading[-1:]),
        rank=len(sizes),
    )


def _pad_text(step: Step) -> tuple[str, ...]:
    pairs = pad_pairs(step)
    if len(pairs) > len(shape(step)):
        return ()
    return tuple(pad_formula(n, *pair) for n, pair in zip(_pad_sizes(step), pairs, strict=True))


def _pad_window(step: Step) -> tuple[Window, ...]:
    return tuple(Window(1, 1, before, 1) for before, _ in pad_pairs(step))


def _pad_flow(step: Step) -> Flows | None:
    lead = len(shape(step)) - len(pad_pairs(step))
    windows = enumerate(_pad_window(step), lead)
    return ((*same(lead), *(Link(at, *window) for at, window in windows)),)


register(
    Op(
        "pad",
        "input pad mode value",
        modules=tuple(
            f"{kind}Pad{axes}d"
            for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
            for axes in (1, 2, 3)
        ),
        from_call=_pad_call,
        from_module=_pad_module,
        shape_rule=_pad_shape,
        refusal_rule=_pad_refusal,
        formula_rule=_pad_text,
        window_rule=_pad_window,
        flow_rule=_pad_flow,
        free=True,
    )
)
