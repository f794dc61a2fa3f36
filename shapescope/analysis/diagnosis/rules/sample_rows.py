"""A view into rows of a number that a sample does not have."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.built_for import (
    customary_sizes,
    maps_of,
    sees_the_input,
    sizes_giving,
)
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import chain_to, ints, size_history, source_of
from shapescope.analysis.diagnosis.rules.layers import (
    maker_of,
)
from shapescope.analysis.diagnosis.rules.names import VIEW
from shapescope.analysis.diagnosis.words import (
    equation,
    here,
    primary,
    product_text,
    shape_text,
)
from shapescope.analysis.fixes.constructor import argument_label, origin_labels
from shapescope.analysis.fixes.flatten import flattened_call
from shapescope.analysis.fixes.resample import feed, resize_input
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace


def rows_of_another_number(
    case: Case, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Finding:
    """Rows of a number that a sample does not have: the flatten of another input size."""
    trace = case.trace
    features, sample = wanted[1], prod(sizes[1:])
    maps = maps_of(features, sizes[1], len(sizes) - 2, _spelled(trace, step, features), sizes[2:])
    chain = chain_to(trace, source_of(trace, step))
    ranges = None if maps is None else sizes_giving(chain, len(sizes) - 2, maps)
    built = None if ranges is None else customary_sizes(ranges)
    note = None
    if maps is not None and sees_the_input(chain, len(sizes) - 2):
        product = f"{features} = {product_text((sizes[1], *maps))}"
        note = f"{product}, which no input size gives"
        if built is not None:
            note = f"{product} is what a {shape_text(built)} input gives"
    rows = f"{sizes[0]} * {sample} = {prod(sizes)}, which {features} does not divide"
    if wanted[0] != -1:
        rows = f"{sizes[0]} * {sample} = {prod(sizes)}, not {wanted[0]} * {features}"
    return finding(
        VIEW,
        f"{shape_text(sizes)} cannot be seen as rows of {features}: a sample has {sample} values",
        step=step,
        labels=(
            primary(step.call_site, here(step)),
            *(_consumers(trace, features)),
        ),
        why=tuple(filter(None, (size_history(chain), f"{equation(sizes[1:])} a sample; {rows}"))),
        notes=(note,),
        proposals=(
            *_state_proposals(trace, step, sizes, wanted),
            *batch_in_front(step, sizes, wanted),
            *_row_proposals(trace, step, built),
        ),
    )


def batch_in_front(
    step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Iterator[Proposal]:
    """The batch kept, where a view names the sizes of a single sample."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or call.receiver is None or not nodes or -1 in wanted:
        return
    if prod(wanted) == prod(sizes[1:]) and len(nodes) == len(wanted) and sizes[0] not in wanted:
        first = call.code.span(nodes[0])
        place = type(first)(first.file, first.line, first.column, first.line, first.column)
        edit = Edit(place, f"{call.code.text(call.receiver)}.size(0), ")
        yield Proposal("keep the batch in front", (edit,), kind="batch")


def _state_proposals(
    trace: Trace, step: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Iterator[Proposal]:
    """The last layer's state, where a state of layers x batch x features is to be rows."""
    maker, call = maker_of(trace, step), call_at(step.call_site)
    attrs = None if maker is None else maker.attrs
    if maker is None or call is None or not isinstance(attrs, RecurrentAttrs) or attrs.cell:
        return
    state = len(sizes) == 3 and sizes != ints(maker.outputs[0].shape)
    if state and sizes[-1] == wanted[-1] and not attrs.bidirectional and call.receiver is not None:
        text = f"{call.code.text(call.receiver)}[-1]"
        yield Proposal(
            "take the state of the last layer", (call.code.replace(call.node, text),), kind="state"
        )


def _spelled(trace: Trace, step: Step, features: int) -> tuple[int, ...] | None:
    """The factors of the features as the view or the layer behind it writes them."""
    from shapescope.analysis.code.origins import factors_of

    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is not None and nodes:
        found = factors_of(trace, step.path, call.code, nodes[-1])
        if found is not None and prod(found) == features:
            return found
    for path in consumer_paths(trace, features):
        from shapescope.analysis.code import constructor_of

        maker = constructor_of(trace, path)
        node = None if maker is None else maker.argument("in_features")
        if maker is not None and node is not None:
            found = factors_of(trace, path, maker.code, node)
            if found is not None and prod(found) == features:
                return found
    return None


def consumer_paths(trace: Trace, features: int) -> Iterator[str]:
    """The linear layers that take this many features."""
    kinds = {spec.path: spec.class_name for spec in trace.modules}
    for param in trace.params:
        path, _, name = param.name.rpartition(".")
        linear = kinds.get(path) == "Linear" and name == "weight"
        if linear and len(param.shape) == 2 and param.shape[1] == features:
            yield path


def _consumers(trace: Trace, features: int) -> Iterator[Label]:
    for path in consumer_paths(trace, features):
        found = argument_label(trace, path, "in_features", f"`{path}` takes {features}")
        if found is not None:
            yield found
        yield from origin_labels(trace, path, "in_features", f"{features} comes from here")


def _row_proposals(trace: Trace, step: Step, built: tuple[int, ...] | None) -> Iterator[Proposal]:
    call = call_at(step.call_site)
    text = None if call is None else flattened_call(call)
    if call is not None and text is not None:
        yield Proposal(
            "keep the batch and take what arrives",
            (call.code.replace(call.node, text),),
            kind="consumer",
            names_next=True,
        )
    if built is not None:
        yield from resize_input(trace, built)
        yield from feed(trace, built)
