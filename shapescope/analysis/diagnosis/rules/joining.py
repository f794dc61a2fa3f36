"""Tensors that cannot be joined or stacked, and where their sizes parted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.branches import (
    Branch,
    branches_of,
    changed_by,
    differing_axes,
    stride_of_all_stages,
)
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.axes import idle_squeeze, without_axis
from shapescope.analysis.diagnosis.rules.combining import change_text, from_other_end
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import maker_of
from shapescope.analysis.diagnosis.words import (
    name_of,
    operand_labels,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.branches import branch_proposals
from shapescope.analysis.fixes.fixed_batch import fixed_batch, made_for_a_batch, repeated_as_steps
from shapescope.analysis.fixes.operands import operand_of, wrap
from shapescope.analysis.fixes.picks import dim_of
from shapescope.analysis.fixes.ranked import rank_proposals, turned_alike
from shapescope.analysis.fixes.resample import functional_name
from shapescope.analysis.fixes.rounding import nearly
from shapescope.analysis.fixes.spread import over_the_batch
from shapescope.arithmetic import cat_refusal
from shapescope.attrs import CallAttrs, ConvAttrs, RecurrentAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

CAT = declare("cat-shape", "tensors that are joined differ beside the axis they are joined along")


def _end_labels(shapes: Sequence[tuple[int, ...]], step: Step) -> Iterator[Label | None]:
    for proposal in from_other_end(shapes, step):
        yield label(proposal.edits[0].span, "the list is taken from this end")


def _fixed_labels(trace: Trace, step: Step, pair: tuple[int, int]) -> Iterator[Label | None]:
    """The call that makes rows for another batch than the one that arrives."""
    found = made_for_a_batch(trace, step, pair)
    if found is not None:
        maker = found[0]
        rows = maker.outputs[0].shape[0]
        yield label(maker.call_site, f"makes {plural(int(rows), 'row')}, whatever arrives")


@failing("cat", "stack", "hstack", "vstack", "dstack")
def no_cat(case: Case) -> Iterator[Finding]:
    """Tensors that cannot be joined, and where their sizes parted."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    shapes = [ints(spec.shape) for spec in step.inputs]
    along = 0
    if isinstance(step.attrs, CallAttrs):
        given = step.attrs.get("dim", 0)
        along = given if isinstance(given, int) else 0
    if step.op == "cat" and cat_refusal(shapes, along) is None:
        return
    pair = next(
        (
            (0, place)
            for place in range(1, len(shapes))
            if step.op != "cat" or cat_refusal([shapes[0], shapes[place]], along) is not None
            if shapes[place] != shapes[0] or step.op == "cat"
        ),
        (0, 1),
    )
    rows = [shape[:1] == (case.batch,) for shape in shapes]
    if any(rows) and not all(rows):
        yield from folded_before(case, step)
    trace = case.trace
    one, two = shapes[pair[0]], shapes[pair[1]]
    branches = branches_of(trace, step, pair)
    changed = changed_by(trace, branches)
    verb = "join" if step.op == "cat" else "stack"
    beside = along % max(len(one), 1) if step.op == "cat" else -1
    clashes = [
        f"axis {axis}: {n} != {m}" for axis, n, m in differing_axes(one, two) if axis != beside
    ]
    idle = None
    if len(one) != len(two):
        clashes = [f"{len(one)} axes against {len(two)}"]
        idle = idle_squeeze(trace, step, pair[0] if len(one) > len(two) else pair[1])
    joined = tuple(_cat_instead(step, shapes, along))
    yield finding(
        CAT,
        f"cannot {verb} {shape_text(one)} and {shape_text(two)}"
        + (f" along axis {along}" if step.op == "cat" else ""),
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            *(label(layer.defined_at, change_text(layer)) for layer in changed),
            *_outer_labels(trace, changed),
            *_fixed_labels(trace, step, pair),
            *_end_labels(shapes, step),
            None if idle is None else _idle_label(idle),
        ),
        why=("; ".join(clashes), *_all_histories(branches)),
        notes=_multiple_notes(trace, branches),
        proposals=(
            *fixed_batch(trace, step, pair),
            *repeated_as_steps(trace, step, shapes),
            *over_the_batch(step, shapes, along),
            *from_other_end(shapes, step),
            *(turned_alike(step, shapes, along) if step.op == "cat" else ()),
            *_one_hot(case, step, shapes),
            *(() if idle is None else without_axis(trace, idle, dim_of(idle) or 0)),
            *joined,
            *_last_state(trace, step, shapes),
            *rank_proposals(trace, step, shapes, along),
            *_other_dim(step, shapes, along),
            *(() if joined else branch_proposals(trace, step, branches, changed)),
        ),
    )


def _idle_label(idle: Step) -> Label | None:
    axis = dim_of(idle) or 0
    size = idle.inputs[0].shape[axis]
    return label(idle.call_site, f"axis {axis} is {size}, not 1: nothing to drop")


def _last_state(trace: Trace, step: Step, shapes: Sequence[tuple[int, ...]]) -> Iterator[Proposal]:
    """`h[-1]`: the state of the last layer, where the states of all are beside a row a sample."""
    for place, shape in enumerate(shapes):
        maker = maker_of(trace, step, place)
        state = maker is not None and isinstance(maker.attrs, RecurrentAttrs)
        if maker is None or not state or shape == ints(maker.outputs[0].shape) or len(shape) != 3:
            continue
        rows = [other for at, other in enumerate(shapes) if at != place]
        made = wrap(step, place, "", "[-1]")
        if made is not None and all(len(row) == 2 and row[0] == shape[1] for row in rows):
            yield Proposal(
                "take the state of the last layer",
                (made[0].replace(made[1], made[2]),),
                kind="state",
            )


def _one_hot(case: Case, step: Step, shapes: Sequence[tuple[int, ...]]) -> Iterator[Proposal]:
    """Whole numbers joined with rows of features, made rows of their own: one for each class."""
    for place, spec in enumerate(step.inputs):
        classes = case.evidence.bounds.get(spec.name or "")
        found = operand_of(step, place)
        numbers = spec.dtype in ("int64", "int32") and len(shapes[place]) == 1
        if classes is None or found is None or not numbers or not isinstance(found[1], ast.Name):
            continue
        code, node = found
        functional, statement = functional_name(code), code.statement(node)
        if functional is None or statement is None:
            continue
        line = f"{found[1].id} = {functional}.one_hot({found[1].id}, {classes}).float()"
        yield Proposal(
            f"give each of the {classes} classes a column",
            (code.insert_before(statement, line),),
            kind="one hot",
        )


def _outer_labels(trace: Trace, changed: Sequence[Step]) -> Iterator[Label | None]:
    """Where a layer built by a helper function gets its numbers: the call of the helper."""
    from shapescope.analysis.code.owners import assignment_of, is_empty_container

    for layer in changed:
        found = assignment_of(trace, layer.path) if layer.kind == "module" else None
        if found is None or is_empty_container(found[2]):
            continue  # the layer was appended later, by a call of its own
        span = found[0].span(found[2])
        if layer.defined_at is None or span.line != layer.defined_at.line:
            yield label(span, f"`{name_of(layer)}` is made here")


def _all_histories(branches: Sequence[Branch]) -> Iterator[str]:
    for branch in branches:
        if branch.history:
            name = f"`{branch.text}`: " if branch.text else ""
            yield f"{name}{branch.history}"


def _multiple_notes(trace: Trace, branches: Sequence[Branch]) -> Iterator[str]:
    """`54 = 2 x 27 (55 floored); the skip is 55; 222 is not divisible by 8`."""
    sizes = [branch.sizes for branch in branches]
    if len(sizes) != 2 or not all(len(one) > 2 for one in sizes) or sizes[0][2:] == sizes[1][2:]:
        return
    # Counted from the end, as one of them may have an axis more; the last one that differs.
    sides = list(zip(reversed(sizes[0][2:]), reversed(sizes[1][2:]), strict=False))
    axis = next((-1 - at for at, (n, m) in enumerate(sides) if n != m), -1)
    for deeper, skip in (branches, tuple(reversed(branches))):
        doubled = next(
            (
                step
                for step in reversed(deeper.way)
                if step.outputs and step.inputs
                and len(step.outputs[0].shape) == len(step.inputs[0].shape) > 2
                and _grows(step, axis)
            ),
            None,
        )  # fmt: skip
        if doubled is None:
            continue
        small, large = ints(doubled.inputs[0].shape)[axis], ints(doubled.outputs[0].shape)[axis]
        factor = large // small if small else 0
        floored = deeper.floored_from(small, axis)
        text = f"{large} = {factor} x {small}" if factor * small == large else f"{small} -> {large}"
        if floored is not None:
            up = small * round(floored / small) > floored
            text += f" ({floored} rounded up)" if up else f" ({floored} floored)"
        text += f"; the skip is {skip.sizes[axis]}"
        start = trace.inputs[0].shape[axis] if trace.inputs and trace.inputs[0].shape else 0
        divisor = deeper.total_stride(axis)
        if isinstance(start, int) and divisor > 1 and start % divisor:
            text += f"; {start} is not divisible by {divisor}"
            whole = stride_of_all_stages(trace, doubled)
            if whole is not None and whole > divisor:
                below = start // whole * whole
                sizes_near = f"{below} or {below + whole}" if below else str(whole)
                text += f", and all stages together need a multiple of {whole}: {sizes_near}"
        yield text
        return


def _grows(step: Step, axis: int) -> bool:
    given, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    return (
        bool(given)
        and bool(made)
        and made[axis] > given[axis]
        and (step.op == "interpolate" or isinstance(step.attrs, ConvAttrs))
    )


def _cat_instead(step: Step, shapes: Sequence[tuple[int, ...]], along: int) -> Iterator[Proposal]:
    """`torch.cat` for a stack of tensors that differ along the very axis."""
    call = call_at(step.call_site)
    if call is None or step.op != "stack" or len({len(one) for one in shapes}) != 1:
        return
    if 0 < along < len(shapes[0]) and cat_refusal(shapes, along) is None:
        function = call.code.text(call.node.func)
        if function.endswith("stack"):
            text = f"{function.removesuffix('stack')}cat"
            edit = call.code.replace(call.node.func, text)
            yield Proposal("join them side by side: cat, not stack", (edit,), kind="cat")


def _other_dim(step: Step, shapes: Sequence[tuple[int, ...]], along: int) -> Iterator[Proposal]:
    """Another axis along which everything fits."""
    call = call_at(step.call_site)
    if call is None or step.op != "cat" or len({len(one) for one in shapes}) != 1:
        return
    smaller, larger = sorted(shapes[:2])
    if len(smaller) > 3 and abs(larger[1] - smaller[1]) < 2 and nearly(smaller, larger):
        return  # they differ by rounding: no other axis was meant
    for axis in range(1, len(shapes[0])):
        if axis != along % len(shapes[0]) and cat_refusal(shapes, axis) is None:
            yield Proposal(f"join along axis {axis}", (call.set("dim", str(axis)),), kind="dim")
