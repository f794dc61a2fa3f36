"""Which axis the author of a model takes for the batch, as far as the text tells."""

from __future__ import annotations

import ast
import re
from enum import Enum

from shapescope.analysis.code import code_of
from shapescope.analysis.fixes.flatten import own_call
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.source_text import class_around
from shapescope.trace import Step, Trace

_BATCH = r"(?:batch\w*|bsz?|n_?batch\w*|[BN])"
_LENGTH = r"(?:[a-z]{0,3}_?)?len(?:gth)?s?|max_?len\w*"
_TIME = rf"(?:seq\w*|time\w*|(?:n_?)?steps?|frames?|{_LENGTH}|[TSL])"
_BETWEEN = r"\s*(?:,|x|\*)\s*"
_BATCH_FIRST = re.compile(rf"\b{_BATCH}{_BETWEEN}{_TIME}\b|\bb{_BETWEEN}[tsl]\b")
_TIME_FIRST = re.compile(rf"\b{_TIME}{_BETWEEN}{_BATCH}\b|\b[tsl]{_BETWEEN}b\b")
_ROWS = re.compile(rf"(?m)^\s*{_BATCH}\s*=\s*(?:len\(\w+\)|\w+\.(?:size\(0\)|shape\[0\]))")
_COLUMNS = re.compile(rf"(?m)^\s*{_BATCH}\s*=\s*\w+\.(?:size\(1\)|shape\[1\])")


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
    rows = bool(_BATCH_FIRST.search(text) or _ROWS.search(text))
    columns = bool(_TIME_FIRST.search(text) or _COLUMNS.search(text))
    if rows == columns:
        return FirstAxis.UNKNOWN
    return FirstAxis.BATCH if rows else FirstAxis.TIME


def inputs_are_time_first(trace: Trace) -> bool:
    """Whether the model's own forward takes axis 1 of an argument for the batch, axis 0 for time.

    Read from the names of the sizes alone, `T, B, _ = x.shape` or `batch_size = x.size(1)`: that
    is how it computes, whatever is fed.
    """
    forward = _own_forward(trace)
    if forward is None:
        return False
    arguments = {it.arg for it in forward.args.args}
    said = [_axis_of_batch(it, arguments) for it in ast.walk(forward) if isinstance(it, ast.Assign)]
    return 1 in said and 0 not in said


def _own_forward(trace: Trace) -> ast.FunctionDef | None:
    """The forward of the model's own class, where it can be read."""
    name = next((spec.class_name for spec in trace.modules if not spec.path), "")
    for step in trace.steps:
        span = step.call_site if step.parent == 0 else None
        cls = None if span is None else class_around(span.file, span.line)
        if cls is not None and cls.name == name:
            inside = (it for it in cls.body if isinstance(it, ast.FunctionDef))
            return next((it for it in inside if it.name == "forward"), None)
    return None


def _axis_of_batch(node: ast.Assign, arguments: set[str]) -> int | None:
    """The axis of an argument that an assignment calls the batch; None where it says nothing."""
    target, value = ast.unparse(node.targets[0]).strip("()"), ast.unparse(node.value)
    one = re.fullmatch(r"(\w+)\.(?:size\((\d)\)|shape\[(\d)\])", value)
    if one is not None and one[1] in arguments and re.fullmatch(_BATCH, target):
        return int(one[2] or one[3])
    whole = re.fullmatch(r"(\w+)\.(?:size\(\)|shape)", value)
    if whole is None or whole[1] not in arguments:
        return None
    if re.match(rf"{_BATCH}\s*,", target):
        return 0
    return 1 if re.match(rf"{_TIME}\s*,\s*{_BATCH}\b", target) else None


def time_is_first(trace: Trace) -> bool:
    """Whether the text says that axis 0 is the time, and a layer reads it without batch_first."""
    return any(
        isinstance(step.attrs, RecurrentAttrs | AttentionAttrs)
        and not step.attrs.batch_first
        and first_axis(own_call(trace, step)) is FirstAxis.TIME
        for step in trace.steps
    )
