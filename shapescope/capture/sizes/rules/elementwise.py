"""Value by value, norms by the statistics of their map, and assertions."""

from __future__ import annotations

from shapescope.arithmetic.expressions import (
    above,
)
from shapescope.arithmetic.expressions.terms import product_of
from shapescope.capture.sizes.call import (
    ONE,
    Call,
    Shapes,
    broadcast,
    exprs,
)
from shapescope.capture.sizes.judge import Refused
from shapescope.capture.sizes.rules.registry import by_row, rule
from shapescope.ops.elementwise import BROADCASTING


@rule(*BROADCASTING.split(), "where")
def _elementwise(call: Call) -> Shapes | None:
    if call.step.op == "where" and len(call.args) + len(call.kwargs) < 2:
        return None
    return [broadcast(call, call.shapes)]


@rule("instance_norm")
def _instance_norm(call: Call) -> Shapes | None:
    made = by_row(call)
    tracked = getattr(call.module, "track_running_stats", False)
    by_statistics = call.argument(5, "use_input_stats", default=True)
    if (call.module is None and by_statistics) or (call.module is not None and not tracked):
        sizes = exprs(call.shapes[0])[2:]
        call.require(
            above(product_of(sizes), ONE),
            lambda: "one value a channel has no spread: the map is 1 x 1",
        )
    return made


@rule("assert")
def _assert(call: Call) -> Shapes | None:
    """`torch._assert`: what it asserts was decided when it was computed."""
    if call.args and call.args[0] is False:
        raise Refused(str(call.argument(1, "message", default="an assertion fails")))
    return None
