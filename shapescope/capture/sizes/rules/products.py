"""Sums of products along named axes: `einsum`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from shapescope.arithmetic.expressions import Expr, equal, some
from shapescope.capture.sizes.call import ONE, Call, Shapes, exprs, text
from shapescope.capture.sizes.rules.registry import by_row, rule
from shapescope.capture.sizes.tags import sizes_of


@rule("einsum")
def _einsum(call: Call) -> Shapes | None:
    equation = call.argument(0, "equation")
    if isinstance(equation, str) and "." not in equation:
        operands = [sizes_of(tensor) for tensor in _tensors(call.args[1:])]
        terms = equation.replace(" ", "").partition("->")[0].split(",")
        seen: dict[str, Expr] = {}
        for term, sizes in zip(terms, operands, strict=False):
            own: dict[str, Expr] = {}
            for letter, size in zip(term, exprs(sizes), strict=False):
                _require_alike(call, letter, own.setdefault(letter, size), size, strictly=True)
            for letter, size in own.items():
                before = seen.get(letter, ONE)
                _require_alike(call, letter, before, size, strictly=False)
                seen[letter] = size if before == ONE else before
    return by_row(call)


def _require_alike(call: Call, letter: str, one: Expr, other: Expr, *, strictly: bool) -> None:
    """The sizes of a letter are equal; between operands one of 1 is repeated."""
    if ONE in (one, other) and not strictly:
        return
    same = equal(one, other)
    now = [size.evaluate(call.judge.sizes) for size in (one, other)]
    call.require(
        same if strictly else some(same, equal(one, ONE), equal(other, ONE)),
        lambda: f"`{letter}` is {text(now[:1])} and {text(now[1:])}",
    )


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)
