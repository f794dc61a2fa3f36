"""A view or reshape into sizes that do not come out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import (
    channel_maker,
    make_instead,
    maker_of,
)
from shapescope.analysis.diagnosis.rules.names import VIEW
from shapescope.analysis.diagnosis.rules.pieces import (
    cut_windows,
    made_label,
    make_product,
    named_twice,
    other_map,
    product_of_a_map,
    resized_map,
    set_to_what_arrives,
    size_origin,
    whatever_arrives,
    whole_windows,
)
from shapescope.analysis.diagnosis.rules.sample_rows import batch_in_front, rows_of_another_number
from shapescope.analysis.diagnosis.rules.splitting import cannot_unflatten
from shapescope.analysis.diagnosis.rules.unbatched import sample_alone
from shapescope.analysis.diagnosis.words import (
    here,
    name_of,
    primary,
    product_text,
    shape_text,
)
from shapescope.analysis.fixes.factors import (
    heads_that_divide,
    is_spelled_for,
    map_of_what_arrives,
    steps_of_a_sample,
)
from shapescope.analysis.fixes.sizes import differing, size_nodes
from shapescope.arithmetic import reshape_refusal
from shapescope.attrs import CallAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step

STRIDES = declare("view-strides", "a view of a tensor whose axes were moved before")
BATCH_FIXED = declare("batch-fixed", "a batch size is written down where any should do")


@failing("view", "reshape", "unflatten")
def cannot_view(case: Case) -> Iterator[Finding]:
    """Why a tensor cannot be seen in the sizes that are asked for."""
    step = case.failed
    if step is None or not step.inputs or not isinstance(step.attrs, CallAttrs):
        return
    if step.op == "unflatten":
        yield from cannot_unflatten(case, step, step.attrs)
        return
    sizes, target = ints(step.inputs[0].shape), step.attrs.get("shape")
    if not isinstance(target, tuple) or not all(isinstance(size, int) for size in target):
        return
    wanted = tuple(size for size in target if isinstance(size, int))
    if not sizes or not wanted:
        return
    if reshape_refusal(sizes, wanted) is None:
        yield _strides(case, step, sizes, wanted)
        return
    alone = tuple(sample_alone(case, step)) if len(wanted) == 2 else ()
    if alone:
        # whatever else is wrong, no size counts as it stands while the channels are the batch
        yield from alone
        return
    batch = sizes[0]
    fixed = wanted[0] not in (-1, batch) and _fits_without_batch(sizes, wanted)
    if fixed:
        yield _batch_fixed(case, step, sizes, wanted)
    if len(wanted) == 2 and len(sizes) > 2:
        yield rows_of_another_number(case, step, sizes, wanted)
    yield _other(case, step, sizes, wanted)


def _fits_without_batch(sizes: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the sizes come out once the first one follows the batch."""
    return reshape_refusal(sizes, (sizes[0], *wanted[1:])) is None


def _strides(case: Case, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Finding:
    call = call_at(step.call_site)
    moved = maker_of(case.trace, step)
    proposals = []
    if call is not None and isinstance(call.node.func, ast.Attribute) and call.callee == "view":
        text = call.code.text(call.node)
        receiver = call.code.text(call.node.func.value)
        rest = text[len(receiver) :].replace("view", "reshape", 1)
        proposals = [
            Proposal(
                "copy where a view cannot be", (call.code.replace(call.node, receiver + rest),)
            )
        ]
    return finding(
        STRIDES,
        f"{shape_text(sizes)} cannot be seen as {shape_text(wanted)} without moving values",
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            None if moved is None else label(moved.call_site, f"`{name_of(moved)}` moved its axes"),
        ),
        why=("the number of values is right, but they do not lie next to each other in memory",),
        proposals=proposals,
    )


def _batch_fixed(
    case: Case, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Finding:
    call = call_at(step.call_site)
    return finding(
        BATCH_FIXED,
        f"the batch is written as {wanted[0]}, but {sizes[0]} arrive",
        step=step,
        labels=(primary(step.call_site, here(step)),),
        why=(
            (
                f"{shape_text(sizes)} is {prod(sizes)} values, {shape_text(wanted)} is not: "
                f"{sizes[0]} * {prod(sizes[1:])} against {wanted[0]} * {_rest(wanted)}"
            ),
        ),
        proposals=first_follows_batch(call),
    )


def _rest(wanted: Sequence[int]) -> str:
    return "the rest" if -1 in wanted[1:] else str(prod(wanted[1:]))


def first_follows_batch(call: CallSource | None) -> Iterator[Proposal]:
    """The first size of a view as the batch of what is viewed."""
    sizes = None if call is None else size_nodes(call)
    if call is None or not sizes or call.receiver is None:
        return
    text = call.code.text(call.receiver)
    edit = call.code.replace(sizes[0], f"{text}.size(0)")
    yield Proposal("follow the batch that arrives", (edit,), kind="batch")


def _rest_of_a_sample(sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[str]:
    """`729 * 96 = 69,984 a sample = 182 * 384 + 96`, where one size is left open."""
    part = prod(size for size in wanted[1:] if size != -1)
    if wanted[0] != sizes[0] or -1 not in wanted[1:] or len(sizes) < 2 or part < 1:
        return
    sample = prod(sizes[1:])
    yield (
        f"{product_text(sizes[1:])} = {sample:,} a sample = {sample // part} * {part} + "
        f"{sample % part}: a rest is left"
    )


def _asked_for(
    sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes that arrive and that are asked for where the two differ.

    Of rows, `(n, 3, 8)` asks for 24 where 8 arrive: that one size agrees is no sign. Of maps whose
    places are left open, `(n, 2, 16, -1)` asks for 32 channels.
    """
    same = sizes[:1] == wanted[:1]
    if same and len(sizes) == 2 and len(wanted) > 2 and -1 not in wanted:
        return sizes[1:], wanted[1:]
    if same and len(sizes) > 2 and len(wanted) > 3 and wanted[-1] == -1:
        return sizes[1:2], wanted[1:-1]
    return differing(sizes, wanted)


def _other(case: Case, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Finding:
    """Sizes that differ in a part: the leading and trailing ones that agree are set aside."""
    trace = case.trace
    if wanted[:1] == (-1,) and -1 not in wanted[1:]:
        wanted = (sizes[0], *wanted[1:])  # what is left open in front is meant for the batch
    before, after = _asked_for(sizes, wanted)
    maker, _ = channel_maker(trace, step)
    named = f"{shape_text(sizes)} cannot be seen as {shape_text(wanted)}"
    why: list[str] = []
    proposals: list[Proposal] = []
    labels: list[Label | None] = [primary(step.call_site, here(step))]
    proposals += batch_in_front(step, sizes, wanted)
    proposals += named_twice(step, sizes, wanted)
    if before and len(after) == 1 and -1 not in wanted:
        place = next(at for at, size in enumerate(wanted) if sizes[at : at + 1] != (size,))
        labels += size_origin(trace, step, place, after[0])
        proposals += resized_map(step, place, before, after)
        proposals += whatever_arrives(step, place, prod(before))
    if before and after and -1 not in after:
        need, have = prod(after), prod(before)
        parts = f"{product_text(after)} = {need}" if len(after) > 1 else str(need)
        given = f"{product_text(before)} = {have}" if len(before) > 1 else str(have)
        named += f": {need} values for each, but {have} arrive" if need != have else ""
        why.append(f"{parts} is asked for where {given} arrives")
        if len(before) == 1 and len(sizes) > 1 and sizes[1] == have:
            labels.append(made_label(trace, maker, have))
            proposals += make_product(trace, step, maker, sizes, wanted, need)
            other = tuple(map_of_what_arrives(trace, step, sizes, wanted))
            kept = is_spelled_for(trace, maker, wanted[1])
            proposals += (*(other if kept else ()), *make_instead(trace, maker, need), *other)
        proposals += heads_that_divide(trace, step, wanted, before, after)
        proposals += steps_of_a_sample(trace, step, wanted, before, after, case.batch)
    windows = cut_windows(before, after)
    if windows is not None:
        why.append(", ".join(f"{size} = {count} * {window} + {size - count * window}"
                             for size, count, window in dict.fromkeys(windows)))  # fmt: skip
        proposals += whole_windows(trace, step, sizes, windows)
    proposals += other_map(trace, step, sizes, wanted)
    proposals += set_to_what_arrives(trace, step, before, after)
    proposals += product_of_a_map(trace, step, sizes, wanted)
    why += _rest_of_a_sample(sizes, wanted)
    why.append(
        f"{shape_text(sizes)} is {prod(sizes)} values"
        + (f", {shape_text(wanted)} is {prod(wanted)}" if -1 not in wanted else "")
    )
    return finding(VIEW, named, step=step, labels=labels, why=why, proposals=proposals)
