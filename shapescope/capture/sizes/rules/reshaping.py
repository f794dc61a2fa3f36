"""Axes merged and split: `view`, `reshape`, `unflatten`."""

from __future__ import annotations

from shapescope.arithmetic.expressions import (
    Expr,
    above,
    equal,
    expanded,
    number,
)
from shapescope.arithmetic.expressions.terms import cancelled, factored, product_of
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
    Sizes,
    exprs,
    text,
)
from shapescope.capture.sizes.judge import Refused
from shapescope.capture.sizes.numbers import is_size
from shapescope.capture.sizes.rules.registry import rule
from shapescope.ops.shapes import axis


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
    left, divisor = cancelled(top[1], bottom[1])
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
