"""What mends a last axis of another size than a linear layer takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    passes,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.rules.layers import (
    as_the_maker,
    joined_widths,
    make_instead,
)
from shapescope.analysis.fixes.batch import other_axes, other_dim
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import (
    edit_operand,
    entered_through,
    flatten_operand,
)
from shapescope.analysis.fixes.instead import as_convolution, spare_layer, swapped_numbers
from shapescope.analysis.fixes.literals import written_number
from shapescope.analysis.fixes.loops import carry_on, carry_width, next_entry, running_index
from shapescope.analysis.fixes.operands import wrap
from shapescope.analysis.fixes.parts import all_parts
from shapescope.analysis.fixes.picks import dim_of, picked_elsewhere
from shapescope.analysis.fixes.turns import turned_and_back
from shapescope.trace import Step, Trace

_STATISTICS = frozenset({"mean", "std", "var", "sum", "amax", "amin", "max", "min"})


def width_proposals(
    trace: Trace, step: Step, sizes: tuple[int, ...], wanted: int, maker: Step | None
) -> Iterator[Proposal]:
    """What mends a last axis of another size, the likeliest first."""
    yield from spare_layer(trace, step)
    yield from swapped_numbers(trace, step, sizes[-1])
    if step.kind == "function" and step.params:
        weight = step.params[0].shape
        made = wrap(step, 1, "", ".t()") if weight == (sizes[-1], wanted) else None
        if made is not None:
            code, node, text = made
            yield Proposal("turn the weight", (code.replace(node, text),), kind="turn")
    if wanted == 1 and sizes[-1] != 1:
        yield from edit_operand(
            step, trace, ".unsqueeze(-1)", "give every value an axis of its own"
        )
    yield from _beside(trace, maker, wanted)
    elsewhere = () if maker is None else tuple(picked_elsewhere(maker, wanted))
    if elsewhere:
        yield from elsewhere
        return
    over = None if maker is None else _over_features(maker, wanted)
    if maker is not None and over is not None:
        axes = ", ".join(str(axis) for axis in range(1, len(maker.inputs[0].shape)) if axis != over)
        dims = axes if axes.isdigit() else f"({axes})"
        yield from other_axes(maker, dims, f"run over the others, and keep the {wanted} features")
        return
    yield from _all_over_features(trace, maker, wanted)
    turned = maker is not None and maker.op in ("transpose", "permute")
    mapped = len(sizes) > 2 and maker is not None and is_map(trace, _unsqueezed(trace, maker))
    if mapped and sizes[1] == wanted:
        axes = ", ".join(map(str, range(2, len(sizes))))
        if len(sizes) == 3 and _was_turned(trace, maker):
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
        yield from edit_operand(
            step,
            trace,
            f".mean({axes})" if len(sizes) == 3 else f".mean(({axes}))",
            f"average the map, and keep its {wanted} channels",
            f"nn.AdaptiveAvgPool{len(sizes) - 2}d(1), nn.Flatten()",
        )
        yield from as_convolution(trace, step, len(sizes) - 2)
        if len(sizes) > 3:
            return
    if len(sizes) == 3 and sizes[1] == wanted:
        flat = maker is not None and maker.op in ("flatten", "view", "reshape")
        if flat:  # places of a map, each of which is to have its features behind it
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
        if not mapped and not turned:
            yield from turned_and_back(trace, step, sizes)
        if not turned and not flat:
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
    if len(sizes) == 4 and sizes[1] == wanted and not mapped:
        yield from edit_operand(
            step, trace, ".permute(0, 2, 3, 1)", "bring the features to the end"
        )
    if mapped or (len(sizes) > 3 and maker is None):
        yield from flatten_operand(step, trace)
    if mapped and len(sizes) == 3:
        yield from turned_first(trace, step)
    yield from all_parts(trace, maker, wanted)
    yield from as_the_maker(trace, step, "in_features", maker)
    yield from running_index(trace, step)
    yield from next_entry(trace, step)
    yield from carry_width(trace, step)
    yield from carry_on(trace, step, "in_features", sizes[-1])
    yield from set_argument(
        trace,
        step.path,
        "in_features",
        sizes[-1],
        f"take the {sizes[-1]} that arrive",
        inline=not entered_through(trace, step),
        parts=joined_widths(maker, sizes[-1]),
    )
    yield from swapped_numbers(trace, step, sizes[-1], alone=False)
    yield from written_number(trace, step.path, "in_features", wanted, sizes[-1])
    yield from make_instead(trace, maker, wanted)
    if len(sizes) == 3 and maker is None:
        yield from flatten_operand(step, trace)
    if turned and len(sizes) == 3 and sizes[1] == wanted:
        yield from edit_operand(step, trace, ".transpose(1, 2)", "bring the features to the end")


def turned_first(trace: Trace, step: Step) -> Iterator[Proposal]:
    """Channels brought behind the steps of a sequence, instead of a width that its length tells.

    A layer that takes the length for features breaks with every other length: that is no help
    where turning gives a right model.
    """
    for one in edit_operand(step, trace, ".transpose(1, 2)", "bring the features to the end"):
        yield replace(one, kind="turn", rules_out="consumer")


def _was_turned(trace: Trace, maker: Step | None) -> bool:
    """Whether a sequence was turned, features in front, on its way: it may be turned back."""
    return any(
        step.op in ("transpose", "permute") and len(step.inputs[0].shape) == 3
        for step in chain_to(trace, maker)
    )


def _over_features(maker: Step, wanted: int) -> int | None:
    """The axis a mean ran over, where it is that of the features, and a value of each was meant."""
    before = ints(maker.inputs[0].shape) if maker.inputs else ()
    dim = dim_of(maker)
    if maker.op not in ("mean", "sum", "amax") or dim is None or len(before) < 3:
        return None
    axis = dim % len(before)
    return axis if axis and before[axis] == wanted else None


def _all_over_features(trace: Trace, maker: Step | None, wanted: int) -> Iterator[Proposal]:
    """Means and deviations that were joined, each run over the steps instead of the features."""
    edits = []
    for place in range(len(maker.inputs) if maker is not None and maker.op == "cat" else 0):
        inner = source_of(trace, maker, place) if maker is not None else None
        call = None if inner is None else call_at(inner.call_site)
        before = ints(inner.inputs[0].shape) if inner is not None and inner.inputs else ()
        dim = None if inner is None else dim_of(inner)
        if inner is None or call is None or inner.op not in _STATISTICS or len(before) != 3:
            return
        if dim is None or dim % 3 != 1 or len(inner.outputs[0].shape) != 2:
            return
        edits.append((call, before[1]))
    if edits and sum(features for _, features in edits) == wanted:
        yield Proposal(
            f"run over the steps, and keep the {edits[0][1]} features of each",
            tuple(call.set("dim", "2") for call, _ in edits),
            kind="dim",
            rules_out="consumer",
        )


def _beside(trace: Trace, maker: Step | None, wanted: int) -> Iterator[Proposal]:
    """Parts joined along the batch, joined side by side where they then have the right width."""
    if maker is None or maker.op != "cat" or dim_of(maker) not in (None, 0):
        return
    parts = [ints(spec.shape)[-1:] for spec in maker.inputs]
    if sum(part[0] for part in parts if part) == wanted:
        yield from other_dim(trace, maker, (1,), "join side by side, along axis")


def _unsqueezed(trace: Trace, maker: Step) -> Step:
    """What made a tensor before its axes of 1 were dropped."""
    while maker.op == "squeeze":
        above = source_of(trace, maker)
        if above is None:
            break
        maker = maker_behind(trace, above)
    return maker


def is_map(trace: Trace, maker: Step) -> bool:
    """Whether a tensor is a map of channels: a window made it, or branches of such were joined."""
    if spatial_axes(maker):
        return True
    inner = source_of(trace, maker) if maker.op == "cat" else None
    return inner is not None and bool(spatial_axes(maker_behind(trace, inner)))


def maker_behind(trace: Trace, step: Step) -> Step:
    """The step itself, or the one that made what it passes on as it is."""
    while passes(step):
        above = source_of(trace, step)
        if above is None:
            break
        step = above
    return step
