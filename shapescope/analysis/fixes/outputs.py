"""Edits of what forward returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.resample import returned, root_forward
from shapescope.trace import SourceSpan, Trace


def output_span(trace: Trace) -> SourceSpan | None:
    """What the model's forward returns, where it does so in one place."""
    found = root_forward(trace)
    value = None if found is None else returned(found[1])
    return None if found is None or value is None else found[0].span(value)


def returned_with(trace: Trace, method: str, message: str) -> Iterator[Proposal]:
    """A method call behind what forward returns."""
    found = root_forward(trace)
    value = None if found is None else returned(found[1])
    if found is None or value is None or isinstance(value, ast.Tuple | ast.Dict):
        return
    code = found[0]
    text = code.text(value)
    plain = isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    text = text if plain else f"({text})"
    yield Proposal(
        f"return {message}: `{method.lstrip('.')}`",
        (code.replace(value, f"{text}{method}"),),
        kind="return",
    )
