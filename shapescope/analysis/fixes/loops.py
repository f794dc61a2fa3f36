"""A loop that makes layers and forgets to hand the width of one on to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, constructor_of, origins_of, value_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.trace import Step, Trace

_PAIRS = (("in_channels", "out_channels"), ("in_features", "out_features"))


def carry_on(trace: Trace, step: Step, argument: str, arriving: int) -> Iterator[Proposal]:
    """`self.width = out` at the end of the loop that makes blocks, each of the width before it.

    Args:
        trace: tells how the modules lie in one another.
        step: a layer inside one of the blocks.
        argument: of its constructor, that was handed on from the loop.
        arriving: what it should have been: what the block before makes.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    node = None if call is None else call.argument(argument)
    if call is None or node is None:
        return
    for origin in origins_of(trace, step.path, call.code, node)[1:]:
        made = origin.code.parent(origin.node)
        if origin.kind != "argument" or not isinstance(made, ast.Call):
            continue
        block = CallSource(origin.code, made)
        loop, taken = loop_around(block), origin.code.text(origin.node)
        if loop is None or not isinstance(origin.node, ast.Name | ast.Attribute):
            continue
        for other in made.args:
            same = other is origin.node or isinstance(other, ast.Constant)
            if not same and value_of(trace, step.path, origin.code, other) == arriving:
                line = f"{taken} = {origin.code.text(other)}"
                yield Proposal(
                    f"hand the width on to the next block: `{line}`",
                    (origin.code.insert_after(loop.body[-1], line),),
                    kind="loop",
                )


def carry_width(trace: Trace, step: Step) -> Iterator[Proposal]:
    """`in_channels = width` at the end of the loop whose layers all take the first width.

    Or `+=`, where each layer's channels are joined to those it was given.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    loop = None if call is None else loop_around(call)
    if call is None or loop is None:
        return
    set_there = {
        node.id
        for node in ast.walk(loop)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for given, made in _PAIRS:
        taken, width = call.argument(given), call.argument(made)
        if not isinstance(taken, ast.Name) or width is None or taken.id in set_there:
            continue
        for sign in ("=", "+="):
            line = f"{taken.id} {sign} {call.code.text(width)}"
            yield Proposal(
                f"hand the width on to the next layer: `{line}`",
                (call.code.insert_after(loop.body[-1], line),),
                kind="loop",
            )


def loop_around(call: CallSource) -> ast.For | None:
    """The loop of the same function that a constructor stands in."""
    for above in call.code.around(call.node):
        if isinstance(above, ast.For):
            return above
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return None
    return None
