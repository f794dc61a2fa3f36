"""Tensors brought to the one form that a call takes: matrices for a grid, pairs, bags of words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.words import shape_text
from shapescope.analysis.fixes.batch import without_call
from shapescope.analysis.fixes.operands import wrap
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace

_VIEWS = ("view", "reshape")
FORMING = (*_VIEWS, "unsqueeze", "squeeze", "flatten", "unflatten", "permute", "transpose")
"""Calls that give the values they get another form: of those a call may want another."""

_SPATIAL = (2, 3)
"""The axes of the pictures and volumes that grids are for."""

_PAIR = 2
"""A real and an imaginary part."""

_AXES_OF_ROWS = 2


def fitting_form(trace: Trace, step: Step) -> Iterator[Proposal]:
    """What gives the first input the form that a call takes, where its values are the right ones.

    Args:
        trace: tells what made the input.
        step: an `affine_grid`, a `view_as_complex` or an `embedding_bag` that failed.
    """
    if not step.inputs:
        return
    maker, sizes = source_of(trace, step), ints(step.inputs[0].shape)
    if step.op == "affine_grid":
        for axes in _SPATIAL:
            wanted = (axes, axes + 1)
            if len(sizes) > 1 and prod(sizes[1:]) == prod(wanted):
                yield from _last_axes(step, maker, sizes, wanted)
    elif step.op == "view_as_complex" and sizes and sizes[-1] != _PAIR:
        if len(sizes) > 1 and sizes[-2] == _PAIR:
            yield from _last_axes(step, maker, sizes, (sizes[-1], sizes[-2]))
        if sizes[-1] % _PAIR == 0:
            yield from _wrapped(step, ".unflatten(-1, (-1, 2))", "take its values in pairs")
    elif step.op == "embedding_bag" and maker is not None and maker.op == "unsqueeze":
        yield from without_call(maker)


def _last_axes(
    step: Step, maker: Step | None, sizes: Sequence[int], wanted: tuple[int, int]
) -> Iterator[Proposal]:
    """Other sizes at the end of the view in front, or a view where there is none."""
    call = call_at(maker.call_site) if maker is not None and maker.op in _VIEWS else None
    nodes = [] if call is None else size_nodes(call)
    spread = any(isinstance(node, ast.Starred) for node in nodes[:-2])
    if call is not None and len(nodes) > 1 and (spread or len(nodes) == len(sizes)):
        old = [call.code.text(node) for node in nodes[-2:]]
        new = old[::-1] if tuple(sizes[:-3:-1]) == wanted else [str(size) for size in wanted]
        edits: tuple[Edit, ...] = tuple(
            call.code.replace(node, text)
            for node, text in zip(nodes[-2:], new, strict=True)
            if call.code.text(node) != text
        )
        written = isinstance(nodes[-1], ast.Starred) or isinstance(nodes[-2], ast.Starred)
        if edits and not written:
            yield Proposal(f"see the values as {shape_text(wanted)} each", edits, kind="form")
    elif len(sizes) == _AXES_OF_ROWS:
        yield from _wrapped(
            step, f".view(-1, {wanted[0]}, {wanted[1]})", f"see each row as {shape_text(wanted)}"
        )


def _wrapped(step: Step, method: str, message: str) -> Iterator[Proposal]:
    made = wrap(step, 0, "", method)
    if made is not None:
        code, node, text = made
        yield Proposal(message, (code.replace(node, text),), kind="form")
