"""Axes that one of two tensors lacks, or has in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints, source_of, spatial_axes
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.arithmetic import cat_refusal
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace


def give_axes(step: Step, few: Branch, many: Branch) -> Iterator[Proposal]:
    """Axes of 1 where the smaller tensor lacks some of the larger one's, the batch kept first."""
    of_map = step.op == "mul" or any(spatial_axes(layer) for layer in many.way)
    for index in _indices(few.sizes, many.sizes, of_map=of_map):
        made = wrap(step, few.position, "", f"[{index}]")
        if made is not None:
            code, node, text = made
            yield Proposal(
                "give it an axis of 1 for each that it lacks",
                (code.replace(node, text),),
                kind="axes",
            )


def _indices(few: tuple[int, ...], many: tuple[int, ...], *, of_map: bool) -> Iterator[str]:
    """`:, :, None, None`: what gives a tensor the axes that it lacks, the likeliest first.

    `batch x keys` against `batch x heads x queries x keys`: the later axis is the one meant; beside
    a map of a convolution the values are one for each channel, and the channels come first.
    """
    rank = len(many)
    fitting = [
        places
        for places in combinations(range(rank), len(few))
        if places[:1] == (0,)
        and all(size in (1, many[at]) for size, at in zip(few, places, strict=True))
    ]
    for places in fitting if of_map else reversed(fitting):
        yield ", ".join(":" if at in places else "None" for at in range(rank))


def axes_elsewhere(
    trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]]
) -> Iterator[Proposal]:
    """Axes of 1 where they are needed, instead of where an unsqueeze put them.

    Args:
        trace: tells what was unsqueezed.
        step: two tensors that do not broadcast.
        shapes: of its operands.
    """
    if len(shapes) != 2:
        return
    for place in (1, 0):
        found, maker = operand_of(step, place), source_of(trace, step, place)
        call = None if maker is None else call_at(maker.call_site)
        node = None if found is None else found[1]
        while maker is not None and maker.op == "unsqueeze" and call is not None:
            if found is None or call.receiver is None or node is not call.node:
                break
            few, many, node = ints(maker.inputs[0].shape), shapes[1 - place], call.receiver
            for index in _indices(few, many, of_map=True):
                edit = found[0].replace(found[1], f"{found[0].text(node)}[{index}]")
                yield Proposal("give it its axes of 1 where they are lacking", (edit,), kind="axes")
            maker = source_of(trace, maker)
            call = None if maker is None else call_at(maker.call_site)


def side_by_side(step: Step) -> tuple[Proposal, ...]:
    """A column beside a row made two rows, or two columns: each sample meets itself."""
    shapes = [ints(spec.shape) for spec in step.inputs[:2]]
    found = []
    for place, other in ((0, 1), (1, 0)):
        axis = _extra_axis(shapes[place], shapes[other]) if len(shapes) == 2 else None
        if axis is None:
            continue
        last = -1 if axis == len(shapes[place]) - 1 else axis
        for at, method, message in (
            (place, f".squeeze({last})", "drop the axis of 1"),
            (other, f".unsqueeze({last})", "give it an axis of 1"),
        ):
            made = wrap(step, at, "", method)
            if made is not None:
                edit = made[0].replace(made[1], made[2])
                found.append(Proposal(message, (edit,), kind="pair"))
    return tuple(found)


def _extra_axis(many: tuple[int, ...], few: tuple[int, ...]) -> int | None:
    """The axis of 1 that one shape has and the other lacks, all else being alike."""
    axes = range(1, len(many))
    return next((at for at in axes if many[at] == 1 and (*many[:at], *many[at + 1 :]) == few), None)


def every_pair(trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]]) -> Iterator[Proposal]:
    """`x[:, None] - rows`: each sample beside each row of a table, where their counts differ."""
    if step.op != "sub" or [len(one) for one in shapes] != [2, 2] or shapes[0][1] != shapes[1][1]:
        return
    for place in (0, 1):
        table = source_of(trace, step, 1 - place) is None
        made = wrap(step, place, "", "[:, None]") if table else None
        if made is not None and source_of(trace, step, place) is not None:
            yield Proposal(
                f"compare each of the {shapes[place][0]} with each of the {shapes[1 - place][0]}",
                (made[0].replace(made[1], made[2]),),
                kind="axes",
            )


def state_beside_steps(step: Step, shapes: Sequence[tuple[int, ...]]) -> Iterator[Proposal]:
    """`layers x batch x features` beside `batch x time x features`: the batch to the front."""
    for place in range(2 if len(shapes) == 2 and all(len(one) == 3 for one in shapes) else 0):
        state, steps = shapes[place], shapes[1 - place]
        made = wrap(step, place, "", ".transpose(0, 1)")
        if made is not None and state == (1, steps[0], steps[2]) and steps[0] != steps[1]:
            yield Proposal(
                f"bring the {steps[0]} samples of the state to the front",
                (made[0].replace(made[1], made[2]),),
                kind="turn",
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
                rules_out="project",
            )


def rank_proposals(
    trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]], along: int
) -> Iterator[Proposal]:
    """Flatten, or give an axis to, the operand that has another number of axes."""
    ranks = {len(one) for one in shapes}
    if len(ranks) < 2 or len(shapes) != 2:
        return
    few, many = sorted((0, 1), key=lambda place: len(shapes[place]))
    methods = []
    if len(shapes[few]) == 2 and len(shapes[many]) == 3 and shapes[many][1] == 1:
        maker = source_of(trace, step, many)
        call = None if maker is None or maker.kind == "module" else call_at(maker.call_site)
        if call is not None:
            edit = call.code.replace(call.node, f"{call.text}.squeeze(1)")
            yield Proposal("drop its axis of 1", (edit,), kind="rank")
        methods.append((many, ".squeeze(1)", "drop its axis of 1"))
    if len(shapes[few]) == 1 and len(shapes[many]) == 2:
        methods.append((few, ".unsqueeze(1)", "give it an axis"))
    if len(shapes[few]) == 2 and len(shapes[many]) > 3 and set(shapes[many][2:]) == {1}:
        ones = ", ".join([":", ":", *["None"] * (len(shapes[many]) - 2)])
        methods.append((few, f"[{ones}]", "give it the axes of 1 that the other has"))
    if len(shapes[few]) == 2 and len(shapes[many]) == 3:
        methods += _of_steps(few, shapes[few], shapes[many], along % 3)
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
        if "{other}" in method and (other is None or isinstance(other[1], ast.Call)):
            continue  # what is written twice must not be computed twice
        made = wrap(step, place, "", method.replace("{other}", name))
        if made is not None:
            code, node, text = made
            yield Proposal(message, (code.replace(node, text),), kind="rank")


def _of_steps(
    few: int, row: tuple[int, ...], steps: tuple[int, ...], along: int
) -> Iterator[tuple[int, str, str]]:
    """A row of each sample beside its steps: repeated for each, or one step more."""
    if along == 2 and row[0] == steps[0]:
        yield few, "[:, None].expand(-1, {other}.shape[1], -1)", "repeat the row for each step"
    if along == 1 and row == (steps[0], steps[2]):
        yield few, "[:, None]", "take the row as one step more"
