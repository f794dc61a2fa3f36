"""A layer whose output is cut into parts, made wide enough for each of them."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.analysis.code import constructor_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.rules.layers import maker_of, output_argument
from shapescope.analysis.diagnosis.words import name_of
from shapescope.analysis.fixes.constructor import spell
from shapescope.trace import Step, Trace

_SAME_WIDTH = frozenset({"getitem", "unsqueeze", "view", "reshape"})
"""What may give the parts axes of 1, or take them away."""


def all_parts(trace: Trace, maker: Step | None, wanted: int) -> Iterator[Proposal]:
    """Twice as many features where two parts are cut from them, each as wide as is wanted.

    Args:
        trace: tells what the parts were cut from.
        maker: gave one of them, if a `chunk` did.
        wanted: how wide it should be.
    """
    if maker is None or maker.op != "chunk" or not maker.inputs or len(maker.outputs) < 2:
        return
    whole, part = ints(maker.inputs[0].shape), ints(maker.outputs[0].shape)
    count = len(maker.outputs)
    cut = [(size, piece) for size, piece in zip(whole, part, strict=True) if size != piece]
    if len(cut) != 1 or cut[0][0] != cut[0][1] * count:
        return
    layer = maker_of(trace, maker)
    while layer is not None and layer.op in _SAME_WIDTH:
        layer = maker_of(trace, layer)
    argument = None if layer is None else output_argument(layer)
    call = None if layer is None else constructor_of(trace, layer.path)
    if layer is None or call is None or argument is None or cut[0][0] not in layer.outputs[0].shape:
        return
    text = spell(trace, layer.path, call, call.argument(argument), wanted * count)
    yield Proposal(
        f"make {wanted * count} in `{name_of(layer)}`, {wanted} for each of its {count} parts",
        (call.set(argument, text),),
        kind="producer",
    )
