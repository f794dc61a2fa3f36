"""Values written to a place of another shape, and pairs of features for a bilinear layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.flattens import IN_FEATURES
from shapescope.analysis.diagnosis.rules.layers import make_instead, maker_of, places
from shapescope.analysis.diagnosis.words import arrive, here, name_of, primary, shape_text
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.attrs import CallAttrs
from shapescope.ops import lookup
from shapescope.ops.indexing import place_written
from shapescope.trace import Step, Trace

WRITTEN = declare("value-shape", "a value is written to a place of another shape")


@failing("setitem")
def written_elsewhere(case: Case) -> Iterator[Finding]:
    """A value that does not broadcast to the part of a tensor that it is written to."""
    step = case.failed
    place = None if step is None else place_written(step)
    if step is None or place is None or lookup(step.op).refusal(step) is None:
        return
    value, whole = ints(step.inputs[-1].shape), ints(step.inputs[0].shape)
    maker = source_of(case.trace, step)
    while maker is not None and maker.op == "setitem":
        maker = source_of(case.trace, maker)
    yield finding(
        WRITTEN,
        f"cannot write {shape_text(value)} to a place of {shape_text(place)}",
        step=step,
        labels=(
            primary(step.call_site, f"the place is {shape_text(place)} of {shape_text(whole)}"),
            label(maker.call_site, f"{shape_text(whole)} is made here")
            if maker is not None
            else None,
        ),
        why=(f"{shape_text(value)} does not broadcast to {shape_text(place)}",),
        proposals=_as_wide(case.trace, step, maker, value, place),
    )


def _as_wide(
    trace: Trace, step: Step, maker: Step | None, value: tuple[int, ...], place: tuple[int, ...]
) -> Iterator[Proposal]:
    """What is written to made as wide as what is written, or the other way round."""
    whole = ints(step.inputs[0].shape)
    differing = [at for at in range(1, min(map(len, (value, place, whole))) + 1)
                 if value[-at] not in (1, place[-at])]  # fmt: skip
    if len(differing) != 1 or place[-differing[0]] != whole[-differing[0]]:
        return
    at = differing[0]
    call = call_at(maker.call_site) if maker is not None and lookup(maker.op).factory else None
    nodes = [] if call is None else _sizes_of_factory(call)
    if call is not None and len(nodes) >= len(whole):
        node = nodes[len(whole) - at]
        if not isinstance(node, ast.Starred):
            yield Proposal(
                f"make it {value[-at]} long there: what is written is",
                (call.code.replace(node, str(value[-at])),),
                kind="place",
            )
    if at == 1:
        yield from make_instead(trace, maker_of(trace, step, len(step.inputs) - 1), place[-1])


def _sizes_of_factory(call: CallSource) -> list[ast.expr]:
    """The sizes given to `zeros` or `new_zeros`, one by one or in a tuple."""
    first = next(iter(call.node.args), None)
    return first.elts if isinstance(first, ast.Tuple | ast.List) else list(call.node.args)


@failing("bilinear")
def bilinear_features(case: Case) -> Iterator[Finding]:
    """One of the two inputs of a bilinear layer has other features than it takes."""
    step = case.failed
    if step is None or not isinstance(step.attrs, CallAttrs) or len(step.inputs) < 2:
        return
    for position, argument in enumerate(("in1_features", "in2_features")):
        wanted, given = step.attrs.get(argument), ints(step.inputs[position].shape)[-1:]
        if not isinstance(wanted, int) or not given or given[0] == wanted:
            continue
        shown = here(step, position)
        yield finding(
            IN_FEATURES,
            f"`{name_of(step)}` takes {wanted} features in input {position + 1}, "
            f"but {arrive(given[0])}",
            step=step,
            labels=places(case.trace, step, argument, f"{argument} = {wanted}", shown),
            why=(f"the last axis of {shape_text(step.inputs[position].shape)} is {given[0]}",),
            proposals=(
                *set_argument(
                    case.trace, step.path, argument, given[0], f"take the {given[0]} that arrive"
                ),
                *make_instead(case.trace, maker_of(case.trace, step, position), wanted),
            ),
        )
        return
