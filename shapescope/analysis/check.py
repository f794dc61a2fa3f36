"""The proof of a whole trace, step by step."""

from __future__ import annotations

from shapescope.analysis.step_check import Check, verdicts
from shapescope.collection import collection_waits
from shapescope.trace import Trace


@collection_waits()
def check_trace(trace: Trace) -> tuple[Check, ...]:
    """The check of every step, by its index."""
    if trace.mode == "symbolic":
        from shapescope.analysis.symbolic_check import check_symbolic

        return check_symbolic(trace)
    return tuple([verdict.check for verdict in verdicts(trace.steps)])
