"""See every step a tensor takes through a PyTorch model, proved against the arithmetic.

Importing this imports neither torch nor rich: what needs them is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from shapescope.api import check as check
    from shapescope.api import params as params
    from shapescope.api import summary as summary
    from shapescope.api import trace as trace
    from shapescope.diagnostic import Diagnostic as Diagnostic
    from shapescope.diagnostic import ShapescopeError as ShapescopeError
    from shapescope.result import TraceResult as TraceResult

_HOMES = {
    "check": "shapescope.api",
    "params": "shapescope.api",
    "summary": "shapescope.api",
    "trace": "shapescope.api",
    "Diagnostic": "shapescope.diagnostic",
    "ShapescopeError": "shapescope.diagnostic",
    "TraceResult": "shapescope.result",
}

__all__ = [
    "Diagnostic",
    "ShapescopeError",
    "TraceResult",
    "__version__",
    "check",
    "params",
    "summary",
    "trace",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'shapescope' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
