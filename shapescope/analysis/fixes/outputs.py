"""Edits of what forward returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.words import shape_text
from shapescope.analysis.fixes.resample import (
    first_statement,
    functional_name,
    input_names,
    returned,
    root_forward,
)
from shapescope.trace import SourceSpan, Step, Trace


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


_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def resized_result(trace: Trace, last: Step, maps: Sequence[int]) -> Iterator[Proposal]:
    """What forward returns, resized to the map of its input, where that is the one wanted."""
    found = root_forward(trace)
    if found is None or len(maps) not in _MODES or last.op == "interpolate":
        return
    code, function = found
    functional, value = functional_name(code), returned(function)
    name = next(iter(input_names(trace, function)), None)
    given = ints(trace.inputs[0].shape)[2:] if trace.inputs else ()
    if functional is None or name is None or value is None or given != tuple(maps):
        return
    if isinstance(value, ast.Tuple | ast.Dict):
        return
    edits, size = [], f"{name}.shape[2:]"
    if _is_assigned(name, function):
        edits.append(code.insert_before(first_statement(function), f"size = {size}"))
        size = "size"
    text = f'{functional}.interpolate({code.text(value)}, size={size}, mode="{_MODES[len(maps)]}")'
    edits.append(code.replace(value, text))
    yield Proposal(
        f"resize the result to the {shape_text(maps)} of the input", tuple(edits), kind="resize"
    )


def _is_assigned(name: str, function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(function)
    )
