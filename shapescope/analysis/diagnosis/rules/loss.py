"""The loss: rows against targets, scores against classes, and sums that broadcast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    passes,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.rules.batch import batch
from shapescope.analysis.diagnosis.rules.early import decided_too_early, made_label
from shapescope.analysis.diagnosis.rules.layers import output_argument
from shapescope.analysis.diagnosis.words import (
    name_of,
    plural,
    primary,
    shape_text,
    sizes_text,
)
from shapescope.analysis.fixes.constructor import (
    argument_label,
    origin_labels,
    set_argument,
)
from shapescope.analysis.fixes.decoder import other_scale, other_windows, resize_the_end, unpadded
from shapescope.analysis.fixes.outputs import output_span, returned_with
from shapescope.analysis.fixes.padding import keep_sizes
from shapescope.analysis.fixes.resample import (
    functional_name,
    padding_that_keeps,
    root_forward,
)
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Label, Severity
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace

ROWS = declare("loss-rows", "the loss gets another number of rows than of targets")
CLASSES = declare("loss-classes", "the scores of a classification lie along another axis")
RANGE = declare("loss-class-range", "a target names a class that has no score")
BROADCAST = declare("loss-broadcast", "output and target differ in shape, and the loss broadcasts")

_INDEXED = ("cross_entropy", "nll_loss")


@scanning
def loss_shapes(case: Case) -> Iterator[Finding]:
    """How the output meets the target in the loss."""
    step = case.loss
    if step is None or len(step.inputs) < 2:
        return
    output, target = ints(step.inputs[0].shape), ints(step.inputs[1].shape)
    if step.op in _INDEXED and not step.inputs[1].dtype.startswith("float"):
        known = case.evidence.classes
        if not case.loss_failed and known is not None and len(output) > 1 and known > output[1]:
            yield _too_few(case, step, output, known)
        if case.loss_failed:
            yield _indexed(case, step, output, target)
    elif output != target:
        yield _elementwise(case, step, output, target)


def _indexed(case: Case, step: Step, output: tuple[int, ...], target: tuple[int, ...]) -> Finding:
    rows = output[0] if output else 0
    wanted = target[0] if target else 0
    if rows != wanted:
        for found in batch(case):
            return _as_error(found, step, rows, wanted)
    trace = case.trace
    last = _last_of(trace, output)
    if last is not None and last.op == "argmax":
        return decided_too_early(case, step, last, output_span(trace))
    proposals: list[Proposal] = []
    rule, why = ROWS, f"{name_of(step)} takes batch x classes, and one class for each row"
    if len(output) == len(target) + 1 and output[:-1] == target:
        rule = CLASSES
        why = (
            f"{name_of(step)} takes the classes on axis 1: {shape_text(output)} has "
            f"{output[1]} there, and {output[-1]} on the last axis"
        )
        moved = ", ".join(map(str, (0, len(output) - 1, *range(1, len(output) - 1))))
        proposals += returned_with(trace, f".permute({moved})", "classes on axis 1")
    elif prod(output[:-1]) == wanted:
        proposals += returned_with(trace, f".flatten(0, {len(output) - 2})", "one row per target")
    elif len(output) == 3 and output[0] == wanted and len(target) == 1 and 1 not in output:
        why = f"{shape_text(output)} has scores for each of {output[1]} steps, the target one a row"
        proposals += _one_step(trace, output)
    elif len(output) > 2 and output[0] == wanted and len(target) == 1:
        if len(output) > 3 and min(output[2:]) > 1:
            axes = ", ".join(map(str, range(2, len(output))))
            why = (
                f"{shape_text(output)} has {output[1]} scores for each place of a map of "
                f"{shape_text(output[2:])}, the targets are one class for each sample"
            )
            proposals += returned_with(trace, f".mean(({axes}))", "the mean over the map")
        proposals += returned_with(trace, ".flatten(1)", "one row for each sample")
    elif rows == 1 and len(output) == 3 and output[1] == wanted:
        proposals += returned_with(trace, ".squeeze(0)", "drop the axis of 1")
    elif len(output) == len(target) + 1 > 3 and rows == wanted:
        why = (
            f"the scores are a map of {shape_text(output[2:])}, "
            f"the targets one of {shape_text(target[1:])}"
        )
        proposals += _same_map(trace, chain_to(trace, _last_of(trace, output)), target[1:])
    return finding(
        rule,
        f"{name_of(step)} gets {shape_text(output)} scores for {shape_text(target)} targets",
        step=step,
        labels=(
            primary(output_span(trace), f"{shape_text(output)} is returned"),
            made_label(last),
            *(_growing(chain_to(trace, last)) if len(output) > 3 else ()),
        ),
        why=(why,),
        proposals=proposals,
    )


def _too_few(case: Case, step: Step, output: tuple[int, ...], known: int) -> Finding:
    """Targets beyond the last class that has a score."""
    trace = case.trace
    sink = next(
        (one for one in reversed(trace.steps) if one.outputs and not one.is_composite), None
    )
    while sink is not None and output_argument(sink) is None:
        sink = source_of(trace, sink)
    argument = None if sink is None else output_argument(sink)
    made = None
    if sink is not None and argument is not None:
        text = f"`{name_of(sink)}` gives {output[1]} scores"
        made = argument_label(trace, sink.path, argument, text)
    return finding(
        RANGE,
        f"{name_of(step)} gets scores of {output[1]} classes, but targets up to {known - 1}",
        step=step,
        labels=(
            primary(output_span(trace), f"{shape_text(output)} is returned"),
            made,
            *(
                origin_labels(trace, sink.path, argument, "the number comes from here")
                if sink is not None and argument is not None
                else ()
            ),
        ),
        why=(f"the last class is {output[1] - 1}, so a target of {known - 1} is out of bounds",),
        notes=("this shows on real numbers alone: shapes fit any target",),
        proposals=set_argument(trace, sink.path, argument, known, f"give {known} scores")
        if sink is not None and argument is not None
        else (),
    )


def _as_error(found: Finding, step: Step, rows: int, wanted: int) -> Finding:
    """What became of the batch, as the reason why the loss fails."""
    diagnostic = replace(
        found.diagnostic,
        severity=Severity.ERROR,
        notes=(
            (
                f"{name_of(step)} then gets {plural(rows, 'row') if rows else 'no row'} of scores "
                f"for {plural(wanted, 'target')}"
            ),
            *found.diagnostic.notes,
        ),
    )
    return replace(found, diagnostic=diagnostic)


def _elementwise(
    case: Case, step: Step, output: tuple[int, ...], target: tuple[int, ...]
) -> Finding:
    trace = case.trace
    rows = output[0] if output else 0
    wanted = target[0] if target else 0
    if rows != wanted:
        for found in batch(case):
            return _as_error(found, step, rows, wanted) if case.loss_failed else found
    chain = chain_to(trace, _last_of(trace, output))
    maps = _as_map(output, target)
    spread = broadcast(output, target)
    why = [f"{shape_text(output)} against {shape_text(target)}"]
    if spread is not None and spread != target:
        why[0] += f" broadcasts to {shape_text(spread)}: each output meets every target"
    return finding(
        BROADCAST,
        f"{name_of(step)} compares {shape_text(output)} with {shape_text(target)}",
        severity=Severity.ERROR if case.loss_failed else Severity.WARNING,
        step=step,
        labels=(
            primary(output_span(trace), f"{shape_text(output)} is returned"),
            *(_growing(chain) if maps else ()),
            *(_width_labels(trace, chain, output, target)),
            *(_step_labels(chain, output, target)),
            None if maps else made_label(chain[-1] if chain else None),
        ),
        why=(*why, size_history(chain)) if maps and chain else why,
        notes=("nothing raises, and the model learns the mean of the targets",)
        if not case.loss_failed and spread is not None and prod(spread) > prod(target)
        else (),
        proposals=(
            *(_one_step(trace, output) if _has_steps(output, target) else ()),
            *_same_shape(trace, output, target),
            *_same_map(trace, chain, maps),
            *_same_width(trace, chain, output, target),
        ),
    )


def _last_of(trace: Trace, output: tuple[int, ...]) -> Step | None:
    """The step that made what is returned."""
    leaves = [step for step in trace.steps if step.outputs and not step.is_composite]
    same = [step for step in leaves if ints(step.outputs[0].shape) == output]
    return same[-1] if same else None


def _as_map(output: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The map that the target has, where only the sizes of the maps differ."""
    alike = len(output) == len(target) > 2 and output[:2] == target[:2]
    return target[2:] if alike else ()


def _growing(chain: Sequence[Step]) -> Iterator[Label | None]:
    """The transposed convolutions on the way, with what each makes of the map.

    Without any, the last windows that changed the map.
    """
    shown = [step for step in chain if step.op.startswith("conv_transpose")]
    if not shown:
        shown = [step for step in chain if spatial_axes(step) and _maps(step)[0] != _maps(step)[1]]
    for step in shown[-4:]:
        before, after = (sizes_text(sizes) for sizes in _maps(step))
        yield label(step.defined_at or step.call_site, f"{before} -> {after}")


def _maps(step: Step) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The map that goes into a window, and the one that comes out."""
    axes = spatial_axes(step)
    return ints(step.inputs[0].shape)[-axes:], ints(step.outputs[0].shape)[-axes:]


def _has_steps(output: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether the output is the target's shape with an axis of steps behind the batch."""
    return len(output) == len(target) + 1 > 2 and (output[0], *output[2:]) == target


def _step_labels(
    chain: Sequence[Step], output: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[Label | None]:
    """The last layer, which is given every step."""
    if _has_steps(output, target) and chain:
        last = next((step for step in reversed(chain) if not passes(step)), chain[-1])
        yield label(last.call_site, f"makes a row for each of {output[1]} steps")


def _one_step(trace: Trace, output: tuple[int, ...]) -> Iterator[Proposal]:
    """The step that stands for the sample: the last one, the class token's, or their mean."""
    ways = {
        "last": ("[:, -1]", f"the last of the {output[1]} steps"),
        "first": ("[:, 0]", "the class token alone"),
        "mean": (".mean(1)", f"the mean of the {output[1]} steps"),
    }
    chain = chain_to(trace, _last_of(trace, output))
    kinds = {type(step.attrs) for step in chain}
    token = any(step.op == "cat" and len(step.outputs[0].shape) == 3 for step in chain)
    order = ["mean"]
    if RecurrentAttrs in kinds:
        order = ["last", "mean"]
    elif token:
        order = ["first", "mean"]
    for way in order:
        method, message = ways[way]
        yield from returned_with(trace, method, message)


def _width_labels(
    trace: Trace, chain: Sequence[Step], output: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[Label | None]:
    """The number that makes the last axis as wide as it is, where the target has another."""
    maker = _widest(chain, output, target)
    if maker is not None:
        text = f"`{name_of(maker)}` makes {output[-1]}"
        yield argument_label(trace, maker.path, "out_features", text)


def _widest(chain: Sequence[Step], output: tuple[int, ...], target: tuple[int, ...]) -> Step | None:
    """The linear layer that made the last axis, where all else is as in the target."""
    # one column is as narrow as a layer can be: then it is the axis that is too many
    columns = len(output) == len(target) + 1 and output[:-1] == target and output[-1] > 1
    same = len(output) == len(target) and output[:-1] == target[:-1]
    if not (same or columns):
        return None
    for step in reversed(chain):
        made = ints(step.outputs[0].shape)
        if made[-1:] != output[-1:]:
            return None
        if output_argument(step) is not None:
            return step if output_argument(step) == "out_features" else None
    return None


def _same_map(trace: Trace, chain: Sequence[Step], maps: tuple[int, ...]) -> Iterator[Proposal]:
    if not maps or not chain:
        return
    if set(maps) == {1}:
        axes = ", ".join(str(2 + axis) for axis in range(len(maps)))
        yield from returned_with(trace, f".mean(({axes}), keepdim=True)", "one value for a map")
    yield from other_scale(trace, chain, maps)
    yield from other_windows(trace, chain, maps)
    yield from padding_that_keeps(trace, chain, maps, maps[0])
    yield from unpadded(trace, chain)
    yield from keep_sizes(trace, len(maps))
    found = root_forward(trace)
    if found is not None:
        yield from resize_the_end(chain[-1], functional_name(found[0]), maps)


def _same_width(
    trace: Trace, chain: Sequence[Step], output: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[Proposal]:
    """The last layer as wide as the target."""
    maker = _widest(chain, output, target)
    if maker is not None:
        width = 1 if len(output) > len(target) else target[-1]
        text = f"make {width} in `{name_of(maker)}`"
        yield from set_argument(trace, maker.path, "out_features", width, text, kind="width")


def _same_shape(
    trace: Trace, output: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[Proposal]:
    if prod(output) != prod(target):
        return
    ones = [axis for axis, size in enumerate(output) if size == 1 and axis]
    for axis in reversed(ones):
        if (*output[:axis], *output[axis + 1 :]) == target:
            yield from returned_with(trace, f".squeeze({axis})", "the shape of the target")
    for axis in range(1, len(target)):
        if target[axis] == 1 and (*target[:axis], *target[axis + 1 :]) == output:
            yield from returned_with(trace, f".unsqueeze({axis})", "the shape of the target")
    if len(target) == 2 < len(output) and output[0] == target[0]:
        yield from returned_with(trace, ".flatten(1)", "the shape of the target")
    if len(target) == 1:
        yield from returned_with(trace, ".flatten()", "the shape of the target")
    elif len(target) == len(output) and sorted(target) == sorted(output) and len(target) > 2:
        order = [output.index(size) for size in target]
        if len(set(order)) == len(order):
            text = ", ".join(map(str, order))
            yield from returned_with(trace, f".permute({text})", "the axes of the target")
    else:
        rest = ", ".join(map(str, target[1:]))
        if output and output[0] == target[0]:
            yield from returned_with(trace, f".unflatten(1, ({rest},))", "the shape of the target")
