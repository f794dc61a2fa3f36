"""The loss: rows against targets, scores against classes, and sums that broadcast."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    source_of,
)
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.rules.batch import batch
from shapescope.analysis.diagnosis.rules.comparing import as_error, elementwise
from shapescope.analysis.diagnosis.rules.early import before_casts, decided_too_early, made_label
from shapescope.analysis.diagnosis.rules.ends import growing, last_of, one_step, same_map
from shapescope.analysis.diagnosis.rules.layers import output_argument
from shapescope.analysis.diagnosis.words import (
    name_of,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import without_call
from shapescope.analysis.fixes.constructor import (
    argument_label,
    origin_labels,
    set_argument,
)
from shapescope.analysis.fixes.outputs import output_span, returned_with
from shapescope.trace import Step

ROWS = declare("loss-rows", "the loss gets another number of rows than of targets")
CLASSES = declare("loss-classes", "the scores of a classification lie along another axis")
RANGE = declare("loss-class-range", "a target names a class that has no score")

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
        yield elementwise(case, step, output, target)


def _indexed(case: Case, step: Step, output: tuple[int, ...], target: tuple[int, ...]) -> Finding:
    rows = output[0] if output else 0
    wanted = target[0] if target else 0
    if rows != wanted:
        for found in batch(case):
            return as_error(found, step, rows, wanted)
    trace = case.trace
    last = last_of(trace, output)
    picked = before_casts(trace, last)
    if picked is not None and picked.op == "argmax":
        return decided_too_early(case, step, picked, output_span(trace))
    proposals: list[Proposal] = []
    rule, why = ROWS, f"{name_of(step)} takes batch x classes, and one class for each row"
    if len(output) == len(target) + 1 and output[:-1] == target:
        rule = CLASSES
        why = (
            f"{name_of(step)} takes the classes on axis 1: {shape_text(output)} has "
            f"{output[1]} there, and {output[-1]} on the last axis"
        )
        moved = ", ".join(map(str, (0, len(output) - 1, *range(1, len(output) - 1))))
        if last is not None and last.op in ("permute", "transpose", "movedim"):
            before = ints(last.inputs[0].shape)
            if (before[0], *before[2:]) == target:
                proposals += without_call(last)
        proposals += returned_with(trace, f".permute({moved})", "classes on axis 1")
    elif len(output) == 2 and target == (rows, 1):
        why = (
            f"one class for each row is a target of {rows}: {shape_text(target)} has an axis of 1 "
            "behind it, which `squeeze(1)` takes away"
        )
    elif prod(output[:-1]) == wanted:
        proposals += returned_with(trace, f".flatten(0, {len(output) - 2})", "one row per target")
    elif len(output) == 3 and output[0] == wanted and len(target) == 1 and 1 not in output:
        why = f"{shape_text(output)} has scores for each of {output[1]} steps, the target one a row"
        proposals += one_step(trace, output)
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
        proposals += same_map(trace, chain_to(trace, last_of(trace, output)), target[1:])
    return finding(
        rule,
        f"{name_of(step)} gets {shape_text(output)} scores for {shape_text(target)} targets",
        step=step,
        labels=(
            primary(output_span(trace), f"{shape_text(output)} is returned"),
            made_label(last),
            *(growing(chain_to(trace, last)) if len(output) > 3 else ()),
        ),
        why=(why,),
        notes=("of one class alone the loss is 0, whatever is learned",)
        if len(output) == 2 and output[1] == 1
        else (),
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
