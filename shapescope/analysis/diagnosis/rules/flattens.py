"""A flatten that gives another number of features than the layer behind it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from math import prod

from shapescope.analysis.code import call_at, constructor_of
from shapescope.analysis.code.origins import factors_of
from shapescope.analysis.diagnosis.built_for import (
    customary_sizes,
    maps_of,
    sees_the_input,
    sizes_giving,
)
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import (
    Flattened,
    chain_to,
    flatten_history,
    last_pool,
    source_of,
)
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.layers import (
    maker_of,
    places,
)
from shapescope.analysis.diagnosis.words import (
    arrive,
    name_of,
    plural,
    product_text,
    shape_text,
)
from shapescope.analysis.fixes.constructor import set_argument
from shapescope.analysis.fixes.flatten import (
    edit_operand,
    entered_through,
)
from shapescope.analysis.fixes.resample import (
    adaptive_pool,
    feed,
    padding_that_keeps,
    resize_input,
)
from shapescope.analysis.fixes.size_numbers import built_for_what_arrives
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

IN_FEATURES = declare(
    "linear-in-features", "a linear layer gets another number of features than it takes"
)


def after_flatten(case: Case, step: Step, found: Flattened, wanted: int) -> Finding:
    """What a layer takes against what the flatten in front of it gives."""
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
    pool = last_pool(chain_to(trace, source_of(trace, found.step)))
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
    if not sees_the_input(chain, axes):
        return None
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
    pool = last_pool(chain)
    global_pool = built is not None and set(built.maps) == {1}
    if built is not None and pool is not None and global_pool:
        yield from adaptive_pool(trace, pool, built.maps)
    total = prod(found.factors)
    yield from _named_side(trace, step)
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


def _named_side(trace: Trace, step: Step) -> Iterator[Proposal]:
    """The side of the picture that a model is built for, where its numbers are reckoned from it."""
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    node = None if call is None else call.argument("in_features")
    if node is not None and any(
        isinstance(one, ast.Name | ast.Attribute) for one in ast.walk(node)
    ):
        above = step.path
        while above:
            above = above.rpartition(".")[0]
            yield from built_for_what_arrives(trace, above)


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
