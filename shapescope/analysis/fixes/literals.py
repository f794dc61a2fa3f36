"""A number changed where the file writes it, though no name leads there from the constructor."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import code_of, constructor_of
from shapescope.analysis.code.origins import value_of
from shapescope.analysis.code.owners import files_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.flatten import is_own
from shapescope.trace import Trace

_MOST = 3
_TOO_COMMON = 4


def written_number(
    trace: Trace, path: str, argument: str, wanted: int, given: int
) -> Iterator[Proposal]:
    """The number in a table of settings: `n_inputs=11` of a dict, a width of a list.

    Args:
        trace: tells which files the model is made of.
        path: of the layer whose number is wrong.
        argument: of its constructor.
        wanted: the number it has.
        given: the number it should have.
    """
    call = constructor_of(trace, path)
    node = None if call is None else call.argument(argument)
    if call is None or node is None or wanted <= _TOO_COMMON:
        return
    if value_of(trace, path, call.code, node) is not None:
        return  # its origin is known, and edited there
    codes = [code_of(file) for file in files_of(trace) if is_own(call.span)]
    places = [
        (code, one)
        for code in codes
        if code is not None
        for one in ast.walk(code.tree)
        if isinstance(one, ast.Constant) and type(one.value) is int and one.value == wanted
    ]
    if len(places) > _MOST:
        return
    for code, one in places:
        yield Proposal(
            f"write {given} for the {wanted} of line {one.lineno}",
            (code.replace(one, str(given)),),
            kind="consumer",
        )
