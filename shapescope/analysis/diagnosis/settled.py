"""Whether one trace alone shows that a model keeps its batch, so that no other pass is needed."""

from __future__ import annotations

import re

from shapescope.analysis.batch import BatchWalk, suspicions
from shapescope.attrs import CallAttrs
from shapescope.ops import lookup
from shapescope.source_text import source_lines
from shapescope.trace import Step, Trace

_FIRST_SIZE = re.compile(r"(?:view|reshape|expand|repeat)\(\s*[(\[]?\s*([\w.]+)")


def is_settled(trace: Trace, walk: BatchWalk) -> bool:
    """Whether every output is known to have the batch as axis 0, with nothing in doubt.

    In doubt is a step that does something to the batch, a layout that no rule could follow, and a
    size that stands in the source as a number where it happens to be the batch.
    """
    if trace.failure is not None or not trace.outputs or suspicions(trace, walk):
        return False
    for sink in walk.sinks:
        layout = walk.layout_of(sink)
        if layout is None or (layout.from_input and layout.batch_axis != 0):
            return False
    return not any(_names_batch(step, walk.size) for step in trace.steps)


def _names_batch(step: Step, size: int) -> bool:
    """Whether a call may have the batch size written down."""
    if step.kind != "function" or not isinstance(step.attrs, CallAttrs):
        return False
    if step.op not in ("view", "reshape", "expand", "repeat") and not lookup(step.op).factory:
        return False
    given = step.attrs.get("shape") or step.attrs.get("size") or step.attrs.get("sizes")
    sizes = given if isinstance(given, tuple) else (given,)
    if size not in sizes:
        return False
    first = step.op in ("view", "reshape", "expand", "repeat")
    if first and sizes[0] != size:
        return False
    if not first and size == 1:
        return False
    written = _text(step)
    if not first:
        numbers = re.findall(r"(?<![\w.])\d+", written)
        return str(size) in numbers or "self." in written
    found = _FIRST_SIZE.search(written)
    return found is not None and (found[1] == str(size) or found[1].startswith("self."))


def _text(step: Step) -> str:
    """The call as it is written; parsing it would cost more than the question is worth."""
    span = step.call_site
    if span is None:
        return ""
    lines = source_lines(span.file)[span.line - 1 : span.end_line]
    if not lines:
        return ""
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return " ".join(lines)
