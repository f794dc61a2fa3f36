"""See every step a tensor takes through a PyTorch model, proved against the arithmetic.

Importing this imports neither torch nor rich: what needs them is loaded when it is first used. Who
has torch already gets what a trace needs at once, so that the first one is as quick as the next.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from shapescope.notebook import Shown

__version__ = "0.1.0"

if TYPE_CHECKING:
    from shapescope.api import check as check
    from shapescope.api import params as params
    from shapescope.api import summary as summary
    from shapescope.api import trace as trace
    from shapescope.diagnostic import Diagnostic as Diagnostic
    from shapescope.diagnostic import ShapescopeError as ShapescopeError
    from shapescope.pattern import ShapeMismatchError as ShapeMismatchError
    from shapescope.pattern import expect as expect
    from shapescope.pattern import expecting as expecting
    from shapescope.result import TraceResult as TraceResult

_HOMES = {
    "check": "shapescope.api",
    "expect": "shapescope.pattern",
    "expecting": "shapescope.pattern",
    "params": "shapescope.api",
    "summary": "shapescope.api",
    "trace": "shapescope.api",
    "Diagnostic": "shapescope.diagnostic",
    "ShapeMismatchError": "shapescope.pattern",
    "ShapescopeError": "shapescope.diagnostic",
    "TraceResult": "shapescope.result",
}

__all__ = [
    "Diagnostic",
    "ShapeMismatchError",
    "ShapescopeError",
    "TraceResult",
    "__version__",
    "check",
    "expect",
    "expecting",
    "params",
    "summary",
    "trace",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'shapescope' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _draw(record: Any) -> str:
    """A trace or a diagnostic as a notebook shows it."""
    from shapescope.render.notebook import record_to_html

    return record_to_html(record)


Shown.draw = _draw


class _Package(ModuleType):
    """The package itself: its `trace` is the function, although it has a module of that name.

    Python sets a submodule as an attribute of its package when it is first imported; here that
    would put the module `shapescope.trace` in the place of the function. Code inside writes
    `from shapescope.trace import Trace`, which finds the module all the same.
    """

    @property
    def trace(self) -> Any:
        """The function of `shapescope.api`."""
        from shapescope.api import trace

        return trace

    @trace.setter
    def trace(self, module: ModuleType) -> None:
        """Python announcing the submodule: nothing to do."""


sys.modules[__name__].__class__ = _Package

_RULES = "analysis.diagnosis.rules"
_FOR_A_TRACE = (
    "api", "session", "capture.loading.known", "capture.inferring.own_inputs",
    "capture.untouched.bystanders",
    "capture.further.investigate", f"{_RULES}.assigned", f"{_RULES}.batch",
    f"{_RULES}.discarded", f"{_RULES}.heads", f"{_RULES}.returns", f"{_RULES}.uncalled",
    "analysis.expectations", "analysis.check", "analysis.cost", "analysis.receptive",
    "analysis.memory",
)  # fmt: skip

if "torch" in sys.modules:
    for _name in _FOR_A_TRACE:
        import_module(f"shapescope.{_name}")
