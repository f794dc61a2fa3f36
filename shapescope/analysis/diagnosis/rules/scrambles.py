"""A view that mixes the axes it was meant to keep: it never moves a value, only cuts anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from math import prod

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import here, primary, shape_text
from shapescope.diagnostic import Severity
from shapescope.trace import Step, Trace

MIXES = declare("view-mixes-axes", "a view seems to keep an axis, but mixes its values with others")

_PADDING = frozenset({"pad", "constant_pad_nd"})
_SHIFTING = _PADDING | {"cat"}
_CUTTING = frozenset({"getitem", "slice", "narrow", "view", "reshape", "contiguous"})


@scanning
def mixed_axes(case: Case) -> Iterator[Finding]:
    """Views whose output has an axis of the input's size that is not that axis."""
    trace = case.trace
    if trace.mode == "symbolic":
        return
    for step in trace.steps:
        if step.op not in ("view", "reshape") or not step.outputs or not step.inputs:
            continue
        if _is_trick(trace, step):
            continue
        given, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
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
        if turned is not None:
            yield _finding(step, turned, alike)
            return
        split = intended_split(given, made)
        if split is not None:
            yield _split_finding(step, *split, alike)
            return


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
    """Whether a pad in front shows that the axes are shifted on purpose."""
    maker = source_of(trace, step)
    if maker is None:
        return step.inputs[0].name not in {spec.name for spec in trace.inputs}
    if maker.op in _SHIFTING:
        return True
    while maker is not None and maker.op in _CUTTING:
        maker = source_of(trace, maker)
    return maker is not None and maker.op in _PADDING


def intended_swap(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view asks for the very sizes there are, in another order.

    `(b, t, h, d)` viewed as `(b, h, t, d)` means a transpose. Axes of 1 may go anywhere.
    """
    moved = [size for size in sizes if size > 1]
    if len(sizes) != len(made) or len(moved) < 3 or sizes[0] != made[0] or 0 in sizes:
        return None
    if sorted(sizes) != sorted(made) or len(set(sizes)) != len(sizes):
        return None
    order = tuple(sizes.index(size) for size in made)
    kept = [size for size in made if size > 1]
    return None if kept == moved else order


def intended_order(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes that a view seems to mean; None where it keeps or merges what lies so.

    A view is judged behind the axes that it keeps at the front. It is wrong where it cuts an axis
    at a place that does not come out even, while an axis of that very size stands elsewhere.
    """
    front = 0
    while front < min(len(sizes), len(made)) - 1 and sizes[front] == made[front]:
        front += 1
    old, new = sizes[front:], made[front:]
    if len([size for size in old if size > 1]) < 2 or prod(old) != prod(new) or prod(old) == 0:
        return None
    if front == 0 or _comes_out(old, new):
        return None
    for kept in old:
        if kept == 1 or new.count(kept) != 1 or old.count(kept) != 1:
            continue
        order = _ordered(old, new, {kept})
        if order is not None and order != tuple(range(len(old))):
            return (*range(front), *(front + axis for axis in order))
    both = {size for size in old if size > 1 and new.count(size) == old.count(size) == 1}
    order = _ordered(old, new, both) if len(both) > 1 else None
    if order is not None and order != tuple(range(len(old))):
        return (*range(front), *(front + axis for axis in order))
    return None


def intended_fold(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view folds an axis into the first one across others it keeps.

    `(b, c, t, h, w)` viewed as `(b * t, c, h, w)` means frames as samples, and cuts the channels.

    Returns:
        The permutation in front of the view; None where it merges what lies side by side.
    """
    if len(made) >= len(sizes) or len(sizes) < 3 or len(made) < 2:
        return None
    if made[0] == sizes[0] * sizes[1] and _merges(sizes[2:], made[1:]):
        return None
    for place in range(2, len(sizes)):
        rest = tuple(axis for axis in range(1, len(sizes)) if axis != place)
        kept = tuple(sizes[axis] for axis in rest)
        if made[0] == sizes[0] * sizes[place] and _merges(kept, made[1:]) and made[1] == kept[0]:
            crossed = prod(sizes[1:place])
            return (0, place, *rest) if crossed > 1 and sizes[place] > 1 else None
    return None


def _merges(sizes: Sequence[int], made: Sequence[int]) -> bool:
    """Whether axes that lie side by side are merged, or left alone, and nothing else."""
    waiting = list(sizes)
    for size in made:
        room = 1
        while waiting and (room < size or waiting[0] == 1):
            room *= waiting.pop(0)
        if room != size:
            return False
    return not waiting


def intended_turn(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view puts the channels to the other end of a map.

    `(b, h * w, c)` viewed as `(b, c, h, w)`, or that as `(b, h * w, c)`, means them moved.

    Returns:
        The permutation in front of the view; None where no axis changes ends, or it is in doubt
        which one does.
    """
    if len(sizes) < 3 or len(made) < 3 or sizes[0] != made[0]:
        return None
    old, new = sizes[1:], made[1:]
    if prod(old) != prod(new) or 0 in old or _splits_or_merges(old, new):
        return None
    places = tuple(range(1, len(sizes)))
    to_front = new[0] == old[-1] and prod(new[1:]) == prod(old[:-1]) != old[-1]
    to_end = new[-1] == old[0] and prod(new[:-1]) == prod(old[1:]) != old[0]
    if old[0] in (1, new[0]) or old[-1] == 1:
        return None
    if to_front and to_end:
        # On a square map the sides fit as well: the one that moved is the one like no other.
        to_front = old.count(old[-1]) == 1
        to_end = not to_front and old.count(old[0]) == 1
    if to_front:
        return (0, places[-1], *places[:-1])
    return (0, *places[1:], places[0]) if to_end else None


def intended_split(
    sizes: tuple[int, ...], made: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Sizes and axes where a view means to split an axis around another one that it keeps.

    `(b, t, c)` viewed as `(b, h, t, c/h)` splits the time; `(b, t, h, c/h)` would split `c`, and
    its axes then have to be moved.

    Returns:
        The sizes in the order in which the values lie, and the permutation that gives the sizes
        asked for.
    """
    front = 0
    while front < min(len(sizes), len(made)) - 1 and sizes[front] == made[front]:
        front += 1
    old, new = sizes[front:], made[front:]
    if front == 0 or len(old) != 2 or len(new) != 3 or prod(old) != prod(new) or old[0] == 1:
        return None
    kept, split = old
    if new[1] != kept or new[0] * new[2] != split or kept in (new[0], new[2]) or new[0] == 1:
        return None
    rank = len(made)
    straight = (*made[:front], kept, new[0], new[2])
    return straight, (*range(front), front + 1, front, *range(front + 2, rank))


def _split_finding(
    step: Step, straight: tuple[int, ...], order: tuple[int, ...], alike: Sequence[Step]
) -> Finding:
    from shapescope.analysis.fixes.batch import split_then_move

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


def _splits_or_merges(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether every axis is as it was, or split into several, or merged from several."""
    left, right = [size for size in old if size > 1], [size for size in new if size > 1]
    while left and right:
        a, b, merged, split = left.pop(0), right.pop(0), False, False
        while a != b:
            if a < b:
                a, merged = a * left.pop(0), True
            else:
                b, split = b * right.pop(0), True
        if merged and split:
            return False
    return not left and not right


def _comes_out(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether the cuts of a view fall on borders of axes, or divide one evenly."""
    waiting = [size for size in old if size != 1]
    for size in new:
        room = size
        while room > 1:
            first = waiting.pop(0)
            if room % first == 0:
                room //= first
            elif first % room == 0:
                waiting.insert(0, first // room)
                room = 1
            else:
                return False
    return True


def _ordered(
    old: Sequence[int], new: Sequence[int], kept: Collection[int]
) -> tuple[int, ...] | None:
    """The axes of `old` in the order in which `new` merges them, those of `kept` sizes whole."""
    order: list[int] = []
    waiting = [axis for axis, size in enumerate(old) if size not in kept]
    for size in new:
        if size in kept:
            order.append(list(old).index(size))
            continue
        room = size
        while room > 1:
            if not waiting or room % old[waiting[0]]:
                return None
            room //= old[waiting[0]]
            order.append(waiting.pop(0))
    order += waiting
    return tuple(order) if len(order) == len(old) else None


def _taken_apart(trace: Trace, step: Step) -> list[Step]:
    """The later views that undo such a fold, and cut the axes as wrongly."""
    rows = step.outputs[0].shape[0]
    return [
        other
        for other in trace.steps[step.index + 1 :]
        if other.op in ("view", "reshape")
        and other.inputs
        and other.outputs
        and other.inputs[0].shape[:1] == (rows,)
        and intended_fold(ints(other.outputs[0].shape), ints(other.inputs[0].shape)) is not None
    ]


def _moved_apart(step: Step) -> Iterator[Proposal]:
    """The rows of such a view taken apart as they lie."""
    order = intended_fold(ints(step.outputs[0].shape), ints(step.inputs[0].shape))
    if order is not None:
        from shapescope.analysis.fixes.batch import apart_then_move

        yield from apart_then_move(step, order, [order.index(axis) for axis in range(len(order))])


def _finding(
    step: Step,
    order: Sequence[int],
    alike: Sequence[Step],
    apart: Sequence[Step] = (),
    *,
    instead: bool = False,
) -> Finding:
    from shapescope.analysis.fixes.batch import permute_first, permute_instead

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
