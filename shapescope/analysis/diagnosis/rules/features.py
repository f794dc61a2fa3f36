"""A linear layer that gets another number of features than it takes."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    Flattened,
    chain_to,
    flattened,
    ints,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.flattens import IN_FEATURES, after_flatten
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import (
    joined_widths,
    maker_of,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.rules.layouts import channels_last
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.rules.unbatched import sample_alone
from shapescope.analysis.diagnosis.rules.widths import maker_behind, width_proposals
from shapescope.analysis.diagnosis.words import (
    arrive,
    equation,
    here,
    name_of,
    plural,
    primary,
    product_text,
    shape_text,
    sizes_text,
)
from shapescope.analysis.fixes.batch import flatten_per_sample
from shapescope.analysis.fixes.constructor import argument_label
from shapescope.analysis.fixes.flatten import (
    entered_through,
    flatten_operand,
    keep_batch,
)
from shapescope.attrs import ConvAttrs, LinearAttrs, RecurrentAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

MISSING_FLATTEN = declare(
    "missing-flatten", "a map reaches a linear layer that takes it as one row of features"
)


_PICKING = frozenset({"getitem", "select", "narrow", "mean", "sum", "amax", "unbind"})
"""What takes some steps of a sequence, or one value of them all."""


@failing("linear")
def linear(case: Case) -> Iterator[Finding]:
    """Why a linear layer refuses what arrives."""
    step = case.failed
    if step is None or not isinstance(step.attrs, LinearAttrs) or not step.inputs:
        return
    sizes = ints(step.inputs[0].shape)
    wanted = step.attrs.in_features
    if not sizes or sizes[-1] == wanted:
        return
    yield from sample_alone(case, step)
    yield from folded_before(case, step)
    if len(sizes) > 2 and prod(sizes[1:]) == wanted:
        yield _missing_flatten(case, step, sizes, wanted)
    found = flattened(case.trace, step)
    if found is not None and (len(sizes) == 1 or found.before[0] != sizes[0]):
        yield _batch_swallowed(case, step, found, wanted)
    yield from _map_with_channels_last(case, step, wanted)
    kept = len(sizes) == 3 and sizes[1] == wanted  # tokens whose features stand in front of them
    if found is not None and len(found.before) > 2 and found.before[0] == sizes[0] and not kept:
        yield after_flatten(case, step, found, wanted)
    yield _plain(case, step, sizes, wanted)


def _map_with_channels_last(case: Case, step: Step, wanted: int) -> Iterator[Finding]:
    """A map with its channels last that met no convolution: a pool ran over its width and them."""
    for first in chain_to(case.trace, step)[:-1]:
        if isinstance(first.attrs, ConvAttrs):
            return
        sizes = ints(first.inputs[0].shape) if first.inputs else ()
        if "pool" not in first.op or len(sizes) != spatial_axes(first) + 2:
            continue
        if sizes[-1] == wanted and wanted not in sizes[1:-1]:
            yield channels_last(case, first, sizes, wanted)
        return


def _batch_swallowed(case: Case, step: Step, found: Flattened, wanted: int) -> Finding:
    """The flatten in front took the batch with it."""
    before = found.before
    total, sample = prod(before), prod(before[1:])
    proposals = list(flatten_per_sample(case.trace, found.step))
    return finding(
        FOLDED,
        f"the batch of {before[0]} is flattened into the features at this line",
        step=found.step,
        labels=(
            primary(
                found.step.call_site
                if not entered_through(case.trace, found.step)
                else found.step.defined_at,
                f"{here(found.step)}: {sample} values a sample, {total} in all",
            ),
            label(step.call_site, f"`{name_of(step)}` takes {wanted} features"),
        ),
        why=(
            (
                f"{product_text(before)} = {total} arrive at `{name_of(step)}`, and it takes "
                f"{wanted}; one sample is {equation(before[1:])}"
            ),
        ),
        proposals=proposals,
    )


def _missing_flatten(case: Case, step: Step, sizes: tuple[int, ...], wanted: int) -> Finding:
    rows = prod(sizes[:-1])
    folded = " * ".join(map(str, sizes[:-1]))
    labels = places(case.trace, step, "in_features", f"in_features = {wanted}")
    if not entered_through(case.trace, step):
        maker = _flattening(case.trace, step)
        never = "never flattened" if maker is None else "flattened in part"
        labels = (
            primary(step.call_site, f"{here(step)[:-5]}, {never}"),
            None if maker is None else label(maker.call_site, here(maker)),
        )
    features = step.attrs.out_features if isinstance(step.attrs, LinearAttrs) else 0
    return finding(
        MISSING_FLATTEN,
        f"`{name_of(step)}` takes {wanted} features, but the last axis has {sizes[-1]}",
        step=step,
        labels=labels,
        why=(f"{equation(sizes[1:])} is just what `{name_of(step)}` takes",),
        notes=(
            (
                f'torch says "{rows}x{sizes[-1]} and {wanted}x{features}": {rows} = {folded} is '
                f"{_axis_names(len(sizes) - 1)} folded together, no size of yours"
            ),
        ),
        proposals=(*_flatten_earlier(case.trace, step), *flatten_operand(step, case.trace)),
    )


def _flatten_earlier(trace: Trace, step: Step) -> Iterator[Proposal]:
    """A flatten that is there already, and starts too late."""
    maker = _flattening(trace, step)
    edit = None if maker is None else keep_batch(trace, maker)
    if edit is not None:
        yield Proposal("flatten all but the batch", (edit,), remark="no weight changes")


def _flattening(trace: Trace, step: Step) -> Step | None:
    maker = maker_of(trace, step)
    return maker if maker is not None and maker.op in ("flatten", "view", "reshape") else None


def _axis_names(count: int) -> str:
    names = {2: "batch and channels", 3: "batch, channels and height"}
    return names.get(count, f"the first {count} axes")


def _plain(case: Case, step: Step, sizes: tuple[int, ...], wanted: int) -> Finding:
    """The last axis has another size, with no flatten in between."""
    trace = case.trace
    maker = maker_of(trace, step)
    wide = _width_maker(trace, maker)
    made = made_by(wide, sizes[-1])
    if len(sizes) == 1:
        shown = f"{name_of(step)}: {sizes[0]} values without a batch axis are one row of {sizes[0]}"
    else:
        shown = f"{name_of(step)}: {shape_text(sizes)} has {sizes[-1]} on its last axis"
    way = size_history(chain_to(trace, maker)) if maker is not None else ""
    return finding(
        IN_FEATURES,
        f"`{name_of(step)}` takes {plural(wanted, 'feature')}, but {arrive(sizes[-1])}",
        step=step,
        labels=(
            *places(trace, step, "in_features", f"in_features = {wanted}"),
            None if wide is None or len(sizes) > 3 else _made_label(trace, wide, made, len(sizes)),
            _entry_label(trace, step, sizes) if sizes[1:2] == (wanted,) else None,
        ),
        why=(way, f"{shown}, not {wanted}") if way else (f"{shown}, not {wanted}",),
        notes=(_directions_note(wide, wanted, sizes[-1]), _cat_note(maker, sizes[-1])),
        proposals=width_proposals(trace, step, sizes, wanted, maker),
    )


def _width_maker(trace: Trace, maker: Step | None) -> Step | None:
    """The recurrent layer whose output was picked from along other axes, else the maker itself."""
    behind = maker
    while behind is not None and behind.op in _PICKING and behind.outputs:
        above = source_of(trace, behind)
        if above is None or above.outputs[0].shape[-1:] != behind.outputs[0].shape[-1:]:
            break
        behind = maker_behind(trace, above)
    recurrent = behind is not None and isinstance(behind.attrs, RecurrentAttrs)
    return behind if recurrent else maker


def _entry_label(trace: Trace, step: Step, sizes: tuple[int, ...]) -> Label | None:
    """The outermost call that hands on the very tensor: where its axes could be turned."""
    outer = step
    while outer.parent is not None and outer.input_sources()[:1]:
        above = trace.steps[outer.parent]
        same = above.inputs and ints(above.inputs[0].shape) == sizes and above.call_site
        if not same or above.input_sources()[:1] != step.input_sources()[:1]:
            break
        outer = above
    if outer.call_site is None or outer.call_site == step.call_site:
        return None
    return label(outer.call_site, f"`{name_of(outer)}` is given {shape_text(sizes)}")


def _cat_note(maker: Step | None, given: int) -> str | None:
    if maker is None or maker.op != "cat":
        return None
    parts = joined_widths(maker, given)
    if len(parts) > 2 and len(set(parts)) == 1:
        return f"{given} = {len(parts)} * {parts[0]} joined by cat"
    return f"{given} = {' + '.join(map(str, parts))} joined by cat" if parts else None


def _made_label(trace: Trace, maker: Step, text: str, rank: int) -> Label | None:
    argument = output_argument(maker)
    if argument == "out_channels" and rank > 2:
        # its number is that of the channels, and what arrives on the last axis is another
        return label(maker.call_site, f"makes {shape_text(maker.outputs[0].shape)}")
    if argument is not None:
        return argument_label(trace, maker.path, argument, text)
    return label(maker.defined_at or maker.call_site, text)


def _directions_note(maker: Step | None, wanted: int, given: int) -> str | None:
    attrs = None if maker is None else maker.attrs
    if isinstance(attrs, RecurrentAttrs) and attrs.bidirectional and given == 2 * wanted:
        return f"bidirectional: {wanted} forward and {wanted} backward are {given}"
    return None


def made_by(maker: Step | None, size: int) -> str:
    """`` `fc1` makes 120 ``."""
    return "" if maker is None else f"`{name_of(maker)}` makes {sizes_text((size,))}"
