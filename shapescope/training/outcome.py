"""How a run ended, for whoever tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapescope.training.engine import Engine
from shapescope.training.evaluation import Evaluation
from shapescope.training.run import Run


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        run: its folder.
        complete: whether all epochs are done; if not, the run can be resumed.
        epoch: epochs done.
        step: steps done in the epoch that was interrupted.
        metrics: every line of ``metrics.jsonl``.
        test: figures of the best weights on the test images; None if the run is not complete.
        classes: class names by number.
        engine: how it was computed.
    """

    run: Run
    complete: bool
    epoch: int
    step: int
    metrics: tuple[dict[str, Any], ...]
    test: Evaluation | None
    classes: tuple[str, ...]
    engine: Engine
