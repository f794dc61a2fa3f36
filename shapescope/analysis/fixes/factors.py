"""Sizes of a view that multiply to what arrives: heads that divide it, another map."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import isqrt

from shapescope.analysis.code import CallSource, call_at, constructor_of, origins_of
from shapescope.analysis.code.origins import factors_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.rules.layers import output_argument
from shapescope.analysis.diagnosis.words import product_text
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace


def heads_that_divide(
    trace: Trace, step: Step, wanted: Sequence[int], before: Sequence[int], after: Sequence[int]
) -> Iterator[Proposal]:
    """`heads=6` for the 8 that do not divide 300: the nearest number that leaves no rest.

    Args:
        trace: tells where the number comes from.
        step: the view.
        wanted: its sizes.
        before: the one axis that is cut.
        after: into how many heads, and how wide each was taken to be.
    """
    if len(before) != 1 or len(after) != 2 or after[0] < 2 or before[0] // after[0] != after[1]:
        return
    have, count = before[0], after[0]
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(wanted):
        return
    places = range(len(wanted) - 1)
    place = next(at for at in places if tuple(wanted[at : at + 2]) == tuple(after))
    divisors = (one for one in range(2, have // 2 + 1) if have % one == 0)
    nearest = min(divisors, key=lambda one: (abs(one - count), one), default=None)
    edit = None if nearest is None else _set(trace, step, call, nodes[place], count, nearest)
    if nearest is not None and edit is not None:
        name = call.code.text(nodes[place])
        yield Proposal(
            f"`{name}` as {nearest}: {have} = {nearest} * {have // nearest}", (edit,), kind="heads"
        )


def steps_of_a_sample(
    trace: Trace,
    step: Step,
    wanted: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    batch: int | None,
) -> Iterator[Proposal]:
    """`n_segment=10` for 8, where each sample came with ten frames that were folded into rows."""
    if batch is None or len(before) != 1 or len(after) != 2 or wanted[:2] != tuple(after):
        return
    steps, rest = divmod(before[0], batch)
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if rest or steps < 2 or steps == after[1] or call is None or len(nodes) != len(wanted):
        return
    edit = _set(trace, step, call, nodes[1], after[1], steps)
    if edit is not None:
        name = call.code.text(nodes[1])
        said = f"`{name}` as {steps}: {before[0]} rows are {batch} samples of {steps}"
        yield Proposal(said, (edit,), kind="steps")


def map_of_what_arrives(
    trace: Trace, step: Step, sizes: Sequence[int], wanted: Sequence[int]
) -> Iterator[Proposal]:
    """`view(-1, 64, 7, 7)` for a map of 8 x 8, where rows of 64 * 7 * 7 arrive."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(wanted) or len(sizes) != 2 or len(wanted) not in (3, 4):
        return
    rest, left = divmod(sizes[1], wanted[1])
    side = rest if len(wanted) == 3 else isqrt(rest)
    if left or side < 1 or side ** (len(wanted) - 2) != rest:
        return
    edits = [
        _set(trace, step, call, node, size, side)
        for node, size in zip(nodes[2:], wanted[2:], strict=True)
    ]
    found = dict.fromkeys(edit for edit in edits if edit is not None)
    if None not in edits:
        form = product_text((wanted[1], *[side] * (len(wanted) - 2)))
        yield Proposal(f"see the {sizes[1]} that arrive as {form}", tuple(found), kind="map")


def is_spelled_for(trace: Trace, maker: Step | None, channels: int) -> bool:
    """Whether a layer's width is written as a product of these channels and of a map."""
    argument = None if maker is None else output_argument(maker)
    call = None if maker is None else constructor_of(trace, maker.path)
    node = None if call is None or argument is None else call.argument(argument)
    if maker is None or call is None or node is None:
        return False
    factors = factors_of(trace, maker.path, call.code, node)
    return factors is not None and channels in factors


def _set(
    trace: Trace, step: Step, call: CallSource, node: ast.expr, known: int, value: int
) -> Edit | None:
    """An edit of the number that an expression stands for, where it is written down."""
    for origin in origins_of(trace, step.path, call.code, node):
        if isinstance(origin.node, ast.Constant) and origin.node.value == known:
            return origin.code.replace(origin.node, str(value))
    return None
