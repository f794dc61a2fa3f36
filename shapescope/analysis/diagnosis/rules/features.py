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
    passes,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.channels import channels_last
from shapescope.analysis.diagnosis.rules.flattens import IN_FEATURES, after_flatten
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import (
    joined_widths,
    make_instead,
    maker_of,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.rules.names import FOLDED
from shapescope.analysis.diagnosis.rules.unbatched import sample_alone
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
from shapescope.analysis.fixes.batch import (
    dim_of,
    flatten_per_sample,
    other_axes,
    other_dim,
    picked_elsewhere,
)
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import (
    edit_operand,
    entered_through,
    flatten_operand,
    keep_batch,
)
from shapescope.analysis.fixes.instead import as_convolution, spare_layer, swapped_numbers
from shapescope.analysis.fixes.literals import written_number
from shapescope.analysis.fixes.loops import carry_on, carry_width, running_index
from shapescope.analysis.fixes.operands import wrap
from shapescope.analysis.fixes.turns import turned_and_back
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
        proposals=_plain_proposals(trace, step, sizes, wanted, maker),
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


def _plain_proposals(
    trace: Trace, step: Step, sizes: tuple[int, ...], wanted: int, maker: Step | None
) -> Iterator[Proposal]:
    """What mends a last axis of another size, the likeliest first."""
    yield from spare_layer(trace, step)
    yield from swapped_numbers(trace, step, sizes[-1])
    if step.kind == "function" and step.params:
        weight = step.params[0].shape
        made = wrap(step, 1, "", ".t()") if weight == (sizes[-1], wanted) else None
        if made is not None:
            code, node, text = made
            yield Proposal("turn the weight", (code.replace(node, text),), kind="turn")
    if wanted == 1 and sizes[-1] != 1:
        yield from edit_operand(
            step, trace, ".unsqueeze(-1)", "give every value an axis of its own"
        )
    yield from _beside(trace, maker, wanted)
    elsewhere = () if maker is None else tuple(picked_elsewhere(maker, wanted))
    if elsewhere:
        yield from elsewhere
        return
    over = None if maker is None else _over_features(maker, wanted)
    if maker is not None and over is not None:
        axes = ", ".join(str(axis) for axis in range(1, len(maker.inputs[0].shape)) if axis != over)
        dims = axes if axes.isdigit() else f"({axes})"
        yield from other_axes(maker, dims, f"run over the others, and keep the {wanted} features")
        return
    turned = maker is not None and maker.op in ("transpose", "permute")
    is_map = len(sizes) > 2 and maker is not None and _is_map(trace, _unsqueezed(trace, maker))
    if is_map and sizes[1] == wanted:
        axes = ", ".join(map(str, range(2, len(sizes))))
        if len(sizes) == 3 and _was_turned(trace, maker):
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
        yield from edit_operand(
            step,
            trace,
            f".mean({axes})" if len(sizes) == 3 else f".mean(({axes}))",
            f"average the map, and keep its {wanted} channels",
            f"nn.AdaptiveAvgPool{len(sizes) - 2}d(1), nn.Flatten()",
        )
        yield from as_convolution(trace, step, len(sizes) - 2)
        if len(sizes) > 3:
            return
    if len(sizes) == 3 and sizes[1] == wanted:
        flat = maker is not None and maker.op in ("flatten", "view", "reshape")
        if flat:  # places of a map, each of which is to have its features behind it
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
        if not is_map and not turned:
            yield from turned_and_back(trace, step, sizes)
        if not turned and not flat:
            yield from edit_operand(
                step, trace, ".transpose(1, 2)", "bring the features to the end"
            )
    if len(sizes) == 4 and sizes[1] == wanted and not is_map:
        yield from edit_operand(
            step, trace, ".permute(0, 2, 3, 1)", "bring the features to the end"
        )
    if is_map or (len(sizes) > 2 and maker is None):
        yield from flatten_operand(step, trace)
    yield from running_index(trace, step)
    yield from carry_width(trace, step)
    yield from carry_on(trace, step, "in_features", sizes[-1])
    yield from set_argument(
        trace,
        step.path,
        "in_features",
        sizes[-1],
        f"take the {sizes[-1]} that arrive",
        inline=not entered_through(trace, step),
        parts=joined_widths(maker, sizes[-1]),
    )
    yield from written_number(trace, step.path, "in_features", wanted, sizes[-1])
    yield from make_instead(trace, maker, wanted)
    if turned and len(sizes) == 3 and sizes[1] == wanted:
        yield from edit_operand(step, trace, ".transpose(1, 2)", "bring the features to the end")


def _was_turned(trace: Trace, maker: Step | None) -> bool:
    """Whether a sequence was turned, features in front, on its way: it may be turned back."""
    return any(
        step.op in ("transpose", "permute") and len(step.inputs[0].shape) == 3
        for step in chain_to(trace, maker)
    )


def _over_features(maker: Step, wanted: int) -> int | None:
    """The axis a mean ran over, where it is that of the features, and a value of each was meant."""
    before = ints(maker.inputs[0].shape) if maker.inputs else ()
    dim = dim_of(maker)
    if maker.op not in ("mean", "sum", "amax") or dim is None or len(before) < 3:
        return None
    axis = dim % len(before)
    return axis if axis and before[axis] == wanted else None


def _beside(trace: Trace, maker: Step | None, wanted: int) -> Iterator[Proposal]:
    """Parts joined along the batch, joined side by side where they then have the right width."""
    if maker is None or maker.op != "cat" or dim_of(maker) != 0:
        return
    parts = [ints(spec.shape)[-1:] for spec in maker.inputs]
    if sum(part[0] for part in parts if part) == wanted:
        yield from other_dim(trace, maker, (1,), "join side by side, along axis")


def _unsqueezed(trace: Trace, maker: Step) -> Step:
    """What made a tensor before its axes of 1 were dropped."""
    while maker.op == "squeeze":
        above = source_of(trace, maker)
        if above is None:
            break
        maker = maker_behind(trace, above)
    return maker


def _is_map(trace: Trace, maker: Step) -> bool:
    """Whether a tensor is a map of channels: a window made it, or branches of such were joined."""
    if spatial_axes(maker):
        return True
    inner = source_of(trace, maker) if maker.op == "cat" else None
    return inner is not None and bool(spatial_axes(maker_behind(trace, inner)))


def maker_behind(trace: Trace, step: Step) -> Step:
    """The step itself, or the one that made what it passes on as it is."""
    while passes(step):
        above = source_of(trace, step)
        if above is None:
            break
        step = above
    return step


def made_by(maker: Step | None, size: int) -> str:
    """`` `fc1` makes 120 ``."""
    return "" if maker is None else f"`{name_of(maker)}` makes {sizes_text((size,))}"
