"""An axis cut into several tensors."""

from __future__ import annotations

from shapescope.arithmetic.expressions import (
    above,
    at_least,
)
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
)
from shapescope.capture.sizes.numbers import expr_of, is_size, now
from shapescope.capture.sizes.rules.registry import by_row, rule
from shapescope.ops.shapes import axis


@rule("chunk", "unsafe_chunk", "split", "unsafe_split")
def _pieces(call: Call) -> Shapes | None:
    sizes = call.shapes[0]
    names = ("chunks",) if "chunk" in call.step.op else ("split_size", "split_size_or_sections")
    wanted = call.argument(1, *names)
    dim = call.argument(2, "dim", "axis", default=0)
    along = axis(dim, len(sizes))
    if along is not None and sizes and is_size(wanted) and not expr_of(wanted).is_number:
        # asked first, whether torch has cut it or refused to
        call.require(at_least(expr_of(wanted), ONE), lambda: "pieces of 0 cannot be cut")
    if along is None or not sizes or not is_size(wanted) or not call.outputs:
        return by_row(call)
    count, pieces = expr_of(sizes[along]), len(call.outputs)
    each = -(-count // expr_of(wanted)) if "chunk" in call.step.op else expr_of(wanted)
    # as many pieces as there are now: asked one by one, so that every count asks alike
    for cut in range(1, pieces + 1):
        if call.judge.decide(above(count, each * cut)) != (cut < pieces):
            return None
    last = count - each * (pieces - 1)
    lengths = [each] * (pieces - 1) + [last]
    return [(*sizes[:along], call.size(length), *sizes[along + 1 :]) for length in lengths]


@rule("unbind")
def _unbind(call: Call) -> Shapes | None:
    sizes = call.shapes[0]
    along = axis(call.argument(1, "dim", default=0), len(sizes))
    if along is None or not sizes:
        return None
    count = expr_of(sizes[along])
    if not count.is_number:
        call.judge.pin(count)
    left = (*sizes[:along], *sizes[along + 1 :])
    return [left] * now(sizes[along])
