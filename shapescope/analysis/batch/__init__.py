"""The batch axis: where it goes on its way through a model, and where it is lost or crossed."""

from __future__ import annotations

from shapescope.analysis.batch.evidence import Evidence, Mixing
from shapescope.analysis.batch.layout import Axis, Factor, Layout
from shapescope.analysis.batch.walk import (
    BatchWalk,
    Event,
    ancestors,
    is_unbatched,
    suspicions,
    walk_batch,
)

__all__ = [
    "Axis",
    "BatchWalk",
    "Event",
    "Evidence",
    "Factor",
    "Layout",
    "Mixing",
    "ancestors",
    "is_unbatched",
    "suspicions",
    "walk_batch",
]
