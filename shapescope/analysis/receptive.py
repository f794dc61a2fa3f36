"""The receptive field of each step."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shapescope.trace import Trace


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """How much of the input one output sees, along each spatial axis, in elements of the input.

    Output `i` sees from `start + i*jump` on `size` elements; they may lie outside, in padding.
    """

    size: tuple[int | Fraction, ...]
    jump: tuple[int | Fraction, ...]
    start: tuple[int | Fraction, ...]


def receptive_fields(trace: Trace) -> tuple[ReceptiveField | None, ...]:
    """The field of each step's first output, by index; None where it has no spatial axis left."""
    return (None,) * len(trace.steps)
