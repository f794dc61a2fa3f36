"""Axes that follow from others: `H == H1` leaves one of the two to be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shapescope.arithmetic.expressions import Comparison, Condition, Expr, name


@dataclass(frozen=True, slots=True)
class Tie:
    """An axis that has to be as large as `expr` says."""

    axis: str
    expr: Expr

    def size(self, sizes: Mapping[str, int]) -> int:
        """Its size where the others have these."""
        return self.expr.evaluate(sizes)


def ties_of(conditions: Iterable[Condition]) -> list[Tie]:
    """The equalities that give an axis, so that each needs only free axes and later ties."""
    ties: list[Tie] = []
    tied: set[str] = set()
    for condition in conditions:
        if condition.names & tied:
            continue
        tie = _tie(condition)
        if tie is not None:
            ties.append(tie)
            tied.add(tie.axis)
    return ties


def _tie(condition: Condition) -> Tie | None:
    """`H - H1 == 0` as a tie of H; None where no axis stands alone with a factor of 1 or -1."""
    if not isinstance(condition, Comparison) or not condition.is_zero or condition.negated:
        return None
    expr = condition.expr
    for axis in sorted(condition.names):
        alone = name(axis)
        for signed in (alone, -alone):
            rest = expr - signed
            if axis not in rest.names and rest.names:
                return Tie(axis, -rest if signed == alone else rest)
    return None
