"""A loop that makes layers and forgets to hand the width of one on to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, constructor_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.trace import Step, Trace

_PAIRS = (("in_channels", "out_channels"), ("in_features", "out_features"))


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
