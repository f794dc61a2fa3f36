"""Edits that give the batch its axis back."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import chain_to, last_pool, source_of, spatial_axes
from shapescope.analysis.fixes.flatten import keep_batch
from shapescope.analysis.fixes.resample import adaptive_pool
from shapescope.analysis.fixes.sizes import size_nodes
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace

_LAYERS = ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer")


def flatten_per_sample(trace: Trace, step: Step) -> Iterator[Proposal]:
    """All axes but the batch flattened, instead of rows of a number that is written down."""
    edit = keep_batch(trace, step)
    if edit is not None:
        yield Proposal(
            "keep the batch and take what arrives", (edit,), kind="flatten", names_next=True
        )


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


def without_call(step: Step) -> Iterator[Proposal]:
    """The tensor itself where a call on it does no good."""
    call = call_at(step.call_site)
    operand = None if call is None else call.receiver
    if call is not None and operand is None:
        operand = next(iter(call.node.args), None)
    if call is not None and operand is not None:
        text = call.code.text(operand)
        edit = _without_statement(call, text) or call.code.replace(call.node, text)
        yield Proposal(f"leave the {call.callee} away", (edit,), kind="away")


def without_a_map(trace: Trace, step: Step) -> Iterator[Proposal]:
    """Rows as wide as there are channels: no map was meant to be left where they are made."""
    pool = last_pool(chain_to(trace, source_of(trace, step)))
    if pool is not None:
        yield from adaptive_pool(trace, pool, (1,) * spatial_axes(pool))
    yield from without_call(step)


def _without_statement(call: CallSource, operand: str) -> Edit | None:
    """The line taken out, where `x = x.view(...)` would become `x = x`."""
    statement = call.code.statement(call.node)
    alone = isinstance(statement, ast.Assign) and statement.value is call.node
    if not alone or not isinstance(statement, ast.Assign):
        return None
    if [call.code.text(target) for target in statement.targets] != [operand]:
        return None
    block = getattr(call.code.parent(statement), "body", ())
    if statement not in block or len(block) < 2:
        return None
    return call.code.remove(statement)


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
