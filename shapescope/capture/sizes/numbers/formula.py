"""What every number with a formula has, and where its answers are written down."""

from __future__ import annotations

from typing import Any, Protocol

from shapescope.arithmetic.expressions import Condition, Expr, above, at_least


class Book(Protocol):
    """Where decisions are written down."""

    def decide(self, condition: Condition) -> bool:
        """Whether the condition holds for the present sizes; it is part of the path from now on."""

    def pin(self, size: Expr) -> None:
        """The value of `size` was used as a plain number: the path holds for this value only."""

    def doubt(self, about: str) -> None:
        """Something was not understood: nothing certain is known of other sizes."""


class Formula:
    """A number that keeps the formula it was computed with; `now` is its present value."""

    __slots__ = ()

    now: Any
    stays_in_attrs = True

    @property
    def text(self) -> str:
        """The formula as people write it."""
        raise NotImplementedError


def now(value: Any) -> Any:
    """The present value of a number."""
    return value.now if isinstance(value, Formula) else value


def below(a: Expr, b: Expr) -> Condition:
    """`a < b`."""
    return above(b, a)


def at_most(a: Expr, b: Expr) -> Condition:
    """`a <= b`."""
    return at_least(b, a)
