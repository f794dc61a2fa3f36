"""A call that is being judged: what went into it, with formulas, and what torch made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from shapescope.arithmetic.expressions import (
    Condition,
    Expr,
    at_least,
    equal,
    extreme,
    number,
    some,
)
from shapescope.arithmetic.expressions.maxima import opened
from shapescope.capture.sizes.judge import Judge
from shapescope.capture.sizes.numbers import expr_of, now, sized
from shapescope.capture.sizes.tags import sizes_of
from shapescope.trace import Step

Sizes = tuple[Any, ...]
Shapes = Sequence[Sizes]

ONE = number(1)


@dataclass(frozen=True, slots=True)
class Call:
    """One step while it is judged.

    Attributes:
        judge: decides for the present sizes, and writes down.
        step: inputs and attrs with formulas; no outputs.
        args: the positional arguments as the forward gave them.
        kwargs: the keyword arguments.
        outputs: the tensors torch made; none where it raised.
        module: the leaf that was called, if one was.
    """

    judge: Judge
    step: Step
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    module: Any = None

    @property
    def shapes(self) -> tuple[Sizes, ...]:
        """The shapes of all inputs."""
        return tuple(spec.shape for spec in self.step.inputs)

    def argument(self, position: int, *names: str, default: Any = None) -> Any:
        """An argument by one of its names, or by position."""
        for name in names:
            if name in self.kwargs:
                return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def rest(self, position: int, name: str) -> tuple[Any, ...]:
        """Arguments from a position on, given one by one or as one sequence."""
        given = self.kwargs.get(name, self.args[position:])
        if isinstance(given, tuple | list) and len(given) == 1:
            only = given[0]
            if isinstance(only, tuple | list):
                return tuple(only)
        return tuple(given) if isinstance(given, tuple | list) else (given,)

    def require(self, condition: Condition, reason: Callable[[], str], shown: str = "") -> None:
        """Go on only if the condition holds, for every batch."""
        self.judge.require(condition, reason, shown)

    def size(self, expr: Expr) -> Any:
        """An expression as a size with its present value."""
        return sized(expr, expr.evaluate(self.judge.sizes), self.judge)

    def chosen(self, items: Sequence[Expr], *, largest: bool) -> Expr:
        """The largest or smallest of expressions; one that is known to win is taken alone."""
        left = list(dict.fromkeys(one for item in items for one in opened(item, largest)))
        for one in tuple(left):
            others = [other for other in left if other is not one]
            if any(
                self.judge.known(at_least(other, one) if largest else at_least(one, other))
                for other in others
            ):
                left = others
        return extreme(left, largest=largest)


def text(sizes: Sequence[Any]) -> str:
    """`2 x 6 x 28 x 28`, at the present sizes."""
    return " x ".join(str(now(size)) for size in sizes) or "scalar"


def exprs(sizes: Sequence[Any]) -> tuple[Expr, ...]:
    """The formulas of sizes."""
    return tuple(expr_of(size) for size in sizes)


def broadcast(call: Call, shapes: Shapes) -> Sizes:
    """The shape to which all of these broadcast.

    Raises:
        Refused: they do not.
    """
    rank = max(map(len, shapes), default=0)
    made = []
    # the last axis first: there the features are that a layer was built for
    for back in range(1, rank + 1):
        distinct: dict[Expr, None] = {}
        for sizes in shapes:
            if len(sizes) >= back:
                expr = expr_of(sizes[-back])
                if expr != ONE:
                    distinct[expr] = None
        made.append(_common(call, tuple(distinct), shapes))
    return tuple(call.size(expr) for expr in reversed(made))


def _common(call: Call, sizes: tuple[Expr, ...], shapes: Shapes) -> Expr:
    if not sizes:
        return ONE
    judge = call.judge
    common = sizes[0]
    for size in sizes[1:]:
        same = equal(common, size)
        ways = [same, equal(common, ONE), equal(size, ONE)]
        left = [way for way in ways if judge.known(way) is not False]
        call.require(some(*left), lambda: f"{' and '.join(map(text, shapes))} do not broadcast")
        # an empty axis is not the larger one, and what it meets is empty too
        if not all(judge.decide(at_least(expr, ONE)) for expr in (common, size)):
            common = number(0)
        elif judge.known(same):
            common = min(common, size, key=lambda expr: (len(expr.names), len(expr.text)))
        else:
            common = call.chosen((common, size), largest=True)
    return common


def require_expands(call: Call, sizes: Sizes, to: Sizes, what: str) -> None:
    """Go on only if `what`, of these sizes, expands to others; axes in front may be left out.

    Raises:
        Refused: it does not.
    """
    for one, other in zip(reversed(sizes), reversed(to), strict=False):
        a, b = expr_of(one), expr_of(other)
        call.require(
            some(equal(a, b), equal(a, ONE)),
            lambda: f"{what} of {text(sizes)} does not expand to {text(to)}",
        )


def tensor_sizes(value: Any) -> Sizes | None:
    """The sizes of a tensor, None for anything else."""
    return sizes_of(value) if isinstance(value, Tensor) else None
