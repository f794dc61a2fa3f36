"""Edits that give the batch its axis back."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import CallSource, call_at, constructor_of, expression_at
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.fixes.flatten import keep_batch
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.attrs import CallAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace

_LAYERS = ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer")


def flatten_per_sample(trace: Trace, step: Step) -> Iterator[Proposal]:
    """All axes but the batch flattened, instead of rows of a number that is written down."""
    edit = keep_batch(trace, step)
    if edit is not None:
        yield Proposal("keep the batch and take what arrives", (edit,), kind="flatten")


def set_batch_first(trace: Trace, path: str) -> Iterator[Proposal]:
    """`batch_first=True` where a recurrent layer or an attention was made, or its layer was."""
    call = maker_of_attention(trace, path)
    if call is not None:
        yield Proposal(
            "read axis 0 as the batch: batch_first=True",
            (call.set("batch_first", "True"),),
            kind="batch_first",
        )


def maker_of_attention(trace: Trace, path: str) -> CallSource | None:
    """The constructor in the user's source that decides on `batch_first`."""
    above = path
    while above:
        call = constructor_of(trace, above)
        if call is not None:
            taken = call.callee in (*_LAYERS, "MultiheadAttention", "LSTM", "GRU", "RNN")
            if taken:
                return call
            inner = _layer_in(call, call.node)
            if inner is not None:
                return inner
            if call.callee.startswith("Transformer") and (found := _layer_near(trace, call)):
                return found
        above = above.rpartition(".")[0]
    return None


def _layer_in(call: CallSource, node: ast.AST) -> CallSource | None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and inner is not call.node:
            found = CallSource(call.code, inner)
            if found.callee in _LAYERS:
                return found
    return None


def _layer_near(trace: Trace, call: CallSource) -> CallSource | None:
    """The layer a TransformerEncoder was given, made elsewhere in the same function."""
    function = call.code.function(call.node)
    wanted = "TransformerDecoderLayer" if "Decoder" in call.callee else "TransformerEncoderLayer"
    if function is None:
        return None
    for inner in ast.walk(function):
        if isinstance(inner, ast.Call):
            found = CallSource(call.code, inner)
            if found.callee == wanted:
                return found
    return None


def other_dim(trace: Trace, step: Step, dims: Sequence[int], message: str) -> Iterator[Proposal]:
    """Another axis for a softmax, a sum, a cat."""
    call = constructor_of(trace, step.path) if step.kind == "module" else call_at(step.call_site)
    if call is None:
        return
    for dim in dims:
        name = "dim" if "dim" in call.parameters or _names(call, "dim") else "axis"
        if name == "axis" and not _names(call, "axis"):
            continue
        yield Proposal(f"{message} {dim}", (call.set(name, str(dim)),), kind="dim")


def other_axes(step: Step, dims: str, message: str) -> Iterator[Proposal]:
    """Other axes for a mean or a sum that is called."""
    call = call_at(step.call_site)
    if call is not None and ("dim" in call.parameters or _names(call, "dim")):
        yield Proposal(message, (call.set("dim", dims),), kind="dim")


def _names(call: CallSource, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.node.keywords)


def pick_inside(step: Step, place: int, *, last: bool = False) -> Iterator[Proposal]:
    """`x[-1]` as `x[:, -1]`: the last step of every sample, not the last sample.

    Args:
        step: the index.
        place: the axis of the batch.
        last: steps follow on one another, so that the first one knows nothing yet.
    """
    found = expression_at(step.call_site)
    node = None if found is None else found[1]
    if found is None or not isinstance(node, ast.Subscript):
        return
    code, index = found[0], node.slice
    items = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    texts = [code.text(item) for item in items]
    if place >= len(texts):
        return
    picked = texts[place] if not last or texts[place].strip() != "0" else "-1"
    rest = texts[place + 1 :]
    if rest and rest[0].strip() == ":":
        rest = rest[1:]
    new = [*texts[:place], ":", picked, *rest]
    yield Proposal(
        f"take it from axis {place + 1}: `{code.text(node.value)}[{', '.join(new)}]`",
        (code.replace(index, ", ".join(new)),),
        kind="pick",
    )


def picked_elsewhere(step: Step, wanted: int) -> Iterator[Proposal]:
    """`x[:, :, -1]` for `x[:, -1]`, where the axis that an entry was taken from is as long.

    Args:
        step: takes an entry of axis 1 or 2 of a tensor of three.
        wanted: how many features should be left.
    """
    before, found = step.inputs[0].shape if step.inputs else (), expression_at(step.call_site)
    node = None if found is None else found[1]
    if found is None or len(before) != 3 or not isinstance(node, ast.Subscript):
        return
    index = node.slice
    items = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    texts = [found[0].text(item) for item in items]
    texts += [":"] * (3 - len(texts))
    places = [at for at, text in enumerate(texts) if ":" not in text]
    if len(texts) != 3 or len(places) != 1 or not places[0] or before[places[0]] != wanted:
        return
    picked, other = places[0], 3 - places[0]
    texts[picked], texts[other] = ":", texts[picked]
    new = ", ".join(texts if other == 2 else texts[:2])
    yield Proposal(
        f"take it from axis {other}, and keep the {wanted} features",
        (found[0].replace(index, new),),
        kind="pick",
    )


def squeeze_named(step: Step, axes: Sequence[int]) -> Iterator[Proposal]:
    """Squeeze the axes that are meant, and never the batch."""
    call = call_at(step.call_site)
    if call is None or call.callee != "squeeze" or not axes:
        return
    operand = call.receiver
    dims = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"
    head = call.node.func if operand is not None else next(iter(call.node.args), None)
    if head is None:
        return
    # only what stands behind the tensor is written, so that a squeeze inside it can be too
    before, whole = call.code.span(head), call.span
    rest = type(whole)(
        whole.file, before.end_line, before.end_column, whole.end_line, whole.end_column
    )
    text = f"({dims})" if operand is not None else f", {dims})"
    yield Proposal("squeeze the axis that is meant", (Edit(rest, text),))


def squeeze_each_named(
    trace: Trace, step: Step, axes: Sequence[int], place: int
) -> Iterator[Proposal]:
    """The same for all squeezes behind that name no axis and met a tensor without its batch.

    Args:
        trace: tells what comes behind.
        step: the squeeze that dropped the batch.
        axes: the others of 1 there.
        place: the axis of the batch there.
    """
    behind = [
        (one, [at + 1 for at, size in enumerate(one.inputs[0].shape) if size == 1])
        for one in trace.steps[step.index + 1 :]
        if one.op == "squeeze" and dim_of(one) is None and one.inputs
    ]
    if not behind or place != sum(axis < place for axis in axes):
        return
    edits: list[Edit] = []
    for one, dims in ((step, list(axes)), *behind):
        found = next(squeeze_named(one, dims), None)
        if found is None:
            return
        edits += found.edits
    yield Proposal("squeeze the axes that are meant", tuple(edits))


def without_call(step: Step) -> Iterator[Proposal]:
    """The tensor itself where a call on it does no good."""
    call = call_at(step.call_site)
    operand = None if call is None else call.receiver
    if call is not None and operand is None:
        operand = next(iter(call.node.args), None)
    if call is not None and operand is not None:
        yield Proposal(
            f"leave the {call.callee} away",
            (call.code.replace(call.node, call.code.text(operand)),),
            kind="away",
        )


def folded_again(trace: Trace, step: Step) -> list[Step]:
    """Later views that only repeat the rows a fold made: nothing is as they were meant."""
    rows = step.outputs[0].shape[:1]
    return [
        one
        for one in trace.steps[step.index + 1 :]
        if one.op in ("view", "reshape") and one.inputs and one.outputs
        if len(one.outputs[0].shape) == 2 and one.outputs[0].shape[:1] == rows
        if one.inputs[0].shape == one.outputs[0].shape
    ]


def every_step(trace: Trace, step: Step, again: Sequence[Step]) -> Iterator[Proposal]:
    """The folds left away: the layers behind take each step of each sample as well."""
    edits: list[Edit] = []
    for one in (step, *again):
        call = call_at(one.call_site)
        if call is None or call.receiver is None:
            return
        edits.append(call.code.replace(call.node, call.code.text(call.receiver)))
    yield Proposal(
        "leave the folds away: the layers behind take every step as it is",
        tuple(edits),
        kind="away",
    )


def repeat_each(step: Step, rank: int) -> Iterator[Proposal]:
    """`x.repeat(n, 1, 1)` as `x.repeat_interleave(n, dim=0)`: the copies of a sample together."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or call.receiver is None or len(nodes) != rank:
        return
    times, *others = [call.code.text(node) for node in nodes]
    if any(text.strip() != "1" for text in others):
        return
    text = f"{call.code.text(call.receiver)}.repeat_interleave({times}, dim=0)"
    yield Proposal("repeat each sample, not the whole batch", (call.code.replace(call.node, text),))


def swap_sizes(step: Step, sizes: Sequence[int], batch: int) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie: the batch first."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(sizes):
        return
    place = next((at for at, size in enumerate(sizes) if size == batch), None)
    if not place:
        return
    texts = [call.code.text(node) for node in nodes]
    ordered = [texts[place], *texts[:place], *texts[place + 1 :]]
    edits = tuple(
        call.code.replace(node, text)
        for node, text, old in zip(nodes, ordered, texts, strict=True)
        if text != old
    )
    yield Proposal("keep the batch first, as the values lie", edits, kind="order")


def permute_instead(step: Step, sizes: Sequence[int], made: Sequence[int]) -> Iterator[Proposal]:
    """Axes moved where a view only cut anew: its sizes are those of the input in another order."""
    call = call_at(step.call_site)
    if call is None or call.receiver is None or len(sizes) != len(made):
        return
    if len(set(sizes)) != len(sizes) or sorted(sizes) != sorted(made):
        return
    order = [list(sizes).index(size) for size in made]
    moved = [at for at, axis in enumerate(order) if at != axis]
    turn = f"permute({', '.join(map(str, order))})"
    if len(moved) == 2:
        turn = f"transpose({moved[0]}, {moved[1]})"
    text = f"{call.code.text(call.receiver)}.{turn}"
    yield Proposal(
        "move the axes: a view does not", (call.code.replace(call.node, text),), kind="permute"
    )


def split_then_move(step: Step, straight: Sequence[int], made: Sequence[int]) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie, and the axes moved behind it."""
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(made):
        return
    at = next(place for place, size in enumerate(made) if size != straight[place])
    one, two = call.code.text(nodes[at]), call.code.text(nodes[at + 1])
    end = call.span
    behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
    yield Proposal(
        f"split the last axis alone, then move axis {at + 1}",
        (
            call.code.replace(nodes[at], two),
            call.code.replace(nodes[at + 1], one),
            Edit(behind, f".transpose({at}, {at + 1})"),
        ),
        kind="permute",
    )


def apart_then_move(step: Step, order: Sequence[int], back: Sequence[int]) -> Iterator[Proposal]:
    """The sizes of a view in the order in which the values lie, and the axes moved behind it.

    Args:
        step: the view.
        order: which of its sizes stands where.
        back: the permutation that gives the sizes asked for.
    """
    call = call_at(step.call_site)
    nodes = [] if call is None else size_nodes(call)
    if call is None or len(nodes) != len(order):
        return
    texts = [call.code.text(node) for node in nodes]
    end = call.span
    behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
    moved = [at for at, axis in enumerate(back) if at != axis]
    turn = f".permute({', '.join(map(str, back))})"
    if len(moved) == 2:
        turn = f".transpose({moved[0]}, {moved[1]})"
    edits = tuple(
        call.code.replace(node, texts[axis])
        for node, axis, text in zip(nodes, order, texts, strict=True)
        if texts[axis] != text
    )
    yield Proposal("take the rows apart as they lie, then move the axes",
                   (*edits, Edit(behind, turn)), kind="permute")  # fmt: skip


def permute_first(step: Step, order: Sequence[int], message: str) -> Iterator[Proposal]:
    """Move the axes into the order in which a view merges them."""
    call = call_at(step.call_site)
    if call is None or call.receiver is None:
        return
    receiver = call.code.text(call.receiver)
    plain = isinstance(call.receiver, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    receiver = receiver if plain else f"({receiver})"
    text = call.code.text(call.node)
    rest = text[len(call.code.text(call.receiver)) :]
    if call.callee == "view":
        rest = rest.replace("view", "reshape", 1)
    moved = [at for at, axis in enumerate(order) if at != axis]
    if len(moved) == 2:
        turn = f".transpose({moved[0]}, {moved[1]})"
    else:
        turn = f".permute({', '.join(map(str, order))})"
    yield Proposal(message, (Edit(call.span, f"{receiver}{turn}{rest}"),), kind="permute")


def owner_method(trace: Trace, step: Step, name: str) -> bool:
    """Whether the class that calls a step has a method of this name."""
    spec = next((spec for spec in trace.modules if spec.path == step.path), None)
    found = None if spec is None else class_node(trace, spec.class_name)
    return found is not None and found[0].method(found[1].name, name) is not None


def dim_of(step: Step) -> int | None:
    """The axis that a call names."""
    if not isinstance(step.attrs, CallAttrs):
        return None
    dim = step.attrs.get("dim")
    if isinstance(dim, tuple) and len(dim) == 1:
        dim = dim[0]
    return dim if isinstance(dim, int) and not isinstance(dim, bool) else None
