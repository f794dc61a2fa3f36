"""The hidden state of a recurrent layer: its batch, its depth, its width."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.origins import bindings
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.words import (
    name_of,
    operand_labels,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.states import (
    as_deep,
    as_wide,
    layer_axis,
    one_way,
    starts_as_zeros,
    without_state,
)
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace

HIDDEN = declare("rnn-hidden-shape", "a hidden state of another batch, depth or width")


def hidden(
    case: Case,
    step: Step,
    position: int,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    attrs: RecurrentAttrs,
) -> Finding:
    """A state whose batch, depth or width is not the one the layer needs."""
    trace = case.trace
    sizes = ints(step.inputs[0].shape)
    first = "batch" if attrs.batch_first else "time"
    order = ["batch", "time"] if attrs.batch_first else ["time", "batch"]
    if len(sizes) == 2:
        order.remove("batch")
    read = " x ".join(map("{} {}".format, order, sizes))
    why = [
        f"{shape_text(sizes)} is {read} x features {sizes[-1]}, "
        f"so the state is num_layers {attrs.num_layers}"
        + (" * 2 directions" if attrs.bidirectional else "")
        + (f" x batch {wanted[1]}" if len(wanted) > 2 else "")
        + f" x {wanted[-1]}"
    ]
    notes = []
    batch_wrong = len(given) == len(wanted) == 3 and given[1] != wanted[1]
    if batch_wrong and not attrs.batch_first and given[1] == sizes[0]:
        notes.append(f"batch_first is not set, so axis 0 ({sizes[0]}) is read as {first}")
    elif _is_time_first(sizes, given, attrs):
        notes.append(f"the state says that the batch is axis 1 ({sizes[1]}), read as time here")
    elif batch_wrong:
        notes.append(f"a batch of {given[1]} fits, any other one does not: the last of an epoch")
    maker = source_of(trace, step, position)
    return finding(
        HIDDEN,
        f"the hidden state is {shape_text(given)}, but `{name_of(step)}` needs "
        f"{shape_text(wanted)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            argument_label(trace, step.path, "hidden_size", f"hidden_size = {attrs.hidden_size}")
            if given[-1:] != wanted[-1:]
            else None,
            *(_state_labels(trace, step, maker, given)),
            label(step.defined_at, "batch_first is left out, and is False")
            if batch_wrong and not attrs.batch_first and given[1] == sizes[0]
            else None,
            _flag_label(trace, step.path) if _is_time_first(sizes, given, attrs) else None,
        ),
        why=why,
        notes=notes,
        proposals=_hidden_proposals(trace, step, position, given, wanted, attrs),
    )


def _state_labels(
    trace: Trace, step: Step, maker: Step | None, given: tuple[int, ...]
) -> Iterator[Label | None]:
    """The call that made the state, and where its batch size comes from."""
    if maker is None:
        return
    yield label(maker.call_site, f"made {shape_text(given)}")
    if isinstance(maker.attrs, RecurrentAttrs):
        depth = maker.attrs.num_layers
        yield argument_label(trace, maker.path, "num_layers", f"num_layers = {depth}")
        if isinstance(step.attrs, RecurrentAttrs) and step.attrs.num_layers != depth:
            own = f"num_layers = {step.attrs.num_layers}"
            yield argument_label(trace, step.path, "num_layers", own)
    for code, node in _batch_nodes(trace, maker, given):
        yield Label(code.span(node), f"{given[1]} comes from here")


def _batch_nodes(
    trace: Trace, maker: Step, given: tuple[int, ...]
) -> Iterator[tuple[Code, ast.expr]]:
    """The expressions that decide the batch of a state, the farthest first."""
    call = call_at(maker.call_site)
    if call is None or len(given) != 3:
        return
    nodes = [arg for arg in call.node.args if not isinstance(arg, ast.Starred)]
    if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
        nodes = list(nodes[0].elts)
    if len(nodes) < 3:
        return
    node: ast.expr = nodes[1]
    found = [(call.code, node)]
    for _ in range(4):
        further = bindings(trace, maker.path, found[-1][0], found[-1][1])
        inside = [one for one in further if one.kind == "argument" or one.kind == "assigned"]
        if not inside or one_in_init(inside[0].code, inside[0].node):
            break
        found.append((inside[0].code, inside[0].node))
    yield from reversed(found)


def one_in_init(code: Code, node: ast.expr) -> bool:
    """Whether an expression stands in an __init__ or outside of any function."""
    function = code.function(node)
    return function is None or function.name == "__init__"


def _hidden_proposals(
    trace: Trace,
    step: Step,
    position: int,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    attrs: RecurrentAttrs,
) -> Iterator[Proposal]:
    sizes = ints(step.inputs[0].shape)
    same_rank = len(given) == len(wanted) == 3
    if same_rank and given[1] != wanted[1]:
        if not attrs.batch_first and given[1] == sizes[0]:
            yield from batch_first(trace, step.path)
        if _is_time_first(sizes, given, attrs):
            yield from _time_first(trace, step.path)
            return
        maker = source_of(trace, step, position)
        axis = 0 if attrs.batch_first else 1
        if maker is not None:
            for code, node in _batch_nodes(trace, maker, given):
                text = _batch_text(trace, code, node, step, axis)
                if text is not None:
                    yield Proposal(
                        "size the state by the batch that arrives",
                        (code.replace(node, text),),
                        kind="state",
                    )
    if len(given) == 2 and wanted == (1, *given):
        yield from layer_axis(step)
    maker = source_of(trace, step, position)
    depth = wanted[0] // (2 if attrs.bidirectional else 1)
    if same_rank and given[0] != wanted[0]:
        if maker is not None and isinstance(maker.attrs, RecurrentAttrs):
            yield from one_way(trace, maker, attrs)
            yield from set_argument(
                trace,
                maker.path,
                "num_layers",
                wanted[0] // (2 if maker.attrs.bidirectional else 1),
                f"give `{name_of(maker)}` as many layers",
                kind="layers",
            )
            yield from set_argument(
                trace, step.path, "num_layers", max(given[0] * depth // wanted[0], 1),
                f"give `{name_of(step)}` as many layers",
                kind="layers",
            )  # fmt: skip
        else:
            yield from as_deep(trace, step, position, wanted)
    if same_rank and given[:2] == wanted[:2]:
        yield from as_wide(trace, step, given[2], wanted[2])
    if starts_as_zeros(trace, step, position):
        yield from without_state(step)


def _is_time_first(sizes: tuple[int, ...], given: tuple[int, ...], attrs: RecurrentAttrs) -> bool:
    """Whether a layer with batch_first gets a single step of a whole batch, time in front."""
    return (
        attrs.batch_first
        and len(sizes) == len(given) == 3
        and sizes[0] == 1
        and sizes[1] == given[1] != 1
    )


def _flag_label(trace: Trace, path: str) -> Label | None:
    call = constructor_of(trace, path)
    node = None if call is None else call.argument("batch_first")
    return None if call is None or node is None else label(call.code.span(node), "batch first")


def _time_first(trace: Trace, path: str) -> Iterator[Proposal]:
    """`batch_first=False` in the constructor."""
    call = constructor_of(trace, path)
    node = None if call is None else call.argument("batch_first")
    if call is not None and node is not None:
        yield Proposal(
            "read axis 0 as time", (call.code.replace(node, "False"),), kind="batch_first"
        )


def _batch_text(trace: Trace, code: Code, node: ast.expr, step: Step, axis: int) -> str | None:
    """The size of the batch, said with what the function around a node has at hand."""
    function = code.function(node)
    if function is None:
        return None
    names = [arg.arg for arg in function.args.args if arg.arg != "self"]
    inputs = {(spec.name or "").split(".")[0] for spec in trace.inputs}
    known = next((name for name in names if name in inputs), None)
    if function.name == "forward" and known is None and names:
        known = names[0]
    if known is None:
        return None
    return f"{known}.size({axis})"


def batch_first(trace: Trace, path: str) -> Iterator[Proposal]:
    """`batch_first=True` in the constructor."""
    call = constructor_of(trace, path)
    if call is not None:
        yield Proposal(
            "read axis 0 as the batch", (_set_flag(call, "batch_first"),), kind="batch_first"
        )


def _set_flag(call: CallSource, name: str) -> Edit:
    return call.set(name, "True")
