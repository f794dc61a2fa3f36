"""A linear layer that gets another number of features than it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from math import prod

from shapescope.analysis.code import call_at, constructor_of
from shapescope.analysis.code.origins import factors_of
from shapescope.analysis.diagnosis.built_for import customary_sizes, maps_of, sizes_giving
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    Flattened,
    chain_to,
    flatten_history,
    flattened,
    ints,
    passes,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.discarded import discarded, discarded_finding
from shapescope.analysis.diagnosis.rules.folds import folded_before
from shapescope.analysis.diagnosis.rules.layers import (
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
from shapescope.analysis.fixes.batch import flatten_per_sample
from shapescope.analysis.fixes.branches import wrap
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import (
    edit_operand,
    entered_through,
    flatten_operand,
    keep_batch,
)
from shapescope.analysis.fixes.resample import (
    adaptive_pool,
    feed,
    padding_that_keeps,
    resize_input,
)
from shapescope.attrs import LinearAttrs, RecurrentAttrs
from shapescope.diagnostic import Label, Severity
from shapescope.trace import Step, Trace

IN_FEATURES = declare(
    "linear-in-features", "a linear layer gets another number of features than it takes"
)
MISSING_FLATTEN = declare(
    "missing-flatten", "a map reaches a linear layer that takes it as one row of features"
)


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
    for dropped, call in discarded(case.trace):
        if any(spec.shape and spec.shape[-1] == wanted for spec in dropped.outputs):
            yield _with_place(case, step, discarded_finding(dropped, call, Severity.ERROR), wanted)
    yield from sample_alone(case, step)
    yield from folded_before(case, step)
    if len(sizes) > 2 and prod(sizes[1:]) == wanted:
        yield _missing_flatten(case, step, sizes, wanted)
    found = flattened(case.trace, step)
    if found is not None and (len(sizes) == 1 or found.before[0] != sizes[0]):
        yield _batch_swallowed(case, step, found, wanted)
    if found is not None and len(found.before) > 2 and found.before[0] == sizes[0]:
        yield _after_flatten(case, step, found, wanted)
    yield _plain(case, step, sizes, wanted)


def _with_place(case: Case, step: Step, given: Finding, wanted: int) -> Finding:
    """A finding with the labels of the layer that failed for its sake."""
    diagnostic = given.diagnostic
    shown = [
        replace(one, primary=False)
        for one in places(case.trace, step, "in_features", f"in_features = {wanted}")
        if one is not None
    ]
    why = (
        *diagnostic.why,
        f"so `{name_of(step)}` gets {shape_text(step.inputs[0].shape)}, not {wanted} features",
    )
    return replace(
        given, diagnostic=replace(diagnostic, labels=(*diagnostic.labels, *shown), why=why)
    )


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


def _after_flatten(case: Case, step: Step, found: Flattened, wanted: int) -> Finding:
    trace = case.trace
    total = prod(found.factors)
    spelled = spelled_factors(trace, step, "in_features", wanted)
    built = built_sizes(case, found, wanted, spelled)
    return finding(
        IN_FEATURES,
        f"`{name_of(step)}` takes {plural(wanted, 'feature')}, but {arrive(total)}",
        step=step,
        labels=(
            *places(trace, step, "in_features", f"in_features = {wanted}"),
            label(found.step.call_site, f"{shape_text(found.before)} flattened to {total}"),
            _pool_label(trace, found, built),
        ),
        why=flatten_history(trace, found),
        notes=(built_note(wanted, built, found),),
        proposals=flatten_proposals(case, step, found, wanted, built),
    )


def _pool_label(trace: Trace, found: Flattened, built: Built | None) -> Label | None:
    """The fixed window in front of the flatten, where another size of its output was counted on."""
    pool = _last_pool(chain_to(trace, source_of(trace, found.step)))
    if pool is None or built is None or built.maps == found.before[2:]:
        return None
    given, made = pool.inputs[0].shape[2:], found.before[2:]
    text = f"{shape_text(given)} -> {shape_text(made)}, not {shape_text(built.maps)}"
    return label(pool.defined_at if pool.kind == "module" else pool.call_site, text)


def spelled_factors(trace: Trace, step: Step, argument: str, wanted: int) -> tuple[int, ...] | None:
    """The factors of a layer's number as its constructor writes them."""
    call = constructor_of(trace, step.path)
    node = None if call is None else call.argument(argument)
    if call is None or node is None:
        return None
    found = factors_of(trace, step.path, call.code, node)
    return found if found is not None and prod(found) == wanted else None


class Built:
    """What a number was made for: the map it counts, and the input that gives this map."""

    def __init__(self, maps: tuple[int, ...], channels: int, sizes: tuple[int, ...] | None) -> None:
        self.maps = maps
        self.channels = channels
        self.sizes = sizes


def built_sizes(
    case: Case, found: Flattened, wanted: int, spelled: tuple[int, ...] | None
) -> Built | None:
    """The input size for which flattening gives what the layer takes, if there is one."""
    if len(found.before) < 3:
        return None
    channels, like = found.before[1], found.before[2:]
    axes = len(like)
    maps = maps_of(wanted, channels, axes, spelled, like)
    if maps is None:
        return None
    chain = chain_to(case.trace, source_of(case.trace, found.step))
    ranges = sizes_giving(chain, axes, maps)
    return Built(maps, channels, None if ranges is None else customary_sizes(ranges))


def built_note(wanted: int, built: Built | None, found: Flattened) -> str | None:
    """`400 = 16 * 5 * 5 is what a 32 x 32 input gives`."""
    if built is None:
        channels = found.before[1]
        if len(found.before) > 3 and wanted % channels:
            return f"{channels} channels do not divide {wanted}: no input size gives it"
        return None
    product = f"{wanted} = {product_text((built.channels, *built.maps))}"
    if built.sizes is None:
        return f"{product}, which no input size gives"
    return f"{product} is what a {shape_text(built.sizes)} input gives"


def flatten_proposals(
    case: Case, step: Step, found: Flattened, wanted: int, built: Built | None
) -> Iterator[Proposal]:
    """What mends a flatten that gives another number than the next layer takes."""
    trace = case.trace
    chain = chain_to(trace, source_of(trace, found.step))
    yield from last_step_instead(trace, found, wanted)
    pool = _last_pool(chain)
    global_pool = built is not None and set(built.maps) == {1}
    if built is not None and pool is not None and global_pool:
        yield from adaptive_pool(trace, pool, built.maps)
    total = prod(found.factors)
    averaged = [] if pool is not None else list(averaged_maps(trace, found, built))
    if built is not None and built.sizes is None:
        yield from averaged
    yield from set_argument(
        trace,
        step.path,
        "in_features",
        total,
        f"take the {total} that arrive",
        factors=found.factors,
        inline=not entered_through(trace, step),
    )
    if built is None:
        return
    yield from averaged
    yield from padding_that_keeps(trace, chain, built.maps, wanted)
    if built.sizes is not None:
        yield from resize_input(trace, built.sizes)
        yield from feed(trace, built.sizes)
    if pool is not None and not global_pool:
        yield from adaptive_pool(trace, pool, built.maps)


def averaged_maps(trace: Trace, found: Flattened, built: Built | None) -> Iterator[Proposal]:
    """Each channel averaged to one value, where the layer takes as many as there are channels."""
    if built is None or set(built.maps) != {1}:
        return
    axes = len(built.maps)
    where = ", ".join(str(2 + axis) for axis in range(axes))
    for proposal in edit_operand(
        found.step,
        trace,
        f".mean(({where}), keepdim=True)",
        f"average each of the {built.channels} channels to one value",
        f"nn.AdaptiveAvgPool{axes}d(1)",
        "no weight changes",
    ):
        yield replace(proposal, kind="average")


def last_step_instead(trace: Trace, found: Flattened, wanted: int) -> Iterator[Proposal]:
    """The last step of a sequence where all of them were flattened together."""
    before = found.before
    maker = maker_of(trace, found.step)
    attrs = None if maker is None else maker.attrs
    call = call_at(found.step.call_site)
    if not isinstance(attrs, RecurrentAttrs) or len(before) != 3 or before[2] != wanted:
        return
    if call is None or attrs.cell:
        return
    operand = call.receiver if call.receiver is not None else next(iter(call.node.args), None)
    if isinstance(operand, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        text = f"{call.code.text(operand)}[:, -1]"
        yield Proposal(
            f"take the last of the {before[1]} steps",
            (call.code.replace(call.node, text),),
            remark="no weight changes",
            kind="last",
        )


def _last_pool(chain: tuple[Step, ...]) -> Step | None:
    for step in reversed(chain):
        if "pool" in step.op:
            return step
        if not passes(step):
            return None
    return None


def _plain(case: Case, step: Step, sizes: tuple[int, ...], wanted: int) -> Finding:
    """The last axis has another size, with no flatten in between."""
    trace = case.trace
    maker = maker_of(trace, step)
    made = made_by(maker, sizes[-1])
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
            None if maker is None or len(sizes) > 3 else _made_label(trace, maker, made),
        ),
        why=(way, f"{shown}, not {wanted}") if way else (f"{shown}, not {wanted}",),
        notes=(_directions_note(maker, wanted, sizes[-1]), _cat_note(maker, sizes[-1])),
        proposals=_plain_proposals(trace, step, sizes, wanted, maker),
    )


def _cat_note(maker: Step | None, given: int) -> str | None:
    if maker is None or maker.op != "cat":
        return None
    parts = [spec.shape[-1] for spec in maker.inputs if spec.shape]
    whole = sum(size for size in parts if isinstance(size, int))
    return f"{given} = {' + '.join(map(str, parts))} joined by cat" if whole == given else None


def _made_label(trace: Trace, maker: Step, text: str) -> Label | None:
    argument = output_argument(maker)
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
    if step.kind == "function" and step.params:
        weight = step.params[0].shape
        turned = wrap(step, 1, "", ".t()") if weight == (sizes[-1], wanted) else None
        if turned is not None:
            code, node, text = turned
            yield Proposal("turn the weight", (code.replace(node, text),), kind="turn")
    if wanted == 1 and sizes[-1] != 1:
        yield from edit_operand(
            step, trace, ".unsqueeze(-1)", "give every value an axis of its own"
        )
    is_map = len(sizes) > 2 and maker is not None and _is_map(trace, maker)
    if is_map and sizes[1] == wanted:
        axes = ", ".join(map(str, range(2, len(sizes))))
        yield from edit_operand(
            step,
            trace,
            f".mean(({axes}))",
            f"average the map, and keep its {wanted} channels",
            f"nn.AdaptiveAvgPool{len(sizes) - 2}d(1), nn.Flatten()",
        )
        if len(sizes) > 3:
            return
    if len(sizes) == 3 and sizes[1] == wanted:
        yield from edit_operand(step, trace, ".transpose(1, 2)", "bring the features to the end")
    if len(sizes) == 4 and sizes[1] == wanted and not is_map:
        yield from edit_operand(
            step, trace, ".permute(0, 2, 3, 1)", "bring the features to the end"
        )
    if is_map or (len(sizes) > 2 and maker is None):
        yield from flatten_operand(step, trace)
    yield from set_argument(
        trace,
        step.path,
        "in_features",
        sizes[-1],
        f"take the {sizes[-1]} that arrive",
        inline=not entered_through(trace, step),
    )
    yield from make_instead(trace, maker, wanted)


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
