"""Linear maps and the products of matrices."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.attrs import LinearAttrs
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, broadcast, shape, shapes, text
from shapescope.ops.values import shape_of
from shapescope.trace import Step


def _linear_call(bound: Bound) -> LinearAttrs | None:
    weight = bound.get("weight")
    if weight is None or not 1 <= len(weight.shape) <= 2:
        return None
    sizes = shape_of(weight)
    return LinearAttrs(sizes[-1], sizes[0] if len(sizes) == 2 else 1, bound.get("bias") is not None)


def _linear_module(module: Any, bound: Bound) -> LinearAttrs:
    return LinearAttrs(module.in_features, module.out_features, module.bias is not None)


def _linear_shape(step: Step) -> tuple[Ints, ...] | None:
    if not isinstance(step.attrs, LinearAttrs):
        return None
    return ((*shape(step)[:-1], step.attrs.out_features),)


def _linear_refusal(step: Step) -> str | None:
    attrs = step.attrs
    if not isinstance(attrs, LinearAttrs):
        return None
    sizes = shape(step)
    if not sizes:
        return "a linear layer needs at least one axis"
    if sizes[-1] != attrs.in_features:
        return f"the layer takes {attrs.in_features} features, but {sizes[-1]} arrive"
    return None


def _linear_formula(step: Step) -> tuple[str, ...]:
    (out,) = _linear_shape(step) or ((),)
    return (f"{text(shape(step))} -> {text(out)}",)


def _linear_macs(step: Step) -> int | None:
    if not isinstance(step.attrs, LinearAttrs):
        return None
    return prod(shape(step)) * step.attrs.out_features


register(
    Op(
        "linear",
        "input weight bias",
        weights=("weight", "bias"),
        modules=("Linear", "NonDynamicallyQuantizableLinear", "LazyLinear", "LinearReLU"),
        from_call=_linear_call,
        from_module=_linear_module,
        output_shape=_linear_shape,
        refusal=_linear_refusal,
        formula=_linear_formula,
        macs=_linear_macs,
    )
)


def matmul_shape(left: Ints, right: Ints) -> Ints | str:
    """The shape of a matrix product as torch.matmul broadcasts it, or why there is none."""
    if not left or not right:
        return "a product of matrices needs at least one axis on both sides"
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        return f"{text(left)} @ {text(right)}: the inner sizes {left[-1]} and {inner} differ"
    rows = left[-2:-1]
    columns = right[-1:] if len(right) > 1 else ()
    batch = broadcast(left[:-2], right[:-2])
    if batch is None:
        return f"{text(left)} @ {text(right)}: {text(left[:-2])} and {text(right[:-2])} differ"
    return (*batch, *rows, *columns)


def _matmul_shape(step: Step) -> tuple[Ints, ...] | None:
    result = matmul_shape(*shapes(step)[:2])
    return None if isinstance(result, str) else (result,)


def _matmul_refusal(step: Step) -> str | None:
    result = matmul_shape(*shapes(step)[:2])
    return result if isinstance(result, str) else None


def _matmul_macs(step: Step) -> int | None:
    made = _matmul_shape(step)
    return None if made is None else prod(made[0]) * shape(step)[-1]


register(
    Op(
        "matmul",
        "input other",
        output_shape=_matmul_shape,
        refusal=_matmul_refusal,
        macs=_matmul_macs,
    )
)
