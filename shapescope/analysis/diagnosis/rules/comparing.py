"""An output beside the target of a loss that compares value with value."""

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
)
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.batch import batch
from shapescope.analysis.diagnosis.rules.early import made_label
from shapescope.analysis.diagnosis.rules.ends import growing, last_of, one_step, same_map
from shapescope.analysis.diagnosis.rules.layers import output_argument
from shapescope.analysis.diagnosis.words import (
    name_of,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.constructor import (
    argument_label,
    set_argument,
)
from shapescope.analysis.fixes.outputs import output_span, returned_with
from shapescope.diagnostic import Label, Severity
from shapescope.ops.shapes import broadcast
from shapescope.trace import Step, Trace

BROADCAST = declare("loss-broadcast", "output and target differ in shape, and the loss broadcasts")


def as_error(found: Finding, step: Step, rows: int, wanted: int) -> Finding:
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


def elementwise(
    case: Case, step: Step, output: tuple[int, ...], target: tuple[int, ...]
) -> Finding:
    """Why output and target of a loss do not lie value beside value."""
    trace = case.trace
    rows = output[0] if output else 0
    wanted = target[0] if target else 0
    if rows != wanted:
        for found in batch(case):
            return as_error(found, step, rows, wanted) if case.loss_failed else found
    chain = chain_to(trace, last_of(trace, output))
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
            *(growing(chain) if maps else ()),
            *(_width_labels(trace, chain, output, target)),
            *(_step_labels(chain, output, target)),
            None if maps else made_label(chain[-1] if chain else None),
        ),
        why=(*why, size_history(chain)) if maps and chain else why,
        notes=("nothing raises, and the model learns the mean of the targets",)
        if not case.loss_failed and spread is not None and prod(spread) > prod(target)
        else (),
        proposals=(
            *(one_step(trace, output) if _has_steps(output, target) else ()),
            *_same_shape(trace, output, target),
            *same_map(trace, chain, maps),
            *_same_width(trace, chain, output, target),
        ),
    )


def _as_map(output: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The map that the target has, where only the sizes of the maps differ."""
    alike = len(output) == len(target) > 2 and output[:2] == target[:2]
    return target[2:] if alike else ()


def _has_steps(output: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether the output is the target's shape with an axis of steps behind the batch."""
    steps = len(output) == len(target) + 1 > 2 and output[1] > 1
    return steps and (output[0], *output[2:]) == target


def _step_labels(
    chain: Sequence[Step], output: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[Label | None]:
    """The last layer, which is given every step."""
    if _has_steps(output, target) and chain:
        last = next((step for step in reversed(chain) if not passes(step)), chain[-1])
        yield label(last.call_site, f"makes a row for each of {output[1]} steps")


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
