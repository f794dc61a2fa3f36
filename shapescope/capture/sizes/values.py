"""What is known of the values of index tensors: positions made by `arange` end somewhere.

A table of positions refuses an index beyond its end, which a shape alone does not show.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from shapescope.arithmetic.expressions import Expr, above, at_least, every, number
from shapescope.attrs import EmbeddingAttrs
from shapescope.capture.sizes.call import Call
from shapescope.capture.sizes.numbers import expr_of, is_size, now
from shapescope.capture.sizes.tags import tag_values, values_of

_SAME_VALUES = frozenset(
    {"unsqueeze", "squeeze", "expand", "expand_as", "repeat", "repeat_interleave", "view",
     "reshape", "flatten", "permute", "transpose", "contiguous", "clone", "to", "getitem", "flip",
     "roll", "broadcast_to", "detach", "view_as", "reshape_as", "tile", "unfold", "chunk", "split",
     "unbind", "select", "narrow", "stack", "cat", "meshgrid", "movedim", "tensor_unfold",
     "zeros_like", "broadcast_tensors", "alias", "unflatten"}
)  # fmt: skip


def judge_values(call: Call) -> None:
    """Require that indices lie within what they index."""
    if call.step.op == "embedding" and isinstance(call.step.attrs, EmbeddingAttrs):
        index = call.args[0] if call.args else call.kwargs.get("input")
        _require_below(call, index, number(call.step.attrs.num_embeddings), "a table")
    elif call.step.op == "index_select":
        index = call.argument(2, "index")
        dim = call.argument(1, "dim")
        if type(dim) is int and call.shapes and -len(call.shapes[0]) <= dim < len(call.shapes[0]):
            _require_below(call, index, expr_of(call.shapes[0][dim]), "an axis")


def _require_below(call: Call, index: Any, count: Expr, what: str) -> None:
    bounds = values_of(index) if isinstance(index, Tensor) else None
    if bounds is None:
        return
    low, high = bounds
    call.require(
        every(above(count, high), at_least(low, number(0))),
        lambda: (
            f"index {high.evaluate(call.judge.sizes)} is beyond the end of {what} of "
            f"{count.evaluate(call.judge.sizes)}"
        ),
    )


def pass_values_on(call: Call) -> None:
    """Note what is known of the values of the outputs."""
    found = _values(call)
    if found is not None:
        for tensor in call.outputs:
            tag_values(tensor, *found)


def _values(call: Call) -> tuple[Expr, Expr] | None:
    op = call.step.op
    if op == "arange":
        return _arange(call)
    tensors = [value for value in _flat(call.args) if isinstance(value, Tensor)]
    known = [values_of(tensor) for tensor in tensors]
    if op == "zeros_like" and call.outputs:
        return number(0), number(0)
    if not known or known[0] is None:
        return None
    low, high = known[0]
    if op in _SAME_VALUES:
        if op in ("cat", "stack", "meshgrid", "broadcast_tensors") and len(tensors) > 1:
            return None
        return low, high
    other = call.argument(1, "other")
    if op in ("add", "sub") and is_size(other):
        step = expr_of(other) if op == "add" else -expr_of(other)
        return low + step, high + step
    if op in ("mul", "floor_divide") and is_size(other) and now(other) > 0:
        by = expr_of(other)
        if call.judge.known(above(by, number(0))):
            return (low * by, high * by) if op == "mul" else (low // by, high // by)
    if op == "clamp" and len(tensors) == 1:
        least, most = call.argument(1, "min"), call.argument(2, "max")
        if all(bound is None or is_size(bound) for bound in (least, most)):
            if least is not None:
                low = call.chosen((low, expr_of(least)), largest=True)
                high = call.chosen((high, expr_of(least)), largest=True)
            if most is not None:
                low = call.chosen((low, expr_of(most)), largest=False)
                high = call.chosen((high, expr_of(most)), largest=False)
            return low, high
    return None


def _arange(call: Call) -> tuple[Expr, Expr] | None:
    given = [value for value in call.args if is_size(value)]
    start, end, step = 0, call.kwargs.get("end"), call.kwargs.get("step", 1)
    if len(given) == 1:
        end = given[0]
    elif len(given) >= 2:
        start, end = given[:2]
        step = given[2] if len(given) > 2 else step
    start = call.kwargs.get("start", start)
    if type(step) is not int or step < 1 or not is_size(end) or not is_size(start):
        return None
    first = expr_of(start)
    return first, first + (expr_of(end) - first - 1) // step * step


def _flat(values: Any) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat.extend(_flat(value) if isinstance(value, tuple | list) else [value])
    return flat
