"""Formulas that a model's own conditions settle: `H//(H//2)` is 2 where H has to be even."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shapescope.arithmetic.expressions import (
    Comparison,
    Condition,
    Expr,
    number,
    parse_expression,
    rewritten,
)
from shapescope.trace import Shape, TensorSpec, Trace


def with_settled_sizes(trace: Trace, conditions: Iterable[Condition]) -> Trace:
    """The trace with what the conditions settle written as a number in the shape of every step."""
    known = _settled(conditions)
    if not known:
        return trace
    shorter = _Shorter(known)
    steps = tuple(
        replace(step, inputs=shorter.specs(step.inputs), outputs=shorter.specs(step.outputs))
        for step in trace.steps
    )
    return replace(trace, steps=steps, outputs=shorter.specs(trace.outputs))


def _settled(conditions: Iterable[Condition]) -> dict[str, int]:
    """The factors, by their text, that a condition says are equal to a number."""
    found = {}
    for one in conditions:
        if not isinstance(one, Comparison) or not one.is_zero or one.negated:
            continue
        if len(one.expr.terms) == 1:
            (product, coefficient) = one.expr.terms[0]
            if len(product) == 1 and coefficient == 1:
                found[product[0].text] = -one.expr.constant
    return found


class _Shorter:
    """Writes formulas with the settled factors as numbers; each formula is read once."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self._known = known
        self._texts: dict[str, int | str] = {}

    def specs(self, specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        """The specs with shorter shapes."""
        return tuple(replace(spec, shape=self._shape(spec.shape)) for spec in specs)

    def _shape(self, shape: Shape) -> Shape:
        return tuple(self._size(size) if isinstance(size, str) else size for size in shape)

    def _size(self, text: str) -> int | str:
        if text not in self._texts:
            self._texts[text] = self._written(text)
        return self._texts[text]

    def _written(self, text: str) -> int | str:
        try:
            made = rewritten(parse_expression(text), lambda atom: self._number(atom.text))
        except ValueError:  # a formula that has something which ours have not
            return text
        return made.constant if made.is_number else made.text

    def _number(self, text: str) -> Expr | None:
        settled = self._known.get(text)
        return None if settled is None else number(settled)
