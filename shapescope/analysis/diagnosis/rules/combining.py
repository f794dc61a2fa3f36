"""Branches that do not fit: sums and products that do not broadcast, cat and stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapescope.analysis.diagnosis.branches import (
    Branch,
    branches_of,
    changed_by,
    differing_axes,
)
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import maker_of, output_argument
from shapescope.analysis.diagnosis.rules.positions import position_findings, table_of
from shapescope.analysis.diagnosis.rules.tables import as_long, table_labels
from shapescope.analysis.diagnosis.words import (
    name_of,
    operand_labels,
    plural,
    primary,
    shape_text,
    sizes_text,
)
from shapescope.analysis.fixes.batch import other_dim
from shapescope.analysis.fixes.branches import branch_proposals
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.fixed_batch import fixed_batch, repeated_as_steps
from shapescope.analysis.fixes.instead import value_that_fits
from shapescope.analysis.fixes.other_end import other_end
from shapescope.analysis.fixes.ranked import (
    axes_elsewhere,
    every_pair,
    state_beside_steps,
    turned_alike,
)
from shapescope.analysis.fixes.size_numbers import built_for_what_arrives
from shapescope.analysis.fixes.turns import keep_its_axis
from shapescope.diagnostic import Label
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace

ADD = declare("add-shape", "two tensors that are added or multiplied do not broadcast")

_VERBS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "masked_fill": "mask",
    "expand_as": "expand",
}


_WORDS = {"masked_fill": "with", "expand_as": "to"}


@failing(
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "where",
    "pow",
    "lerp",
    "masked_fill",
    "expand_as",
)
def no_broadcast(case: Case) -> Iterator[Finding]:
    """Two shapes that do not broadcast, and where they parted."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    shapes = [ints(spec.shape) for spec in step.inputs]
    if broadcast(*shapes) is not None:
        return
    yield from position_findings(case, step)
    one, two = _clashing(shapes)
    trace = case.trace
    branches = branches_of(trace, step, (one, two))
    changed = changed_by(trace, branches)
    tables = [name for place in (one, two) if (name := table_of(trace, step, place)) is not None]
    yield finding(
        ADD,
        f"cannot {_VERBS.get(step.op, 'combine')} {shape_text(shapes[one])} "
        f"{_WORDS.get(step.op, 'and')} {shape_text(shapes[two])}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            *(label(layer.defined_at or layer.call_site, change_text(layer)) for layer in changed),
            *_width_labels(trace, branches),
            *(made for name in tables for made in table_labels(trace, name)),
            *_stack_labels(trace, step, (one, two)),
        ),
        why=_why(shapes[one], shapes[two]),
        notes=(None if tables else _around_note(branches, changed), *_histories(branches)),
        proposals=(
            *fixed_batch(trace, step, (one, two)),
            *repeated_as_steps(trace, step, shapes),
            *from_other_end(shapes, step),
            *state_beside_steps(step, shapes),
            *turned_alike(step, shapes, None),
            *keep_its_axis(trace, step, (one, two)),
            *axes_elsewhere(trace, step, shapes),
            *every_pair(trace, step, shapes),
            *_other_level(trace, step, shapes, (one, two)),
            *branch_proposals(trace, step, branches, changed),
            *_stacked_elsewhere(trace, step, (one, two)),
            *_other_table(trace, step, (one, two)),
        ),
    )


def _width_labels(trace: Trace, branches: Sequence[Branch]) -> Iterator[Label | None]:
    """The last linear layer of a branch: its number decides how wide the rows are."""
    for branch in branches:
        layers = [layer for layer in branch.own if output_argument(layer) == "out_features"]
        if layers and layers[-1].outputs[0].shape[-1:] == branch.sizes[-1:]:
            text = f"`{name_of(layers[-1])}` makes {branch.sizes[-1]}"
            yield argument_label(trace, layers[-1].path, "out_features", text)


def _other_table(trace: Trace, step: Step, pair: tuple[int, int]) -> Iterator[Proposal]:
    """A table of the constructor made for the input that arrives."""
    for place in pair:
        name = table_of(trace, step, place)
        if name is None:
            continue
        other = next(iter(set(pair) - {place}))
        if _is_width_of_a_layer(trace, step, place, other):
            continue  # the table is as wide as its features; the layer is not
        yield from built_for_what_arrives(trace, name.rpartition(".")[0])
        sizes = [ints(step.inputs[one].shape) for one in (place, other)]
        clashes = [(mine, its) for _, mine, its in differing_axes(*sizes) if mine != 1 != its]
        if len(clashes) == 1:
            yield from as_long(trace, name, *clashes[0])


def _is_width_of_a_layer(trace: Trace, step: Step, place: int, other: int) -> bool:
    """Whether a table differs in its last axis alone from what a linear layer makes."""
    maker = maker_of(trace, step, other)
    one, two = (ints(step.inputs[at].shape) for at in (place, other))
    differing = [axis for axis, *_ in differing_axes(one, two)]
    linear = maker is not None and output_argument(maker) == "out_features"
    return linear and differing == [max(len(one), len(two)) - 1]


def _stack_labels(trace: Trace, step: Step, pair: tuple[int, int]) -> Iterator[Label | None]:
    """Where tensors were stacked: the axis that is new."""
    for place in pair:
        stack = maker_of(trace, step, place)
        if stack is not None and stack.op == "stack":
            each = shape_text(stack.inputs[0].shape)
            yield label(stack.call_site, f"{len(stack.inputs)} of {each} stacked here")


def _stacked_elsewhere(trace: Trace, step: Step, pair: tuple[int, int]) -> Iterator[Proposal]:
    """Tensors stacked along the axis where what they meet has as many entries."""
    for place, other in (pair, tuple(reversed(pair))):
        stack = maker_of(trace, step, place)
        if stack is None or stack.op != "stack" or not stack.outputs:
            continue
        each, its = ints(stack.inputs[0].shape), ints(step.inputs[other].shape)
        for dim in range(len(each) + 1):
            made = (*each[:dim], len(stack.inputs), *each[dim:])
            if made != ints(stack.outputs[0].shape) and broadcast(made, its) is not None:
                yield from other_dim(trace, stack, (dim,), "stack along axis")


def _other_level(
    trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]], pair: tuple[int, int]
) -> Iterator[Proposal]:
    """A map of the same level, where those that meet differ in channels and in size."""
    one, two = shapes[pair[0]], shapes[pair[1]]
    if len(one) == len(two) > 2 and one[1] != two[1] and one[2:] != two[2:]:
        yield from value_that_fits(trace, step, pair[1], one.__eq__)
        yield from value_that_fits(trace, step, pair[0], two.__eq__)


def from_other_end(shapes: Sequence[tuple[int, ...]], step: Step) -> Iterator[Proposal]:
    """Maps of different levels, taken from a list that lies the other way round."""
    sides = [shape[-1] for shape in shapes if len(shape) > 2]
    if len(sides) == len(shapes) and max(sides) >= 2 * min(sides) > 0:
        yield from other_end(step)


def _clashing(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    for one in range(len(shapes)):
        for two in range(one + 1, len(shapes)):
            if broadcast(shapes[one], shapes[two]) is None:
                return one, two
    return 0, 1


def _why(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[str, ...]:
    """`axis 1: 128 != 64; axes 2 and 3: 16 != 32; no side is 1, so nothing broadcasts`."""
    clashes: dict[tuple[int, int], list[int]] = {}
    for axis, n, m in differing_axes(one, two):
        clashes.setdefault((n, m), []).append(axis)
    parts = []
    for (n, m), axes in clashes.items():
        named = f"axis {axes[0]}" if len(axes) == 1 else f"axes {_listed(axes)}"
        parts.append(f"{named}: {n} != {m}")
    return (f"{'; '.join(parts)}; no side is 1, so nothing broadcasts",)


def _listed(axes: Sequence[int]) -> str:
    words = [str(axis) for axis in axes]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def change_text(layer: Step) -> str:
    """`64 -> 128 channels, 32 -> 16`, of a layer that changed what its branch carries."""
    given, made = ints(layer.inputs[0].shape), ints(layer.outputs[0].shape)
    parts = []
    if len(given) > 1 and len(made) == len(given):
        if given[1] != made[1]:
            parts.append(f"{given[1]} -> {plural(made[1], 'channel')}")
        if given[2:] != made[2:]:
            parts.append(f"{sizes_text(given[2:])} -> {sizes_text(made[2:])}")
    elif given and made:
        parts.append(f"{shape_text(given)} -> {shape_text(made)}")
    if len(given) == 2 and len(made) == 2:
        parts = [f"{given[1]} -> {plural(made[1], 'feature')}"]
    return ", ".join(parts) or f"`{name_of(layer)}`"


def _around_note(branches: Sequence[Branch], changed: Sequence[Step]) -> str | None:
    """`` `conv1` changed both; the shortcut `x` goes around it ``."""
    straight = [branch for branch in branches if not branch.changing]
    if len(straight) != 1 or len(changed) != 1 or not straight[0].text:
        return None
    layer = changed[0]
    given, made = ints(layer.inputs[0].shape), ints(layer.outputs[0].shape)
    both = given[1:2] != made[1:2] and given[2:] != made[2:]
    what = "both" if both else "the channels" if given[1:2] != made[1:2] else "the size"
    return f"`{name_of(layer)}` changed {what}; the shortcut `{straight[0].text}` goes around it"


def _histories(branches: Sequence[Branch]) -> Iterator[str]:
    """The sizes along each branch, where both have windows on their way."""
    if all(branch.history for branch in branches) and not any(
        not branch.changing for branch in branches
    ):
        for branch in branches:
            name = f"`{branch.text}`" if branch.text else "one branch"
            yield f"{name}: {branch.history}"
