"""Unfold and fold, which cut a map into windows and add them up again."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.arithmetic.formula import product_formula, tensor_unfold_formula, unfold_formula
from shapescope.arithmetic.reshaping import rank_refusal
from shapescope.arithmetic.unfolding import (
    fold_refusal,
    tensor_unfold_output,
    tensor_unfold_refusal,
    unfold_refusal,
    window_counts,
)
from shapescope.attrs import FoldAttrs
from shapescope.ops.flow import Flows, Link
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, argument, axis, replaced, shape, text
from shapescope.ops.values import per_axis
from shapescope.trace import Step


def _call(given: Bound) -> FoldAttrs | None:
    if "kernel_size" not in given:
        return None
    size = given.get("output_size")
    return FoldAttrs(
        kernel_size=per_axis(given["kernel_size"], 2),
        stride=per_axis(given.get("stride", 1), 2),
        padding=per_axis(given.get("padding", 0), 2),
        dilation=per_axis(given.get("dilation", 1), 2),
        output_size=None if size is None else per_axis(size, 2),
    )


def _module(module: Any, bound: Bound) -> FoldAttrs | None:
    names = ("kernel_size", "stride", "padding", "dilation", "output_size")
    return _call({name: getattr(module, name, None) for name in names})


def _counts(step: Step, sizes: Ints) -> Ints | None:
    attrs = step.attrs
    if not isinstance(attrs, FoldAttrs) or len(shape(step)) < 2 or 0 in attrs.stride:
        return None
    return window_counts(sizes, attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation)


def _unfold_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, attrs = shape(step), step.attrs
    if not isinstance(attrs, FoldAttrs) or len(sizes) not in (3, 4):
        return None
    counts = _counts(step, sizes[-2:])
    if counts is None:
        return None
    return ((*sizes[:-3], sizes[-3] * prod(attrs.kernel_size), prod(counts)),)


def _unfold_refusal(step: Step) -> str | None:
    sizes, attrs = shape(step), step.attrs
    if not isinstance(attrs, FoldAttrs):
        return None
    return rank_refusal(len(sizes), (3, 4)) or unfold_refusal(
        sizes[-2:],
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.dilation,
        channels=sizes[-3],
    )


def _window_text(step: Step, sizes: Ints) -> tuple[str, ...]:
    attrs, counts = step.attrs, _counts(step, sizes)
    if counts is None or not isinstance(attrs, FoldAttrs):
        return ()
    axes = zip(sizes, attrs.kernel_size, attrs.stride, attrs.padding, attrs.dilation, strict=True)
    return (*(unfold_formula(*one) for one in axes), product_formula(counts))


def _unfold_text(step: Step) -> tuple[str, ...]:
    return _window_text(step, shape(step)[-2:]) if len(shape(step)) in (3, 4) else ()


def _fold_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, attrs = shape(step), step.attrs
    if not isinstance(attrs, FoldAttrs) or attrs.output_size is None or len(sizes) not in (2, 3):
        return None
    elements = prod(attrs.kernel_size)
    if not elements:
        return None
    return ((*sizes[:-2], sizes[-2] // elements, *attrs.output_size),)


def _fold_refusal(step: Step) -> str | None:
    sizes, attrs = shape(step), step.attrs
    if not isinstance(attrs, FoldAttrs) or attrs.output_size is None:
        return None
    return rank_refusal(len(sizes), (2, 3)) or fold_refusal(
        sizes[-2],
        sizes[-1],
        attrs.output_size,
        attrs.kernel_size,
        attrs.stride,
        attrs.padding,
        attrs.dilation,
    )


def _fold_text(step: Step) -> tuple[str, ...]:
    """The windows of the map that is made: their product has to be the last axis."""
    attrs = step.attrs
    if not isinstance(attrs, FoldAttrs) or attrs.output_size is None:
        return ()
    return _window_text(step, attrs.output_size)


def _tensor_unfold(step: Step) -> tuple[int, int, int, int] | None:
    """The axis, its size, and the window's size and step."""
    sizes = shape(step)
    dimension, size, stride = (argument(step, name) for name in ("dimension", "size", "step"))
    if not all(isinstance(value, int) for value in (dimension, size, stride)):
        return None
    along = axis(dimension, len(sizes))
    if along is None or not stride:
        return None
    return along, sizes[along] if sizes else 1, size, stride


def _tensor_unfold_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _tensor_unfold(step)
    if found is None:
        return None
    along, n, size, stride = found
    count = tensor_unfold_output(n, size, stride)
    return ((*replaced(shape(step), along, count), size),) if shape(step) else ((size,),)


def _tensor_unfold_refusal(step: Step) -> str | None:
    found = _tensor_unfold(step)
    if found is not None:
        return tensor_unfold_refusal(*found[1:])
    if argument(step, "step") == 0:
        return "step is 0, but has to be at least 1"
    return f"{text(shape(step))} has no axis {argument(step, 'dimension')}"


def _tensor_unfold_text(step: Step) -> tuple[str, ...]:
    found = _tensor_unfold(step)
    return () if found is None else (tensor_unfold_formula(*found[1:]),)


def _tensor_unfold_flow(step: Step) -> Flows | None:
    """The axis of windows; inside a window the places have lost theirs."""
    found, rank = _tensor_unfold(step), len(shape(step))
    if found is None or not rank:
        return None
    along, _, size, stride = found
    return ((*(Link(at, size, stride) if at == along else Link(at) for at in range(rank)), None),)


register(
    Op(
        "unfold",
        "input kernel_size dilation padding stride",
        modules=("Unfold",),
        from_call=_call,
        from_module=_module,
        shape_rule=_unfold_shape,
        refusal_rule=_unfold_refusal,
        formula_rule=_unfold_text,
        free=True,
        windowed=True,
        changes_axes=True,
    )
)
register(
    Op(
        "fold",
        "input output_size kernel_size dilation padding stride",
        modules=("Fold",),
        from_call=_call,
        from_module=_module,
        shape_rule=_fold_shape,
        refusal_rule=_fold_refusal,
        formula_rule=_fold_text,
        free=True,
        windowed=True,
        changes_axes=True,
    )
)
register(
    Op(
        "tensor_unfold",
        "input dimension size step",
        shape_rule=_tensor_unfold_shape,
        refusal_rule=_tensor_unfold_refusal,
        formula_rule=_tensor_unfold_text,
        flow_rule=_tensor_unfold_flow,
        view=True,
        free=True,
        windowed=True,
        changes_axes=True,
    )
)
