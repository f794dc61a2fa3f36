"""Which axis the author of a model takes for the batch, as far as the text tells."""

from __future__ import annotations

import re
from enum import Enum

from shapescope.analysis.code import code_of
from shapescope.analysis.fixes.flatten import own_call
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.source_text import class_around
from shapescope.trace import Step, Trace

BATCH = r"(?:batch\w*|bsz?|n_?batch\w*|[BN])"
_LENGTH = r"(?:[a-z]{0,3}_?)?len(?:gth)?s?|max_?len\w*"
TIME = (
    rf"(?:seq\w*|time\w*|(?:n(?:um)?_?)?(?:time_?)?steps?|(?:n(?:um)?_?)?frames?|{_LENGTH}|[TSL])"
)
_BETWEEN = r"\s*(?:,|x|\*)\s*"
BATCH_FIRST = re.compile(rf"\b{BATCH}{_BETWEEN}{TIME}\b|\bb{_BETWEEN}[tsl]\b")
TIME_FIRST = re.compile(rf"\b{TIME}{_BETWEEN}{BATCH}\b|\b[tsl]{_BETWEEN}b\b")
_ROWS = re.compile(rf"(?m)^\s*{BATCH}\s*=\s*(?:len\(\w+\)|\w+\.(?:size\(0\)|shape\[0\]))")
_COLUMNS = re.compile(rf"(?m)^\s*{BATCH}\s*=\s*\w+\.(?:size\(1\)|shape\[1\])")


class FirstAxis(Enum):
    """What axis 0 of the inputs is meant to be."""

    BATCH = "batch"
    TIME = "time"
    UNKNOWN = "unknown"


def first_axis(step: Step) -> FirstAxis:
    """What the class that makes a call writes of its first axis.

    Read from how it names sizes, `b, t, _ = x.shape`, and from its comments, `# (batch, seq)`.
    """
    span = step.call_site
    code = None if span is None else code_of(span.file)
    if code is None or span is None:
        return FirstAxis.UNKNOWN
    cls = class_around(span.file, span.line)
    if cls is None:
        return FirstAxis.UNKNOWN
    text = "\n".join(code.lines[cls.lineno - 1 : cls.end_lineno])
    rows = bool(BATCH_FIRST.search(text) or _ROWS.search(text))
    columns = bool(TIME_FIRST.search(text) or _COLUMNS.search(text))
    if rows == columns:
        return FirstAxis.UNKNOWN
    return FirstAxis.BATCH if rows else FirstAxis.TIME


def time_is_first(trace: Trace) -> bool:
    """Whether the text says that axis 0 is the time, and a layer reads it without batch_first."""
    return any(
        isinstance(step.attrs, RecurrentAttrs | AttentionAttrs)
        and not step.attrs.batch_first
        and first_axis(own_call(trace, step)) is FirstAxis.TIME
        for step in trace.steps
    )
