"""Attention, with projections of its own and without."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.attrs import AttentionAttrs
from shapescope.ops.flow import Flows, Link, aligned, last_lost_flow
from shapescope.ops.registry import Bound, Op, register
from shapescope.ops.shapes import Ints, argument, broadcast, broadcast_refusal, shape, shapes, text
from shapescope.ops.values import shape_of
from shapescope.trace import Step

# --- multi-head attention


def _module(module: Any, bound: Bound) -> AttentionAttrs:
    return AttentionAttrs(
        embed_dim=module.embed_dim,
        num_heads=module.num_heads,
        kdim=module.kdim,
        vdim=module.vdim,
        batch_first=module.batch_first,
        extra_keys=(module.bias_k is not None) + bool(module.add_zero_attn),
    )


def _call(bound: Bound) -> AttentionAttrs | None:
    if any(bound.get(name) is None for name in ("query", "key", "value", "num_heads")):
        return None
    widths = [shape_of(bound[name])[-1] for name in ("query", "key", "value")]
    extra = (bound.get("bias_k") is not None) + bool(bound.get("add_zero_attn"))
    return AttentionAttrs(
        widths[0], bound["num_heads"], kdim=widths[1], vdim=widths[2], extra_keys=extra
    )


def _lengths(step: Step) -> tuple[int, int, int] | None:
    """Batch, length of the query and length of the key."""
    attrs = step.attrs
    if not isinstance(attrs, AttentionAttrs) or len(step.inputs) < 3:
        return None
    query, key = shape(step), shape(step, 1)
    if len(query) not in (2, 3) or len(key) != len(query):
        return None
    if len(query) == 2:
        return 1, query[0], key[0]
    time = 1 if attrs.batch_first else 0
    return query[1 - time], query[time], key[time]


def _multi_head_shape(step: Step) -> tuple[Ints, ...] | None:
    attrs = step.attrs
    if _lengths(step) is None or not isinstance(attrs, AttentionAttrs):
        return None
    return ((*shape(step)[:-1], attrs.embed_dim),)


def _multi_head_refusal(step: Step) -> str | None:
    attrs = step.attrs
    if not isinstance(attrs, AttentionAttrs) or len(step.inputs) < 3:
        return None
    query, key, value = shapes(step)[:3]
    if len(query) not in (2, 3):
        return f"the query has rank {len(query)}, but 2 or 3 is needed"
    if len(key) != len(query) or len(value) != len(query):
        return f"query {text(query)}, key {text(key)} and value {text(value)} differ in rank"
    wanted = (attrs.embed_dim, attrs.kdim, attrs.vdim)
    for name, sizes, width in zip(("query", "key", "value"), (query, key, value), wanted,
                                  strict=True):  # fmt: skip
        if sizes[-1] != width:
            return f"the {name} has {sizes[-1]} features, but {width} are taken"
    if attrs.embed_dim % attrs.num_heads:
        return f"{attrs.embed_dim} features cannot be shared among {attrs.num_heads} heads"
    if key[:-1] != value[:-1]:
        return f"key {text(key)} and value {text(value)} differ in length or batch"
    if len(query) == 3:
        batch = 0 if attrs.batch_first else 1
        if query[batch] != key[batch]:
            return f"the batch is {query[batch]} in the query, but {key[batch]} in the key"
    return None


def _multi_head_macs(step: Step) -> int | None:
    """Three projections, scores and their sum with the values, and the projection at the end."""
    attrs, found = step.attrs, _lengths(step)
    if found is None or not isinstance(attrs, AttentionAttrs):
        return None
    batch, length, keys = found
    width = attrs.embed_dim
    projections = length * width + keys * (attrs.kdim + attrs.vdim) + length * width
    return batch * width * (projections + 2 * length * (keys + attrs.extra_keys))


def _multi_head_extra(step: Step) -> int:
    """Bytes of queries, keys and values, of what attends, and of its sum before the last map.

    Where the weights are asked for (they are a second output), the scores are kept as well and
    the queries once more, scaled; else the fused attention keeps a number for each query.
    """
    attrs, found = step.attrs, _lengths(step)
    if found is None or not isinstance(attrs, AttentionAttrs):
        return 0
    batch, length, keys = found
    values = batch * attrs.embed_dim * (2 * length + 2 * keys)
    heads = batch * attrs.num_heads
    if len(step.outputs) > 1:
        values += batch * attrs.embed_dim * length + heads * length * (keys + attrs.extra_keys)
    else:
        values += heads * length
    return 4 * values


def _arrow(step: Step) -> tuple[str, ...]:
    made = _multi_head_shape(step) if step.op == "multi_head_attention" else _dot_shape(step)
    return () if made is None else (f"{text(shape(step))} -> {text(made[0])}",)


register(
    Op(
        "multi_head_attention",
        "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v "
        "add_zero_attn dropout_p out_proj_weight out_proj_bias training key_padding_mask "
        "need_weights attn_mask use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight "
        "static_k static_v average_attn_weights is_causal",
        weights=(
            "in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj_weight",
            "out_proj_bias", "q_proj_weight", "k_proj_weight", "v_proj_weight",
        ),
        modules=("MultiheadAttention",),
        forward="query key value key_padding_mask need_weights attn_mask",
        from_call=_call,
        from_module=_module,
        shape_rule=_multi_head_shape,
        refusal_rule=_multi_head_refusal,
        formula_rule=_arrow,
        macs_rule=_multi_head_macs,
        saves="inputs",
        extra_rule=_multi_head_extra,
        flow_rule=last_lost_flow,
    )
)  # fmt: skip

# --- scaled dot product


def _heads(step: Step) -> tuple[Ints, Ints, Ints] | None:
    """Query, key and value; with `enable_gqa`, as always in flex, a key serves several heads."""
    if len(step.inputs) < 3:
        return None
    query, key, value = shapes(step)[:3]
    if min(len(query), len(key), len(value)) < 2:
        return None
    if _is_grouped(step) and min(len(query), len(key), len(value)) > 2:
        key = (*key[:-3], query[-3], *key[-2:])
        value = (*value[:-3], query[-3], *value[-2:])
    return query, key, value


def _is_grouped(step: Step) -> bool:
    return step.op == "flex_attention" or bool(argument(step, "enable_gqa", False))


def _dot_shape(step: Step) -> tuple[Ints, ...] | None:
    found = _heads(step)
    if found is None:
        return None
    query, key, value = found
    leading = broadcast(query[:-2], key[:-2], value[:-2])
    return None if leading is None else ((*leading, query[-2], value[-1]),)


def _dot_refusal(step: Step) -> str | None:
    found = _heads(step)
    if found is None:
        return None
    query, key, value = found
    if _is_grouped(step) and len(query) > 2 and len(shape(step, 1)) > 2:
        heads = shape(step, 1)[-3]
        if not heads or query[-3] % heads:
            return f"{query[-3]} heads of the query cannot share {heads} heads of the key"
    if query[-1] != key[-1]:
        return f"the query has {query[-1]} features a head, but the key has {key[-1]}"
    if key[-2] != value[-2]:
        return f"there are {key[-2]} keys, but {value[-2]} values"
    return broadcast_refusal(query[:-2], key[:-2], value[:-2])


def _dot_macs(step: Step) -> int | None:
    """Each query with each key, and the sum of the values."""
    found, made = _heads(step), _dot_shape(step)
    if found is None or made is None:
        return None
    query, key, value = found
    return prod(made[0][:-1]) * key[-2] * (query[-1] + value[-1])


def _dot_extra(step: Step) -> int:
    """Bytes of the fused attention's normaliser, one number for each query."""
    made = _dot_shape(step)
    return 0 if made is None else 4 * prod(made[0][:-1])


def _dot_flow(step: Step) -> Flows | None:
    """The query's axes; what the keys hold is read by every query."""
    made = _dot_shape(step)
    if made is None:
        return None
    leading = aligned(shape(step)[:-2], made[0][:-2])
    return ((*leading, Link(len(shape(step)) - 2), None),)


register(
    Op(
        "scaled_dot_product_attention",
        "query key value attn_mask dropout_p is_causal scale enable_gqa",
        shape_rule=_dot_shape,
        refusal_rule=_dot_refusal,
        formula_rule=_arrow,
        macs_rule=_dot_macs,
        saves="inputs output",
        extra_rule=_dot_extra,
        flow_rule=_dot_flow,
    )
)


def _flex_shape(step: Step) -> tuple[Ints, ...] | None:
    """The output, and for each query the normaliser and the largest score."""
    made = _dot_shape(step)
    return None if made is None else (*made, made[0][:-1], made[0][:-1])


register(
    Op(
        "flex_attention",
        "query key value",
        shape_rule=_flex_shape,
        refusal_rule=_dot_refusal,
        formula_rule=_arrow,
        macs_rule=_dot_macs,
        saves="inputs output",
        flow_rule=_dot_flow,
    )
)
