"""A fold of the batch that shows only later, where a layer refuses what the fold made."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.batch import walk_batch
from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import chain_to, ints
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.rules.reshaping import first_follows_batch
from shapescope.analysis.diagnosis.rules.rows import rows_text
from shapescope.analysis.diagnosis.words import here, name_of, plural, primary, shape_text
from shapescope.analysis.fixes.batch import flatten_per_sample
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.attrs import ConvAttrs, LinearAttrs, RecurrentAttrs
from shapescope.trace import Step


def folded_before(case: Case, step: Step) -> Iterator[Finding]:
    """The view or reshape in front of a failing layer that took the batch apart.

    A fold that keeps its last axis, as of frames or of words, is meant, and no reason.
    """
    trace = case.trace
    walk = walk_batch(trace)
    if walk is None:
        return
    events = {event.step: event for event in walk.events}
    for maker in reversed(chain_to(trace, step)[:-1]):
        layout = walk.layout_of(maker.index)
        if layout is not None and layout.batch_axis is not None:
            return
        event = events.get(maker.index)
        if event is None or event.kind not in ("folded", "swallowed") or maker.op == "flatten":
            continue
        given, made = ints(maker.inputs[0].shape), ints(maker.outputs[0].shape)
        if len(made) < 2 or given[-1] == made[-1] or made[0] == given[0]:
            continue
        yield _finding(case, step, maker, given, made, walk.size)
        return


def _finding(
    case: Case,
    step: Step,
    maker: Step,
    given: tuple[int, ...],
    made: tuple[int, ...],
    samples: int,
) -> Finding:
    sample, row = prod(given[1:]), prod(made[1:])
    return finding(
        FOLDED,
        f"the batch of {samples} becomes {made[0]} at this line",
        step=maker,
        labels=(
            primary(maker.call_site, f"{here(maker)}: {rows_text(samples, sample, made[0], row)}"),
            label(step.call_site, _taken(step)),
            label(step.defined_at, f"`{name_of(step)}`"),
        ),
        why=(
            (
                f"{samples} * {sample} = {prod(given):,} = {made[0]} * {row}: that is "
                f"{plural(made[0], 'row')} and nothing raises"
            ),
            _gets(step),
        ),
        proposals=_proposals(case, step, maker, made),
    )


def _wanted(step: Step) -> str | None:
    attrs = step.attrs
    if isinstance(attrs, LinearAttrs):
        return plural(attrs.in_features, "feature")
    if isinstance(attrs, ConvAttrs):
        return plural(attrs.in_channels, "channel")
    if isinstance(attrs, RecurrentAttrs):
        return plural(attrs.input_size, "feature")
    return None


def _taken(step: Step) -> str:
    """What the layer behind takes, or what a cat behind is to join."""
    wanted = _wanted(step)
    given = " and ".join(shape_text(spec.shape) for spec in step.inputs[:2])
    return f"`{name_of(step)}` " + (f"takes {wanted}" if wanted else f"gets {given}")


def _gets(step: Step) -> str:
    wanted, given = _wanted(step), shape_text(step.inputs[0].shape)
    if wanted:
        return f"`{name_of(step)}` then gets {given}, and takes {wanted}"
    return f"{given} and {shape_text(step.inputs[1].shape)} then differ in their rows"


def _proposals(case: Case, step: Step, maker: Step, made: tuple[int, ...]) -> Iterator[Proposal]:
    call = call_at(maker.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is not None and isinstance(step.attrs, ConvAttrs) and len(nodes) == len(made) > 2:
        wanted = step.attrs.in_channels
        yield Proposal(
            f"see {wanted} channels, as `{name_of(step)}` takes them",
            (call.code.replace(nodes[1], str(wanted)),),
            kind="channels",
        )
    given = ints(maker.inputs[0].shape)
    if call is not None and call.receiver is not None and (len(given), len(made)) == (2, 3):
        attrs = step.attrs
        axis = 1 if isinstance(attrs, RecurrentAttrs) and attrs.batch_first else 0
        text = f"{call.code.text(call.receiver)}.unsqueeze({axis})"
        yield Proposal(
            f"keep the {given[0]} samples, and give them an axis of one step",
            (call.code.replace(call.node, text),),
            kind="axes",
            rules_out="batch",
        )
    yield from first_follows_batch(call)
    if len(made) == 2:
        yield from flatten_per_sample(case.trace, maker)
