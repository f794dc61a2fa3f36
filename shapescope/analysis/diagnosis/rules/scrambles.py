"""A view that mixes the axes it was meant to keep: it never moves a value, only cuts anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import feature_axis, ints, source_of
from shapescope.analysis.diagnosis.intended import (
    intended_fold,
    intended_order,
    intended_split,
    intended_swap,
    intended_turn,
)
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import here, primary, shape_text
from shapescope.diagnostic import Severity
from shapescope.trace import Step, Trace

MIXES = declare("view-mixes-axes", "a view seems to keep an axis, but mixes its values with others")

_PADDING = frozenset({"pad", "constant_pad_nd"})
_SHIFTING = _PADDING | {"cat"}
_VIEWS = ("view", "reshape")
_PIECES = frozenset({"getitem", "slice", "narrow"})
_CUTTING = _PIECES | {*_VIEWS, "contiguous"}


@scanning
def mixed_axes(case: Case) -> Iterator[Finding]:
    """Views whose output has an axis of the input's size that is not that axis."""
    trace = case.trace
    if trace.mode == "symbolic":
        return
    views = [s for s in trace.steps if s.op in _VIEWS and s.inputs and s.outputs]
    for step in views:
        given, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
        # Sizes are looked at first: what lies before and behind takes a walk through the steps.
        if not _means_a_move(given, made) or _is_trick(trace, step):
            continue
        if _found_otherwise(step, views):
            continue
        alike = _alike(trace, step)
        swapped = intended_swap(given, made)
        if swapped is not None:
            yield _finding(step, swapped, alike, instead=True)
            return
        order = intended_order(given, made)
        if order is not None:
            yield _finding(step, order, alike)
            return
        folded = intended_fold(given, made)
        if folded is not None:
            yield _finding(step, folded, alike, _taken_apart(trace, step))
            return
        if intended_fold(made, given) is not None:
            yield _apart_finding(step, alike)
            return
        turned = intended_turn(given, made)
        if turned is not None and not _cuts_features(trace, step):
            yield _finding(step, turned, alike)
            return
        split = intended_split(given, made)
        if split is not None:
            yield _split_finding(step, *split, alike)
            return


def _found_otherwise(step: Step, views: Sequence[Step]) -> bool:
    """Whether the same line, run on other sizes, means no axis to be moved.

    Heads that share a line see maps of many sizes: on one of them a side may be as long as what
    the line asks for. With an axis of 1 nothing can be mixed, and such a run tells nothing.
    """
    return step.call_site is not None and any(
        other.call_site == step.call_site
        and other.inputs[0].shape != step.inputs[0].shape
        and len(other.inputs[0].shape) == len(step.inputs[0].shape)
        and 1 not in other.inputs[0].shape
        and not _means_a_move(ints(other.inputs[0].shape), ints(other.outputs[0].shape))
        for other in views
    )


def _means_a_move(given: tuple[int, ...], made: tuple[int, ...]) -> bool:
    """Whether any of the signs of a view that was to move axes is there."""
    signs = (intended_swap, intended_order, intended_fold, intended_turn, intended_split)
    return intended_fold(made, given) is not None or any(
        sign(given, made) is not None for sign in signs
    )


def _cuts_features(trace: Trace, step: Step) -> bool:
    """Whether a view cuts the features themselves into even parts, where they are known to lie.

    `(n, h, w, a * k)` viewed as `(n, h * w * a, k)` is right, also where a map is as high as `k`.
    """
    given, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    axis = feature_axis(trace, step)
    if axis == len(given) - 1:
        return given[-1] % made[-1] == 0
    return axis == 1 and given[1] % made[1] == 0 and given[1] != made[1]


def _alike(trace: Trace, step: Step) -> list[Step]:
    """The later views of the same sizes: queries, keys and values are written alike."""
    return [
        other
        for other in trace.steps[step.index + 1 :]
        if other.op == step.op
        and other.inputs[:1] == step.inputs[:1]
        and other.outputs == step.outputs
        and other.call_site != step.call_site
        and not _is_trick(trace, other)
    ]


def _together(parts: Sequence[Iterator[Proposal]]) -> Iterator[Proposal]:
    """One proposal that does to every view what was thought of for one."""
    found = [next(part, None) for part in parts]
    whole = [one for one in found if one is not None]
    if whole and len(whole) == len(found):
        edits = tuple(dict.fromkeys(edit for one in whole for edit in one.edits))
        yield replace(whole[0], edits=edits)


def _is_trick(trace: Trace, step: Step) -> bool:
    """Whether a pad in front, or a cut behind, shows that the axes are shifted on purpose."""
    if _is_cut_behind(trace, step):
        return True
    maker = source_of(trace, step)
    if maker is None:
        return step.inputs[0].name not in {spec.name for spec in trace.inputs}
    if maker.op in _SHIFTING:
        return True
    if _cuts_off(maker):
        viewed = source_of(trace, maker)
        if viewed is not None and viewed.op in _VIEWS:
            return True
    while maker is not None and maker.op in _CUTTING:
        maker = source_of(trace, maker)
    return maker is not None and maker.op in _PADDING


def _is_cut_behind(trace: Trace, step: Step) -> bool:
    """Whether a piece is cut off, and what is left seen as other sizes: rows move on by one."""
    cuts = _takers(trace, step)
    return bool(cuts) and all(
        _cuts_off(cut) and any(taker.op in _VIEWS for taker in _takers(trace, cut)) for cut in cuts
    )


def _cuts_off(step: Step) -> bool:
    """Whether a step keeps a piece of what it is given, with all of the axes."""
    if step.op not in _PIECES or not step.outputs:
        return False
    given, made = step.inputs[0].shape, step.outputs[0].shape
    return len(given) == len(made) and given != made


def _takers(trace: Trace, step: Step) -> list[Step]:
    """The steps that are given what a step made, modules that are opened left out."""
    return [
        other
        for other in trace.steps[step.index + 1 :]
        if step.index in other.sources and other.op != "module"
    ]


def _split_finding(
    step: Step, straight: tuple[int, ...], order: tuple[int, ...], alike: Sequence[Step]
) -> Finding:
    from shapescope.analysis.fixes.views import split_then_move

    sizes, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    kept = straight[order[-2]]
    return finding(
        MIXES,
        f"{shape_text(sizes)} seen as {shape_text(made)} mixes the axis of {kept} with others",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            *(label(one.call_site, here(one)) for one in alike),
        ),
        why=(
            (
                f"a view moves no value: the {kept} and the {sizes[-1]} behind it are cut anew, "
                f"so one entry along the axis of {kept} holds values of several"
            ),
            f"{shape_text(straight)} cuts the last axis alone; then the axes can be moved",
        ),
        proposals=_together([split_then_move(one, straight, made) for one in (step, *alike)]),
    )


def _apart_finding(step: Step, alike: Sequence[Step]) -> Finding:
    """Frames that were folded into the batch, taken out of it to another place."""
    sizes, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    straight = tuple(made[axis] for axis in intended_fold(made, sizes) or range(len(made)))
    return finding(
        MIXES,
        f"{shape_text(sizes)} seen as {shape_text(made)} mixes the axis of {straight[1]} with "
        "others",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            *(label(one.call_site, here(one)) for one in alike),
        ),
        why=(
            (
                f"a view moves no value: the {sizes[0]} rows lie as {straight[0]} x {straight[1]}, "
                f"and what is cut out of them along the axis of {straight[1]} is of several"
            ),
            f"{shape_text(straight)} takes the rows apart as they lie; then the axes can be moved",
        ),
        proposals=_together([_moved_apart(one) for one in (step, *alike)]),
    )


def _taken_apart(trace: Trace, step: Step) -> list[Step]:
    """The later views that undo such a fold, and cut the axes as wrongly."""
    rows = step.outputs[0].shape[0]
    return [
        other
        for other in trace.steps[step.index + 1 :]
        if other.op in _VIEWS
        and other.inputs
        and other.outputs
        and other.inputs[0].shape[:1] == (rows,)
        and intended_fold(ints(other.outputs[0].shape), ints(other.inputs[0].shape)) is not None
    ]


def _moved_apart(step: Step) -> Iterator[Proposal]:
    """The rows of such a view taken apart as they lie."""
    order = intended_fold(ints(step.outputs[0].shape), ints(step.inputs[0].shape))
    if order is not None:
        from shapescope.analysis.fixes.views import apart_then_move

        yield from apart_then_move(step, order, [order.index(axis) for axis in range(len(order))])


def _finding(
    step: Step,
    order: Sequence[int],
    alike: Sequence[Step],
    apart: Sequence[Step] = (),
    *,
    instead: bool = False,
) -> Finding:
    from shapescope.analysis.fixes.views import permute_first, permute_instead

    sizes, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    front = 0
    while sizes[front] == made[front]:
        front += 1
    own, own_made = sizes[front:], made[front:]
    kept = [size for size in own if size in own_made and size > 1]
    shown = kept[0] if kept else own[0]
    turned = tuple(sizes[axis] for axis in order)
    return finding(
        MIXES,
        f"{shape_text(sizes)} seen as {shape_text(made)} mixes the axis of {shown} with others",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            *(label(one.call_site, here(one)) for one in (*alike, *apart)),
        ),
        why=(
            (
                f"a view moves no value: {shape_text(own)} is cut anew, and one entry along the "
                f"axis of {shown} in {shape_text(own_made)} holds values of several"
            ),
            f"in the order {shape_text(turned)} the axes merge to {shape_text(made)} as meant",
        ),
        proposals=_together(
            [
                *(
                    permute_instead(one, sizes, made)
                    if instead
                    else permute_first(one, order, "bring the axes into this order before")
                    for one in (step, *alike)
                ),
                *map(_moved_apart, apart),
            ]
        ),
    )
