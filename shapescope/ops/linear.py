"""Linear maps, and the embedding, which is one of one-hot vectors."""

from __future__ import annotations

from math import prod
from typing import Any, cast

from shapescope.attrs import CallAttrs, EmbeddingAttrs, LinearAttrs
from shapescope.ops.flow import last_lost_flow, same
from shapescope.ops.registry import Bound, Op, read_plain, register
from shapescope.ops.shapes import Ints, argument, shape, text
from shapescope.ops.values import shape_of
from shapescope.trace import Step, TensorSpec

# --- linear


def _linear_call(bound: Bound) -> LinearAttrs | None:
    weight = bound.get("weight")
    if weight is None or len(weight.shape) != 2:
        return None  # a weight of one axis makes no new one: as good as a product with a vector
    out_features, in_features = shape_of(weight)
    return LinearAttrs(in_features, out_features, bound.get("bias") is not None)


def _linear_module(module: Any, bound: Bound) -> LinearAttrs:
    bias = module.bias() if callable(module.bias) else module.bias  # quantized layers call it
    return LinearAttrs(module.in_features, module.out_features, bias is not None)


def _linear_shape(step: Step) -> tuple[Ints, ...] | None:
    attrs, sizes = step.attrs, shape(step)
    if not sizes:
        return None
    if not isinstance(attrs, LinearAttrs):
        return (sizes[:-1],)
    return ((*sizes[:-1], attrs.out_features),)


def _linear_refusal(step: Step) -> str | None:
    attrs, sizes = step.attrs, shape(step)
    if not isinstance(attrs, LinearAttrs):
        return None
    if not sizes:
        return "a linear layer needs at least one axis"
    if sizes[-1] != attrs.in_features:
        return f"the layer takes {attrs.in_features} features, but {sizes[-1]} arrive"
    return None


def _linear_text(step: Step) -> tuple[str, ...]:
    made = _linear_shape(step)
    return () if made is None else (f"{text(shape(step))} -> {text(made[0])}",)


def _linear_macs(step: Step) -> int | None:
    outputs = step.attrs.out_features if isinstance(step.attrs, LinearAttrs) else 1
    return prod(shape(step)) * outputs


register(
    Op(
        "linear",
        "input weight bias",
        weights=("weight", "bias"),
        modules=("Linear", "NonDynamicallyQuantizableLinear", "LazyLinear", "LinearReLU"),
        from_call=_linear_call,
        from_module=_linear_module,
        shape_rule=_linear_shape,
        refusal_rule=_linear_refusal,
        formula_rule=_linear_text,
        flow_rule=last_lost_flow,
        macs_rule=_linear_macs,
        saves="partners",
    )
)

# --- bilinear


def _bilinear_call(bound: Bound) -> CallAttrs | None:
    weight = bound.get("weight")
    if weight is None or len(weight.shape) != 3:
        return None
    names = ("out_features", "in1_features", "in2_features")
    return read_plain(dict(zip(names, shape_of(weight), strict=True)))


def _bilinear_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2:
        return None
    return ((*shape(step)[:-1], argument(step, "out_features")),)


def _bilinear_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2:
        return None
    left, right = shape(step), shape(step, 1)
    if left[:-1] != right[:-1]:
        return f"{text(left)} and {text(right)} differ before the last axis"
    for sizes, name in ((left, "in1_features"), (right, "in2_features")):
        if sizes[-1:] != (argument(step, name),):
            return f"{name} is {argument(step, name)}, but {text(sizes[-1:])} arrive"
    return None


def _bilinear_macs(step: Step) -> int | None:
    """`x1 A x2` for each output: `in1*in2` for `A x2` and `in1` for the product with `x1`."""
    made = _bilinear_shape(step)
    if made is None:
        return None
    return prod(made[0]) * shape(step)[-1] * (shape(step, 1)[-1] + 1)


register(
    Op(
        "bilinear",
        "input1 input2 weight bias",
        weights=("weight", "bias"),
        modules=("Bilinear",),
        settings=("out_features", "in1_features", "in2_features"),
        from_call=_bilinear_call,
        shape_rule=_bilinear_shape,
        refusal_rule=_bilinear_refusal,
        flow_rule=last_lost_flow,
        macs_rule=_bilinear_macs,
        saves="inputs",
    )
)

# --- embedding


def _embedding_call(bound: Bound) -> EmbeddingAttrs | None:
    weight = bound.get("weight")
    if weight is None or len(weight.shape) != 2:
        return None
    rows, size = shape_of(weight)
    return EmbeddingAttrs(rows, size, bound.get("padding_idx"))


def _embedding_module(module: Any, bound: Bound) -> EmbeddingAttrs:
    padding = getattr(module, "padding_idx", None)  # quantized tables have none
    return EmbeddingAttrs(module.num_embeddings, module.embedding_dim, padding)


def _embedding_shape(step: Step) -> tuple[Ints, ...] | None:
    if not isinstance(step.attrs, EmbeddingAttrs):
        return None
    return ((*shape(step), step.attrs.embedding_dim),)


def _indices_refusal(step: Step) -> str | None:
    dtype = step.inputs[0].dtype if step.inputs else "int64"
    if dtype in ("int64", "int32"):
        return None
    return f"a table is looked up by int64 or int32, not by {dtype}"


def _embedding_text(step: Step) -> tuple[str, ...]:
    made = _embedding_shape(step)
    return () if made is None else (f"{text(shape(step))} -> {text(made[0])}",)


register(
    Op(
        "embedding",
        "input weight padding_idx max_norm norm_type scale_grad_by_freq sparse",
        weights=("weight",),
        modules=("Embedding",),
        from_call=_embedding_call,
        from_module=_embedding_module,
        shape_rule=_embedding_shape,
        refusal_rule=_indices_refusal,
        formula_rule=_embedding_text,
        flow_rule=lambda step: ((*same(len(shape(step))), None),),
        free=True,
        saves="input",
    )
)


def _bag_call(bound: Bound) -> CallAttrs | None:
    weight = bound.get("weight")
    if weight is None or len(weight.shape) != 2:
        return None
    rows, size = shape_of(weight)
    given = {name: bound.get(name) for name in ("mode", "include_last_offset")}
    return read_plain({"num_embeddings": rows, "embedding_dim": size, **given})


def _bag_shape(step: Step) -> tuple[Ints, ...] | None:
    size = argument(step, "embedding_dim")
    bags = shape(step)[0]
    if len(shape(step)) == 1:
        offsets = [s for s in step.inputs[1:] if len(s.shape) == 1 and s.dtype.startswith("int")]
        if not offsets:
            return None
        bags = cast(Ints, offsets[-1].shape)[0]
        bags -= bool(argument(step, "include_last_offset", False))
    return ((bags, size),)


def _bag_refusal(step: Step) -> str | None:
    """A bag for each row, or one row cut where the offsets say; a weight for each index."""
    if not step.inputs:
        return None
    sizes = shape(step)
    offsets = [shape(step, at) for at, spec in _rest(step) if "int" in spec.dtype]
    weights = [shape(step, at) for at, spec in _rest(step) if "float" in spec.dtype]
    if len(sizes) not in (1, 2):
        return f"indices are batch x length, or all of them in a row, not {text(sizes)}"
    if len(sizes) == 2 and offsets:
        return f"{text(sizes)} is a bag for each row, and offsets cut one row of indices"
    if len(sizes) == 1 and [len(one) for one in offsets] != [1]:
        return "one row of indices needs offsets, a row too: where each bag begins"
    if weights and argument(step, "mode", "mean") != "sum":
        return f"weights go with mode 'sum' alone, not with {argument(step, 'mode', 'mean')!r}"
    if weights and weights[0] != sizes:
        return f"there are weights of {text(weights[0])} for indices of {text(sizes)}"
    return _indices_refusal(step)


def _rest(step: Step) -> list[tuple[int, TensorSpec]]:
    """The inputs behind the indices, each with its place, without a table that is no parameter."""
    rest = list(enumerate(step.inputs))[1:]
    table = (argument(step, "num_embeddings"), argument(step, "embedding_dim"))
    if not step.params and rest and rest[0][1].shape == table:
        del rest[0]
    return rest


register(
    Op(
        "embedding_bag",
        "input weight offsets max_norm norm_type scale_grad_by_freq mode sparse",
        weights=("weight",),
        modules=("EmbeddingBag",),
        settings=("num_embeddings", "embedding_dim", "mode", "include_last_offset"),
        from_call=_bag_call,
        shape_rule=_bag_shape,
        refusal_rule=_bag_refusal,
        saves="inputs",
        free=True,
        changes_axes=True,
    )
)
