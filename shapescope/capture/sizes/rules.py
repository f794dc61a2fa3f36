"""Rules for ops whose row in the registry would ask more than it needs to, or cannot tell.

Everything else is judged by its row. A rule here gives the shapes of the outputs, and requires on
the way what torch requires.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from torch import Tensor

from shapescope.arithmetic.expressions import (
    Expr,
    above,
    at_least,
    equal,
    every,
    expanded,
    number,
    some,
)
from shapescope.arithmetic.expressions.terms import factored, product_of
from shapescope.attrs import PoolAttrs, ResizeAttrs
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
    Sizes,
    broadcast,
    exprs,
    tensor_sizes,
    text,
)
from shapescope.capture.sizes.judge import Refused
from shapescope.capture.sizes.numbers import expr_of, is_size, now
from shapescope.capture.sizes.tags import values_of
from shapescope.ops import lookup
from shapescope.ops.elementwise import BROADCASTING
from shapescope.ops.shapes import axis

Rule: TypeAlias = Callable[[Call], "Shapes | None"]

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for these ops."""

    def keep(function: Rule) -> Rule:
        for name in names:
            if name in RULES:
                raise ValueError(f"op {name} has two rules")
            RULES[name] = function
        return function

    return keep


# --- value by value


@rule(*BROADCASTING.split(), "where")
def _elementwise(call: Call) -> Shapes | None:
    if call.step.op == "where" and len(call.args) + len(call.kwargs) < 2:
        return None
    return [broadcast(call, call.shapes)]


@rule("instance_norm")
def _instance_norm(call: Call) -> Shapes | None:
    made = by_row(call)
    tracked = getattr(call.module, "track_running_stats", False)
    by_statistics = call.argument(5, "use_input_stats", default=True)
    if (call.module is None and by_statistics) or (call.module is not None and not tracked):
        sizes = exprs(call.shapes[0])[2:]
        call.require(
            above(product_of(sizes), ONE),
            lambda: "one value a channel has no spread: the map is 1 x 1",
        )
    return made


@rule("assert")
def _assert(call: Call) -> Shapes | None:
    """`torch._assert`: what it asserts was decided when it was computed."""
    if call.args and call.args[0] is False:
        raise Refused(str(call.argument(1, "message", default="an assertion fails")))
    return None


# --- merging and splitting axes


@rule("reshape", "view")
def _reshape(call: Call) -> Shapes | None:
    target = call.rest(1, "shape") or call.rest(1, "size")
    if not all(is_size(size) for size in target):
        return None
    return [reshaped(call, exprs(call.shapes[0]), exprs(target))]


@rule("view_as", "reshape_as")
def _reshape_as(call: Call) -> Shapes | None:
    return [reshaped(call, exprs(call.shapes[0]), exprs(call.shapes[1]))]


@rule("unflatten")
def _unflatten(call: Call) -> Shapes | None:
    sizes = exprs(call.shapes[0])
    if call.module is not None:
        dim, target = call.module.dim, call.module.unflattened_size
    else:
        dim, target = call.argument(1, "dim"), call.argument(2, "sizes")
    along = axis(dim, len(sizes))
    if along is None or not all(is_size(size) for size in target):
        return None
    inner = reshaped(call, (sizes[along],), exprs(target))
    outer = call.shapes[0]
    return [(*outer[:along], *inner, *outer[along + 1 :])]


def reshaped(call: Call, sizes: tuple[Expr, ...], target: tuple[Expr, ...]) -> Sizes:
    """`target` with its -1 filled in.

    Raises:
        Refused: the values do not fill it, or fill it only for some batches.
    """
    numel = product_of(sizes)
    open_axes = [position for position, size in enumerate(target) if size == number(-1)]
    if len(open_axes) > 1:
        raise Refused("only one size can be -1")
    known = product_of(size for size in target if size != number(-1))
    now_text = text([size.evaluate(call.judge.sizes) for size in sizes])
    if not open_axes:
        call.require(
            equal(numel, known),
            lambda: f"{now_text} does not hold {known.evaluate(call.judge.sizes)} values",
            f"{numel.text} == {known.text}",
        )
        return tuple(call.size(size) for size in target)
    call.judge.decide(above(known, number(0)))
    over, under = reduced_ratio(numel, known)
    call.require(
        equal(over % under, number(0)),
        lambda: f"{now_text} cannot be cut into pieces of {known.evaluate(call.judge.sizes)}",
        f"{numel.text} % {_bracketed(known)} == 0",
    )
    filled = list(target)
    filled[open_axes[0]] = exact_quotient(over, under)
    return tuple(call.size(size) for size in filled)


def _bracketed(expr: Expr) -> str:
    return expr.text if expr.is_number or len(expr.text) == 1 else f"({expr.text})"


def reduced_ratio(over: Expr, under: Expr) -> tuple[Expr, Expr]:
    """A ratio with the factors that both sides share cancelled."""
    top, bottom = factored(over), factored(under)
    left, divisor = list(top[1]), list(bottom[1])
    for factor in bottom[1]:
        if factor in left:
            left.remove(factor)
            divisor.remove(factor)
    a, b = product_of(left, top[0]), product_of(divisor, bottom[0])
    if b.is_number and b.constant:
        whole = expanded(a)
        pieces = (whole.constant, *(coefficient for _, coefficient in whole.terms))
        if all(piece % b.constant == 0 for piece in pieces):
            return a // b, ONE
    return a, b


def exact_quotient(over: Expr, under: Expr) -> Expr:
    """`over // under` where nothing is left over, whatever the batch: the batch stays outside."""
    coefficient, factors = factored(over)
    outside = [factor for factor in factors if factor.names == frozenset({"N"})]
    if not outside or under == ONE:
        return over // under
    inside = product_of((factor for factor in factors if factor not in outside), coefficient)
    return product_of(outside) * (inside // under)


# --- slices


@rule("getitem")
def _getitem(call: Call) -> Shapes | None:
    index = call.argument(1, "index")
    items = index if isinstance(index, tuple) else (index,)
    if any(isinstance(item, bool | list) or _is_mask(item) for item in items):
        return None
    sizes = call.shapes[0]
    taken = sum(item is not None and item is not Ellipsis for item in items)
    if taken > len(sizes):
        return None
    made: list[Any] = []
    advanced: list[Sizes] = []
    place: int | None = None
    apart = closed = False
    position = 0
    filled = items if Ellipsis in [item for item in items if item is Ellipsis] else (*items, ...)
    for item in filled:
        if item is None:
            made.append(1)
        elif item is Ellipsis:
            more = len(sizes) - taken
            made.extend(sizes[position : position + more])
            position += more
        elif is_size(item):
            _require_inside(call, expr_of(item), sizes[position])
            position += 1
            continue
        elif isinstance(item, slice):
            length = slice_length(call, sizes[position], item)
            if length is None:
                return None
            made.append(length)
            position += 1
        else:
            shape = tensor_sizes(item)
            if shape is None:
                return None
            _require_values_inside(call, item, sizes[position])
            advanced.append(shape)
            apart = apart or closed
            place = len(made) if place is None else place
            position += 1
            continue
        closed = closed or place is not None
    if place is not None:
        at = 0 if apart else place
        made[at:at] = broadcast(call, advanced)
    return [tuple(made)]


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and str(item.dtype) in ("torch.bool", "torch.uint8")


def _require_inside(call: Call, place: Expr, size: Any) -> None:
    count = expr_of(size)
    call.require(
        every(at_least(place, -count), above(count, place)),
        lambda: f"an axis of {now(size)} has no place {place.evaluate(call.judge.sizes)}",
    )


def _require_values_inside(call: Call, index: Tensor, size: Any) -> None:
    bounds = values_of(index)
    if bounds is None:
        return
    count = expr_of(size)
    low, high = bounds
    call.require(
        every(above(count, high), at_least(low, -count)),
        lambda: f"index {high.evaluate(call.judge.sizes)} is beyond an axis of {now(size)}",
    )


def slice_length(call: Call, size: Any, item: slice) -> Any | None:
    """How many places a slice of an axis takes; None where its bounds are no numbers."""
    bounds = (item.start, item.stop, item.step)
    if any(bound is not None and not is_size(bound) for bound in bounds):
        return None
    step = 1 if item.step is None else item.step
    if type(step) is not int or step < 1:
        return None
    count = expr_of(size)
    start = number(0) if item.start is None else _edge(call, item.start, count)
    stop = count if item.stop is None else _edge(call, item.stop, count)
    length = call.chosen((stop - start, number(0)), largest=True)
    return call.size(-(-length // step))


def _edge(call: Call, bound: Any, count: Expr) -> Expr:
    """A slice's bound, counted from the front and cut to the axis."""
    edge = expr_of(bound)
    if not call.judge.decide(at_least(edge, number(0))):
        return call.chosen((count + edge, number(0)), largest=True)
    return call.chosen((edge, count), largest=False)


# --- pieces


@rule("chunk", "unsafe_chunk", "split", "unsafe_split")
def _pieces(call: Call) -> Shapes | None:
    sizes = call.shapes[0]
    names = ("chunks",) if "chunk" in call.step.op else ("split_size", "split_size_or_sections")
    wanted = call.argument(1, *names)
    dim = call.argument(2, "dim", "axis", default=0)
    along = axis(dim, len(sizes))
    if along is None or not sizes or not is_size(wanted) or not call.outputs:
        return by_row(call)
    count, pieces = expr_of(sizes[along]), len(call.outputs)
    each = -(-count // expr_of(wanted)) if "chunk" in call.step.op else expr_of(wanted)
    # as many pieces as there are now: another count is another way
    if not call.judge.decide(every(above(count, each * (pieces - 1)))):
        return None
    if not call.judge.decide(at_least(each * pieces, count)):
        return None
    last = count - each * (pieces - 1)
    lengths = [each] * (pieces - 1) + [last]
    return [(*sizes[:along], call.size(length), *sizes[along + 1 :]) for length in lengths]


@rule("unbind")
def _unbind(call: Call) -> Shapes | None:
    sizes = call.shapes[0]
    along = axis(call.argument(1, "dim", default=0), len(sizes))
    if along is None or not sizes:
        return None
    count = expr_of(sizes[along])
    if not count.is_number:
        call.judge.pin(count)
    left = (*sizes[:along], *sizes[along + 1 :])
    return [left] * now(sizes[along])


# --- windows


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


# --- attention


@rule("scaled_dot_product_attention")
def _dot_product(call: Call) -> Shapes | None:
    made = by_row(call)
    mask = tensor_sizes(call.argument(3, "attn_mask"))
    if made and mask is not None:
        query, key = call.shapes[0], call.shapes[1]
        scores = (*made[0][:-2], query[-2], key[-2])
        _require_expands(call, mask, scores)
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


def _require_expands(call: Call, sizes: Sizes, to: Sizes) -> None:
    for one, other in zip(reversed(sizes), reversed(to), strict=False):
        a, b = expr_of(one), expr_of(other)
        call.require(
            some(equal(a, b), equal(a, ONE)),
            lambda: f"a mask of {text(sizes)} does not expand to {text(to)}",
        )


# --- everything else


def by_row(call: Call) -> Shapes | None:
    """What the op's row in the registry says.

    Raises:
        Refused: its refusal rule gives a reason.
        NotSymbolic: a rule needs plain numbers.
    """
    row, step = lookup(call.step.op), call.step
    reason = call.judge.ask_rule(step.index, lambda: row.refusal(step), refuses=True)
    if reason is not None:
        raise Refused(reason)
    return call.judge.ask_rule(step.index, lambda: row.output_shape(step))
