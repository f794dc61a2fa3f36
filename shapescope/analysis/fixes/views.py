"""Edits of views that cut values apart: their sizes, and the axes moved in front or behind."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.diagnostic import Edit
from shapescope.trace import Step


def swap_sizes(step: Step, sizes: Sequence[int], batch: int) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie: the batch first."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(sizes):
        return
    place = next((at for at, size in enumerate(sizes) if size == batch), None)
    if not place:
        return
    texts = [call.code.text(node) for node in nodes]
    ordered = [texts[place], *texts[:place], *texts[place + 1 :]]
    edits = tuple(
        call.code.replace(node, text)
        for node, text, old in zip(nodes, ordered, texts, strict=True)
        if text != old
    )
    yield Proposal("keep the batch first, as the values lie", edits, kind="order")


def permute_instead(step: Step, sizes: Sequence[int], made: Sequence[int]) -> Iterator[Proposal]:
    """Axes moved where a view only cut anew: its sizes are those of the input in another order."""
    call = call_at(step.call_site)
    if call is None or call.receiver is None or len(sizes) != len(made):
        return
    if len(set(sizes)) != len(sizes) or sorted(sizes) != sorted(made):
        return
    order = [list(sizes).index(size) for size in made]
    moved = [at for at, axis in enumerate(order) if at != axis]
    turn = f"permute({', '.join(map(str, order))})"
    if len(moved) == 2:
        turn = f"transpose({moved[0]}, {moved[1]})"
    text = f"{call.code.text(call.receiver)}.{turn}"
    yield Proposal(
        "move the axes: a view does not", (call.code.replace(call.node, text),), kind="permute"
    )


def split_then_move(step: Step, straight: Sequence[int], made: Sequence[int]) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie, and the axes moved behind it."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(made):
        return
    at = next(place for place, size in enumerate(made) if size != straight[place])
    one, two = call.code.text(nodes[at]), call.code.text(nodes[at + 1])
    end = call.span
    behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
    yield Proposal(
        f"split the last axis alone, then move axis {at + 1}",
        (
            call.code.replace(nodes[at], two),
            call.code.replace(nodes[at + 1], one),
            Edit(behind, f".transpose({at}, {at + 1})"),
        ),
        kind="permute",
    )


def apart_then_move(step: Step, order: Sequence[int], back: Sequence[int]) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie, and the axes moved behind it.

    Args:
        step: the view.
        order: which of its sizes stands where.
        back: the permutation that gives the sizes asked for.
    """
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(order):
        return
    texts = [call.code.text(node) for node in nodes]
    end = call.span
    behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
    moved = [at for at, axis in enumerate(back) if at != axis]
    turn = f".permute({', '.join(map(str, back))})"
    if len(moved) == 2:
        turn = f".transpose({moved[0]}, {moved[1]})"
    edits = tuple(
        call.code.replace(node, texts[axis])
        for node, axis, text in zip(nodes, order, texts, strict=True)
        if texts[axis] != text
    )
    yield Proposal("take the rows apart as they lie, then move the axes",
                   (*edits, Edit(behind, turn)), kind="permute")  # fmt: skip


def permute_first(step: Step, order: Sequence[int], message: str) -> Iterator[Proposal]:
    """Move the axes into the order in which a view merges them."""
    call = call_at(step.call_site)
    if call is None or call.receiver is None:
        return
    receiver = call.code.text(call.receiver)
    plain = isinstance(call.receiver, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    receiver = receiver if plain else f"({receiver})"
    text = call.code.text(call.node)
    rest = text[len(call.code.text(call.receiver)) :]
    if call.callee == "view":
        rest = rest.replace("view", "reshape", 1)
    moved = [at for at, axis in enumerate(order) if at != axis]
    if len(moved) == 2:
        turn = f".transpose({moved[0]}, {moved[1]})"
    else:
        turn = f".permute({', '.join(map(str, order))})"
    yield Proposal(message, (Edit(call.span, f"{receiver}{turn}{rest}"),), kind="permute")
