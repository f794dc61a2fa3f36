"""The check of a symbolic trace: its formulas of H and W, tried at several sizes.

A formula that torch's engine gives is compared with our arithmetic where both are numbers: every
size of the trace is evaluated at a few sizes of the input, and each step is checked there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shapescope.analysis.sizes.regions import region_of
from shapescope.analysis.sizes.witness import find
from shapescope.analysis.step_check import MATCH, NOT_APPLICABLE, UNKNOWN, Check, check_step
from shapescope.arithmetic.expressions import parse_condition, parse_expression
from shapescope.attrs import Attrs, with_values
from shapescope.trace import Shape, Step, TensorSpec, Trace

_BASES = (224, 97, 64, 45, 299, 512, 32, 28, 1024)
_TRIES = 3
_FRAMES = {"D": 14, "T": 14}
"""A clip has fewer frames than its pictures have rows: how many times fewer."""


class Evaluator:
    """Formulas at one choice of sizes; each is read once."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self._known: dict[str, int | None] = {}

    def size(self, text: str) -> int | None:
        """The value of a formula, or None where it is no formula of these names."""
        if text not in self._known:
            try:
                self._known[text] = parse_expression(text).evaluate(dict(self.sizes))
            except (ValueError, KeyError, ZeroDivisionError):
                self._known[text] = None
        return self._known[text]

    def shape(self, shape: Shape) -> tuple[int, ...] | None:
        """The sizes as numbers; None where one is no formula, or negative."""
        found = [self.size(one) if isinstance(one, str) else one for one in shape]
        kept = tuple(one for one in found if one is not None and one >= 0)
        return kept if len(kept) == len(shape) else None

    def value(self, value: Any) -> Any:
        """A setting with the formulas in it as numbers; other words stay words."""
        if not isinstance(value, str):
            return value
        if ":" in value:
            return ":".join(str(self.value(part)) for part in value.split(":"))
        found = self.size(value) if any(name in value for name in self.sizes) else None
        return value if found is None else found

    def step(self, step: Step) -> Step | None:
        """The step with numbers for formulas."""
        inputs, outputs = self._specs(step.inputs), self._specs(step.outputs)
        if inputs is None or outputs is None:
            return None
        return replace(step, inputs=inputs, outputs=outputs, attrs=self.attrs(step.attrs))

    def attrs(self, attrs: Attrs | None) -> Attrs | None:
        """The settings with their formulas as numbers."""
        return None if attrs is None else with_values(attrs, self.value)

    def _specs(self, specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...] | None:
        shapes = [self.shape(spec.shape) for spec in specs]
        kept = [one for one in shapes if one is not None]
        if len(kept) < len(specs):
            return None
        return tuple(replace(spec, shape=one) for spec, one in zip(specs, kept, strict=True))


def check_symbolic(trace: Trace) -> tuple[Check, ...]:
    """The check of every step of a symbolic trace, by its index.

    A step matches where it does at every size that was tried. Where it does at some only, the
    trace holds for other sizes than those alone, and the check is not applicable.
    """
    found: list[list[Check]] = [[] for _ in trace.steps]
    tried = 0
    for sizes in _to_try(trace):
        evaluator = Evaluator(sizes)
        steps = [evaluator.step(step) for step in trace.steps]
        if any(step is None or _is_empty(step) for step in steps):
            continue
        for kept, step in zip(found, steps, strict=True):
            if step is not None:
                kept.append(check_step(step))
        tried += 1
        if tried == _TRIES:
            break
    return tuple(map(_together, trace.steps, found))


def _to_try(trace: Trace) -> Iterator[Mapping[str, int]]:
    """Sizes at which the trace holds, near those that models are often run at."""
    names = _names(trace)
    region = region_of(map(parse_condition, trace.holds_where), names)
    tried = []
    for base in _BASES:
        near = {
            name: base // _FRAMES.get(name, 1) + 3 * number for number, name in enumerate(names)
        }
        found = find(region, near).sizes
        if found is not None and found not in tried:
            tried.append(found)
            yield found


def _together(step: Step, checks: list[Check]) -> Check:
    if not any(isinstance(size, str) for spec in (*step.inputs, *step.outputs)
               for size in spec.shape):  # fmt: skip
        return check_step(step)
    statuses = {check.status for check in checks}
    if statuses == {MATCH}:
        return Check(MATCH)
    return Check(UNKNOWN if statuses == {UNKNOWN} else NOT_APPLICABLE)


def _names(trace: Trace) -> list[str]:
    """The names of the open axes, in the order of the inputs."""
    names: dict[str, None] = {}
    for spec in trace.inputs:
        for size in spec.shape:
            if isinstance(size, str):
                names.update(dict.fromkeys(sorted(parse_expression(size).names)))
    return list(names)


def _is_empty(step: Step) -> bool:
    return any(0 in spec.shape for spec in step.outputs)
