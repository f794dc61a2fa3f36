"""The mask of an attention: made for the batch instead of the time, turned, or of other axes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.code.helpers import calls_in
from shapescope.analysis.code.owners import is_self
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.intent import time_is_first
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.tables import constants_of
from shapescope.analysis.diagnosis.words import name_of, primary, shape_text
from shapescope.analysis.fixes.batch import set_batch_first
from shapescope.analysis.fixes.flatten import is_own, own_call
from shapescope.attrs import AttentionAttrs
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace

MASK = declare("mask-shape", "the mask of an attention does not fit its queries and keys")

_PADDING = {
    "TransformerEncoder": "src_key_padding_mask",
    "TransformerEncoderLayer": "src_key_padding_mask",
    "MultiheadAttention": "key_padding_mask",
}


def wrong_mask(case: Case, step: Step) -> Iterator[Finding]:
    """A mask of `multi_head_attention` that is none of the shapes it takes."""
    attrs = step.attrs
    query, keys = ints(step.inputs[0].shape), ints(step.inputs[1].shape)
    if not isinstance(attrs, AttentionAttrs) or len(query) != 3 or len(keys) != 3:
        return
    if query[-1] != attrs.embed_dim or keys[-1] != attrs.kdim:
        return
    time = 1 if attrs.batch_first else 0
    batch, steps, others = query[1 - time], query[time], keys[time]
    takes = {(steps, others), (batch, others), (batch * attrs.num_heads, steps, others)}
    for place in range(3, len(step.inputs)):
        shape = ints(step.inputs[place].shape)
        own = _entrance(case.trace, own_call(case.trace, step))
        if not is_own(own.call_site) or (shape in takes and not _is_padding(own, shape, steps)):
            continue
        wanted, meant = f"{steps} x {others}", "mask"
        if (names := _names(own)) and all("padding" in name for name in names):
            wanted, meant = f"{batch} x {others}", "padding mask"
        maker = _maker(case.trace, step, place)
        fixed = _fixed_length(case.trace, step, place, (steps, others))
        yield finding(
            MASK,
            f"`{name_of(step)}` takes a {meant} of {wanted}, but {shape_text(shape)} arrives",
            step=step,
            labels=(
                primary(own.call_site, f"the mask is {shape_text(shape)} here"),
                None
                if maker is None
                else label(maker.call_site, f"{shape_text(maker.outputs[0].shape)} is made here"),
                *(Label(code.span(node), f"made for {shape[0]} steps") for code, node in fixed[:2]),
            ),
            why=(
                f"{steps} queries look at {others} keys: {steps} x {others}, for all samples alike",
                f"a padding mask is batch x keys, {batch} x {others}",
            ),
            proposals=(
                *_other_reading(case.trace, step, shape, (batch, steps, others)),
                *(
                    Proposal(
                        f"make the mask for {steps} steps",
                        (code.replace(node, str(steps)),),
                        kind="longer",
                    )
                    for code, node in fixed
                ),
                *_cut(own, shape, (steps, others), time),
                *_proposals(own, maker, shape, (batch, steps, others), attrs),
            ),
        )
        return


def _fixed_length(
    trace: Trace, step: Step, place: int, wanted: tuple[int, int]
) -> list[tuple[Code, ast.expr]]:
    """Where a constructor writes the length of a square mask that it makes too small."""
    name, shape = step.inputs[place].name, ints(step.inputs[place].shape)
    if name is None or len(shape) != 2 or shape[0] != shape[1] or wanted[0] != wanted[1]:
        return []
    if shape[0] >= wanted[0]:
        return []
    return list(constants_of(trace, name.rpartition(".")[0], shape[0]))


def _cut(
    own: Step, shape: tuple[int, ...], wanted: tuple[int, int], time: int
) -> Iterator[Proposal]:
    """The corner of a mask that was made for longer sequences: `mask[:n, :n]`."""
    call = call_at(own.call_site)
    if call is None or len(shape) != 2 or shape[0] != shape[1] or shape[0] <= max(wanted):
        return
    given = [node for node in call.node.args[:2] if isinstance(node, ast.Name)]
    if not given or wanted[0] != wanted[1]:
        return
    length = f"{given[0].id}.size({time})"
    for node in _mask_nodes(call):
        if isinstance(node, ast.Name | ast.Attribute):
            text = f"{call.code.text(node)}[:{length}, :{length}]"
            message = "cut the mask to the length that arrives"
            yield Proposal(message, (call.code.replace(node, text),), kind="mask")


def _entrance(trace: Trace, step: Step) -> Step:
    """The outermost module that was entered by the same call of the user's."""
    while step.parent is not None and trace.steps[step.parent].call_site == step.call_site:
        step = trace.steps[step.parent]
    return step


def _is_padding(own: Step, shape: tuple[int, ...], steps: int) -> bool:
    """Whether a row for each sample was given where a row for each query is read."""
    named = [name for name in _names(own) if "padding" in name]
    return own.call_site is not None and len(shape) == 2 and shape[0] != steps and not named


def _names(own: Step) -> list[str]:
    """The names under which a call hands masks over."""
    call = call_at(own.call_site)
    keywords = [] if call is None else [one.arg or "" for one in call.node.keywords]
    return [name for name in keywords if "mask" in name]


def _maker(trace: Trace, step: Step, place: int) -> Step | None:
    """The first step on the way of a mask that the user wrote: where its size was decided."""
    maker = source_of(trace, step, place)
    found = None
    while maker is not None:
        if is_own(maker.call_site):
            found = maker
        maker = source_of(trace, maker)
    return found


def _other_reading(
    trace: Trace, step: Step, shape: tuple[int, ...], sizes: tuple[int, int, int]
) -> Iterator[Proposal]:
    """`batch_first=True` where the mask fits what axis 1 counts."""
    batch, steps, others = sizes
    first = isinstance(step.attrs, AttentionAttrs) and step.attrs.batch_first
    fits = steps == others and shape in ((batch, batch), (steps, batch))
    if fits and not first and not time_is_first(trace):
        yield from set_batch_first(trace, step.path)


def _proposals(
    own: Step,
    maker: Step | None,
    shape: tuple[int, ...],
    sizes: tuple[int, int, int],
    attrs: AttentionAttrs,
) -> Iterator[Proposal]:
    batch, steps, others = sizes
    call = call_at(own.call_site)
    if call is None:
        return
    if shape == (batch, others):
        yield from _as_padding(own, call)
    if maker is not None and len(shape) == 2:
        yield from _along_time(call, maker, 1 if attrs.batch_first else 0)
    rows = f".repeat_interleave({attrs.num_heads}, dim=0)"
    for method, message, fits in (
        (".transpose(0, 1)", "turn the mask", shape == (others, batch)),
        ("[0]", "take the one mask for all samples", shape == (1, steps, others)),
        (".squeeze(1)" + rows, "give each head of a sample its mask",
         shape == (batch, 1, steps, others)),
        (rows, "give each head of a sample its mask", shape == (batch, steps, others)),
        ("[:, 0, 0]", "a row for each sample", shape == (batch, 1, 1, others)),
        ("[:, 0]", "a row for each sample", shape == (batch, 1, others)),
    ):  # fmt: skip
        if fits:
            for node in _mask_nodes(call):
                turned = _turned_back(call.code, node) if method.startswith(".transpose") else None
                if turned is not None:
                    yield Proposal("do not turn the mask", (turned,), kind="mask")
                    continue
                text = call.code.text(node)
                plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
                changed = f"{text if plain else f'({text})'}{method}"
                yield Proposal(message, (call.code.replace(node, changed),), kind="mask")


def _mask_nodes(call: CallSource) -> list[ast.expr]:
    """What a call is given as a mask: by such a keyword, else behind its first argument."""
    named = [one.value for one in call.node.keywords if "mask" in (one.arg or "")]
    return named or list(call.node.args[1:])


def _turned_back(code: Code, node: ast.expr) -> Edit | None:
    """A mask without the turn that is written behind it: `mask` for `mask.t()` or `mask.T`."""
    called = isinstance(node, ast.Call)
    turn = node.func if isinstance(node, ast.Call) else node
    if not isinstance(turn, ast.Attribute) or is_self(turn.value):
        return None
    turns = turn.attr in (("t", "transpose") if called else ("T", "mT"))
    return code.replace(node, code.text(turn.value)) if turns else None


def _as_padding(own: Step, call: CallSource) -> Iterator[Proposal]:
    """`mask` handed over by the name under which it masks keys for each sample."""
    name = _PADDING.get(own.class_name or "", "key_padding_mask")
    first = 3 if name == "key_padding_mask" else 1
    for node in call.node.args[first:]:
        text = f"{name}={call.code.text(node)}"
        yield Proposal(f"hand it over as {name}", (call.code.replace(node, text),), kind="mask")
    for keyword in call.node.keywords:
        if "mask" in (keyword.arg or "") and "padding" not in (keyword.arg or ""):
            text = f"{name}={call.code.text(keyword.value)}"
            span = call.code.span(keyword.value)
            width = len(keyword.arg or "") + 1
            edit = call.code.replace(keyword.value, text)
            whole = type(span)(
                span.file, span.line, span.column - width, span.end_line, span.end_column
            )
            yield Proposal(f"hand it over as {name}", (type(edit)(whole, text),), kind="mask")


def _along_time(call: CallSource, maker: Step, time: int) -> Iterator[Proposal]:
    """The length that a mask is made for, read along the time instead of the batch."""
    code = call.code
    around = code.function(call.node)
    places: list[ast.AST] = [] if around is None else [around]
    made = call_at(maker.call_site)
    helper = None if made is None else made.code.function(made.node)
    for place in places:
        nodes: list[ast.AST] = []
        if helper is not None and helper is not around:
            nodes += [one.node for one in calls_in(code, place, helper.name)]
        if made is not None and helper is around:
            nodes.append(made.node)
        nodes += [one for one in ast.walk(place) if isinstance(one, ast.Assign)]
        for node in nodes:
            for inner in ast.walk(node):
                text = _other_axis(code, inner, time)
                if text is not None and isinstance(inner, ast.expr):
                    yield Proposal(
                        f"make the mask for the steps: `{text}`",
                        (code.replace(inner, text),),
                        kind="mask",
                    )


def _other_axis(code: Code, node: ast.AST, time: int) -> str | None:
    """`x.size(1)` for `len(x)`, `x.size(0)` or `x.shape[0]`."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        function, given = node.func, node.args[0]
        if isinstance(function, ast.Name) and function.id == "len" and time == 1:
            return f"{code.text(given)}.size(1)"
        if isinstance(function, ast.Attribute) and function.attr == "size":
            old = given.value if isinstance(given, ast.Constant) else None
            return f"{code.text(function)}({time})" if old == 1 - time else None
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        old = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if node.value.attr == "shape" and old == 1 - time:
            return f"{code.text(node.value)}[{time}]"
    return None
