"""Scripted modules as modules that Python runs, so that a trace can look inside.

TorchScript runs its own graph outside of Python: no hook fires, and meta tensors meet ops that have
been taken apart. `twins.py` rebuilds a scripted module, its layers as torch's own layers, and
`program.py` runs the graph of each method step by step; `operators.py` knows what TorchScript does
with plain values, `public.py` what people call instead of its operators. A graph that holds
something else is left to TorchScript.
"""

from __future__ import annotations

from shapescope.capture.scripts.public import made_public
from shapescope.capture.scripts.twins import twins_in, without_scripts

__all__ = ["made_public", "twins_in", "without_scripts"]
