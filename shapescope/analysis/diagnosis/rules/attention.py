"""Attention: the width of what arrives, its masks, and the axis that is time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.hidden import batch_first
from shapescope.analysis.diagnosis.rules.layers import (
    make_instead,
    maker_of,
    output_argument,
    width_maker,
)
from shapescope.analysis.diagnosis.rules.masks import wrong_mask
from shapescope.analysis.diagnosis.words import (
    arrive,
    here,
    name_of,
    operand_labels,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import (
    maker_of_attention,
    set_batch_first,
)
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import entered_through
from shapescope.analysis.fixes.turns import features_last, project_input
from shapescope.attrs import AttentionAttrs
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace

ATTENTION = declare("attention-shape", "query, key, value or mask of an attention do not fit")


@failing("multi_head_attention", "scaled_dot_product_attention")
def attention(case: Case) -> Iterator[Finding]:
    """Why an attention refuses query, key, value or a mask."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    trace, attrs = case.trace, step.attrs
    shapes = [ints(spec.shape) for spec in step.inputs]
    if not all(shapes[:2]):
        return  # a number has no features to attend with
    yield from wrong_mask(case, step)
    proposals: list[Proposal] = []
    labels: list[Label | None] = []
    why = [f"query {shape_text(shapes[0])}, key {shape_text(shapes[1])}"]
    message = (
        f"`{name_of(step)}` cannot attend from {shape_text(shapes[0])} to {shape_text(shapes[1])}"
    )
    if isinstance(attrs, AttentionAttrs):
        order = "batch x time" if attrs.batch_first else "time x batch"
        why.append(f"read as {order} x features; embed_dim = {attrs.embed_dim}")
        if shapes[0][-1:] != (attrs.embed_dim,):
            message = (
                f"`{name_of(step)}` takes {attrs.embed_dim} features, but {arrive(shapes[0][-1])}"
            )
            if len(shapes[0]) == 3 and shapes[0][1] == attrs.embed_dim:
                proposals += features_last(trace, step)
            if maker_of(trace, step) is None:
                proposals += project_input(trace, step, shapes[0][-1], attrs.embed_dim)
            proposals += set_argument(
                trace,
                step.path,
                "embed_dim",
                shapes[0][-1],
                f"take the {shapes[0][-1]} that arrive",
            )
            proposals += make_instead(trace, maker_of(trace, step), attrs.embed_dim)
            labels += _width_labels(trace, step, attrs.embed_dim, shapes[0][-1])
        elif shapes[1][-1:] != (attrs.kdim,):
            given = shapes[1][-1]
            message = f"`{name_of(step)}` takes keys of {attrs.kdim} features, but {arrive(given)}"
            maker = width_maker(trace, step, 1)
            labels += _key_labels(trace, maker, given)
            proposals += make_instead(trace, maker, attrs.kdim)
            proposals += project_input(trace, step, given, attrs.kdim, position=1)
            call = constructor_of(trace, step.path)
            if call is not None:
                edits = (call.set("kdim", str(given)), call.set("vdim", str(given)))
                proposals += [_joined(f"take keys and values of {given} features", edits)]
        elif not attrs.batch_first:
            proposals += batch_first(trace, step.path)
    if len(shapes) > 3:
        proposals += _turned(step)
    yield finding(
        ATTENTION,
        message,
        step=step,
        labels=(
            primary(
                step.call_site,
                here(step) if entered_through(trace, step) else operand_labels(step),
            ),
            *labels,
            argument_label(trace, step.path, "embed_dim", "") if step.kind == "module" else None,
        ),
        why=why,
        proposals=proposals,
    )


@failing("module")
def transformer(case: Case) -> Iterator[Finding]:
    """Why nn.Transformer refuses source and target before it runs."""
    step = case.failed
    if step is None or step.class_name != "Transformer" or len(step.inputs) < 2:
        return
    trace = case.trace
    source, target = (ints(spec.shape) for spec in step.inputs[:2])
    call = maker_of_attention(trace, step.path)
    if len(source) != 3 or len(target) != 3 or call is None:
        return
    first = _is_set(call, "batch_first")
    place = 0 if first else 1
    if source[place] == target[place]:
        return
    order = "batch x time" if first else "time x batch"
    yield finding(
        ATTENTION,
        f"`{name_of(step)}` reads a batch of {source[place]} from {shape_text(source)} and one of "
        f"{target[place]} from {shape_text(target)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            None if first else label(call.span, "batch_first is left out, and is False"),
        ),
        why=(
            f"source {shape_text(source)}, target {shape_text(target)}",
            f"read as {order} x features: axis {place} is the batch",
        ),
        proposals=() if first else set_batch_first(trace, step.path),
    )


def _is_set(call: CallSource, name: str) -> bool:
    node = call.argument(name)
    return isinstance(node, ast.Constant) and node.value is True


def _width_labels(trace: Trace, step: Step, wanted: int, given: int) -> Iterator[Label | None]:
    """Where the width of an attention and that of what arrives are written."""
    call = maker_of_attention(trace, step.path)
    name = "embed_dim" if call is not None and call.callee == "MultiheadAttention" else "d_model"
    node = None if call is None else call.argument(name)
    if call is not None and node is not None:
        yield label(call.code.span(node), f"{name} = {wanted}")
    maker = maker_of(trace, step)
    argument = None if maker is None else output_argument(maker)
    if maker is not None and argument == "out_channels":
        yield label(maker.call_site, f"makes {shape_text(maker.outputs[0].shape)}")
    elif maker is not None and argument is not None:
        text = f"`{name_of(maker)}` makes {given}"
        yield argument_label(trace, maker.path, argument, text)


def _key_labels(trace: Trace, maker: Step | None, given: int) -> Iterator[Label | None]:
    """Where the width of the keys is written."""
    argument = None if maker is None else output_argument(maker)
    if maker is not None and argument is not None:
        yield argument_label(trace, maker.path, argument, f"`{name_of(maker)}` makes {given}")


def _joined(message: str, edits: tuple[Edit, ...]) -> Proposal:
    """Several keywords added at one place, as one edit."""
    first = edits[0]
    if all(edit.span == first.span for edit in edits):
        edits = (Edit(first.span, "".join(edit.replacement for edit in edits)),)
    return Proposal(message, edits, kind="consumer")


def _turned(step: Step) -> Iterator[Proposal]:
    """Each mask with its two axes swapped, one at a time."""
    found = operand_nodes(step.call_site)
    call = call_at(step.call_site)
    if found is None or call is None:
        return
    for keyword in call.node.keywords:
        if keyword.arg in ("key_padding_mask", "attn_mask"):
            text = call.code.text(keyword.value)
            yield Proposal(
                "turn the mask", (call.code.replace(keyword.value, f"{text}.transpose(0, 1)"),),
                kind="mask",
            )  # fmt: skip
