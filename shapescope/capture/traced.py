"""What comes of tracing a model, and what its loss is asked to compare."""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.capture.inputs import InputSpec
from shapescope.capture.values import ValueStats
from shapescope.trace import Trace


@dataclass(frozen=True, slots=True)
class Traced:
    """A trace, what had to be done to get it, and the statistics of values if asked for."""

    trace: Trace
    notes: tuple[str, ...] = ()
    values: tuple[ValueStats | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What the loss compares the first output with: an input spec and a function's name."""

    spec: InputSpec
    loss: str
