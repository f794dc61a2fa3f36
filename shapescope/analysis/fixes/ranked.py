"""Axes that one of two tensors lacks, or has in another order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import spatial_axes
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.arithmetic import cat_refusal
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step


def give_axes(step: Step, few: Branch, many: Branch) -> Iterator[Proposal]:
    """Axes of 1 where the smaller tensor lacks some of the larger one's, the batch kept first."""
    rank = len(many.sizes)
    fitting = [
        places
        for places in combinations(range(rank), len(few.sizes))
        if places[:1] == (0,)
        and all(size in (1, many.sizes[at]) for size, at in zip(few.sizes, places, strict=True))
    ]
    # `batch x keys` against `batch x heads x queries x keys`: the later axis is the one meant;
    # beside a map of a convolution the values are one for each channel, and the channels come first
    of_map = step.op == "mul" or any(spatial_axes(layer) for layer in many.way)
    for places in fitting if of_map else reversed(fitting):
        entries = [":" if at in places else "None" for at in range(rank)]
        made = wrap(step, few.position, "", f"[{', '.join(entries)}]")
        if made is not None:
            code, node, text = made
            yield Proposal(
                "give it an axis of 1 for each that it lacks",
                (code.replace(node, text),),
                kind="axes",
            )


def turned_alike(
    step: Step, shapes: Sequence[tuple[int, ...]], along: int | None
) -> Iterator[Proposal]:
    """Channels in front of places, brought behind them: a flattened map beside tokens.

    Args:
        step: joins or adds the two.
        shapes: of its operands.
        along: the axis they are joined along; None where they are added.
    """
    if len(shapes) != 2 or any(len(one) != 3 for one in shapes):
        return
    for place in (1, 0):
        turned, other = shapes[place], shapes[1 - place]
        made = (turned[0], turned[2], turned[1])
        fits = broadcast(made, other) is not None
        if along is not None:
            fits = cat_refusal([made, other], along) is None
        code = wrap(step, place, "", ".transpose(1, 2)") if fits else None
        if code is not None:
            yield Proposal(
                f"bring the {turned[1]} features to the end",
                (code[0].replace(code[1], code[2]),),
                kind="turn",
            )


def rank_proposals(step: Step, shapes: Sequence[tuple[int, ...]], along: int) -> Iterator[Proposal]:
    """Flatten, or give an axis to, the operand that has another number of axes."""
    ranks = {len(one) for one in shapes}
    if len(ranks) < 2 or len(shapes) != 2:
        return
    few, many = sorted((0, 1), key=lambda place: len(shapes[place]))
    methods = []
    if len(shapes[few]) == 1 and len(shapes[many]) == 2:
        methods.append((few, ".unsqueeze(1)", "give it an axis"))
    if len(shapes[few]) == 2 and len(shapes[many]) > 3 and set(shapes[many][2:]) == {1}:
        ones = ", ".join([":", ":", *["None"] * (len(shapes[many]) - 2)])
        methods.append((few, f"[{ones}]", "give it the axes of 1 that the other has"))
    if len(shapes[few]) == 2 and len(shapes[many]) > 2:
        methods.append((many, ".flatten(1)", "flatten all but the batch"))
        if len(shapes[many]) == 4:
            methods.append(
                (few, "[:, :, None, None].expand(-1, -1, *{other}.shape[2:])",
                 "spread the values over the map")
            )  # fmt: skip
    for place, method, message in methods:
        other = operand_of(step, 1 - place)
        name = "" if other is None else other[0].text(other[1])
        made = wrap(step, place, "", method.replace("{other}", name))
        if made is not None:
            code, node, text = made
            yield Proposal(message, (code.replace(node, text),), kind="rank")
