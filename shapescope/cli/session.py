"""What the commands share to get a result; it lives in `shapescope.session`."""

from __future__ import annotations

from shapescope.session import Request, run_trace, trace_any

__all__ = ["Request", "run_trace", "trace_any"]
