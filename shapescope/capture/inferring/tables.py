"""The tables in which the integers of an input are looked up, and how large these may be for it."""

from __future__ import annotations

from dataclasses import replace

from shapescope.attrs import EmbeddingAttrs
from shapescope.capture.input_spec import InputSpec
from shapescope.trace import Step, Trace

__all__ = ["within_tables"]

_FEW = 2
_ARITHMETIC = ("add", "mul", "sub")


def within_tables(specs: tuple[InputSpec, ...], trace: Trace) -> tuple[InputSpec, ...]:
    """The inputs with integers that every table has a row for which they come to in a trace.

    Where something is added to them on the way, such as the offset of a field, they are small.
    """
    if len(specs) != len(trace.inputs):
        return specs
    names = [spec.name for spec in trace.inputs]
    made = list(specs)
    for step in trace.leaves:
        if not isinstance(step.attrs, EmbeddingAttrs):
            continue
        for name, rows in _looked_up(trace, step, step.attrs.num_embeddings):
            if name not in names:
                continue
            at = names.index(name)
            bound = made[at].bound
            if bound is not None and rows < bound:
                made[at] = replace(made[at], bound=rows)
    return tuple(made)


def _looked_up(trace: Trace, step: Step, rows: int) -> list[tuple[str | None, int]]:
    """The inputs that the first input of a step comes from, with the largest bound for each."""
    found: list[tuple[str | None, int]] = []
    current: Step | None = step
    while current is not None and current.inputs:
        if current.op in _ARITHMETIC:
            rows = min(rows, _FEW)
        spec, source = current.input_sources()[0]
        found.append((spec.name, rows))
        current = None if source is None else trace.steps[source]
    return found
