"""Formulas that a model's own conditions settle: `H//(H//2)` is 2 where H has to be even."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shapescope.arithmetic.expressions import (
    Condition,
    Exact,
    Expr,
    Facts,
    at_least,
    extreme,
    learn,
    parse_expression,
    rewritten,
    settled,
)
from shapescope.arithmetic.expressions.atoms import Atom, Extreme
from shapescope.trace import Shape, TensorSpec, Trace


def with_settled_sizes(trace: Trace, conditions: Iterable[Condition]) -> Trace:
    """The trace with what the conditions settle written shorter in the shape of every step."""
    known = list(conditions)
    if not known:
        return trace
    shorter = _Shorter(known)
    steps = tuple(
        replace(step, inputs=shorter.specs(step.inputs), outputs=shorter.specs(step.outputs))
        for step in trace.steps
    )
    return replace(trace, steps=steps, outputs=shorter.specs(trace.outputs))


class _Shorter:
    """Writes formulas as short as the conditions allow; each formula is read once."""

    def __init__(self, known: Iterable[Condition]) -> None:
        self._facts = Facts()
        self._exact = Exact()
        for condition in known:
            learn(condition, self._facts)
            self._exact.learn(condition)
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
            made = parse_expression(text)
        except ValueError:  # a formula that has something which ours have not
            return text
        made = self._exact.shorter(rewritten(made, self._chosen))
        return made.constant if made.is_number else made.text

    def _chosen(self, atom: Atom) -> Expr | None:
        """A maximum or minimum without what the conditions say is never it."""
        if not isinstance(atom, Extreme):
            return None
        left = list(atom.items)
        for one in atom.items:
            others = [other for other in left if other is not one]
            if any(
                settled(at_least(other, one) if atom.largest else at_least(one, other), self._facts)
                for other in others
            ):
                left = others
        return None if len(left) == len(atom.items) else extreme(left, largest=atom.largest)
