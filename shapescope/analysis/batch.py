"""The batch axis: what becomes of it on the way through a model."""

from __future__ import annotations

from dataclasses import dataclass

from shapescope.trace import Trace


@dataclass(frozen=True, slots=True)
class Evidence:
    """What other passes of the same model showed.

    Attributes:
        other_batch: the trace with another batch size.
    """

    other_batch: Trace | None = None
