"""Attention and its masks."""

from __future__ import annotations

from typing import Any

from shapescope.arithmetic.expressions import (
    equal,
)
from shapescope.capture.sizes.call import (
    Call,
    Shapes,
    require_expands,
    tensor_sizes,
)
from shapescope.capture.sizes.numbers import expr_of, now
from shapescope.capture.sizes.rules.registry import by_row, rule


@rule("scaled_dot_product_attention")
def _dot_product(call: Call) -> Shapes | None:
    made = by_row(call)
    mask = tensor_sizes(call.argument(3, "attn_mask"))
    if made and mask is not None:
        query, key = call.shapes[0], call.shapes[1]
        scores = (*made[0][:-2], query[-2], key[-2])
        require_expands(call, mask, scores, "a mask")
    return made


@rule("multi_head_attention")
def _multi_head(call: Call) -> Shapes | None:
    made = by_row(call)
    query, key = call.shapes[0], call.shapes[1]
    if call.module is not None:
        padding = call.argument(3, "key_padding_mask")
        mask = call.argument(5, "attn_mask")
        batch_first = call.module.batch_first
    else:
        padding = call.argument(14, "key_padding_mask")
        mask = call.argument(16, "attn_mask")
        batch_first = False
    if not made or len(query) != 3:
        return made
    time = 1 if batch_first else 0
    shape = tensor_sizes(mask)
    if shape is not None and len(shape) >= 2:
        for one, other in ((shape[-2], query[time]), (shape[-1], key[time])):
            _require_same(call, one, other, "the attention mask")
    shape = tensor_sizes(padding)
    if shape is not None and len(shape) == 2:
        _require_same(call, shape[0], key[1 - time], "the padding mask")
        _require_same(call, shape[1], key[time], "the padding mask")
    if len(call.outputs) > 1:
        weights = call.outputs[1]
        lengths: tuple[Any, ...] = (query[1 - time], query[time], key[time])
        if weights.dim() == 4:
            lengths = (lengths[0], weights.shape[1], *lengths[1:])
        return [made[0], lengths]
    return made


def _require_same(call: Call, one: Any, other: Any, what: str) -> None:
    call.require(
        equal(expr_of(one), expr_of(other)), lambda: f"{what} is for {now(one)}, not {now(other)}"
    )
