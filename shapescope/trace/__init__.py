"""The centre of shapescope: what happened to the tensors of one forward pass, as plain data.

Capture makes a `Trace`, analysis reads it, render draws it. A trace holds what was observed and
nothing derived from it: no torch object, no text for display, no total.

    Trace ── inputs, outputs         what went in and came out
      ├── steps: Step, ...           every module and call in order of execution; a module's step
      │     ├── parent               stands before the steps inside it and is their parent
      │     ├── sources              the steps that made the inputs: the graph
      │     └── attrs, params        how it was configured, and the parameters of its own
      ├── params, buffers, modules   everything registered, also what was never called
      └── failure                    how it ended, where it did not end well
"""

from shapescope.attrs import Attrs
from shapescope.trace.invariants import verify
from shapescope.trace.plain import SCHEMA, from_dict, span_to_dict, to_dict
from shapescope.trace.records import (
    Failure,
    ModuleSpec,
    ParamSpec,
    Shape,
    SourceSpan,
    Step,
    TensorSpec,
    Trace,
)

__all__ = [
    "SCHEMA",
    "Attrs",
    "Failure",
    "ModuleSpec",
    "ParamSpec",
    "Shape",
    "SourceSpan",
    "Step",
    "TensorSpec",
    "Trace",
    "from_dict",
    "span_to_dict",
    "to_dict",
    "verify",
]
