"""Edits of a recurrent state: its layers, its width, or no state at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at, constructor_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import source_of
from shapescope.analysis.diagnosis.words import name_of
from shapescope.analysis.fixes.operands import wrap
from shapescope.attrs import RecurrentAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import Step, Trace


def layer_axis(step: Step) -> Iterator[Proposal]:
    """An axis of one layer for states that are batch x features."""
    edits: list[Edit] = []
    for position in range(1, len(step.inputs)):
        made = wrap(step, position, "", ".unsqueeze(0)")
        if made is None:
            return
        edits.append(made[0].replace(made[1], made[2]))
    if edits:
        yield Proposal("give the states their axis of layers", tuple(edits), kind="state")


def as_wide(trace: Trace, step: Step, given: int, wanted: int) -> Iterator[Proposal]:
    """Every state as wide as the layer, where it is made."""
    edits: list[Edit] = []
    for position in range(1, len(step.inputs)):
        maker = source_of(trace, step, position)
        call = None if maker is None else call_at(maker.call_site)
        if call is None:
            return
        nodes = list(call.node.args)
        if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
            nodes = list(nodes[0].elts)
        if len(nodes) < 3:
            return
        text = call.code.text(nodes[2])
        named = isinstance(nodes[2], ast.Name | ast.Attribute)
        if named and given % wanted == 0:
            text = f"{text} // {given // wanted}"
        elif named and wanted % given == 0:
            text = f"{text} * {wanted // given}"
        else:
            text = str(wanted)
        edits.append(call.code.replace(nodes[2], text))
    if edits:
        yield Proposal(f"make the state {wanted} wide", tuple(dict.fromkeys(edits)), kind="width")


def as_deep(trace: Trace, step: Step, position: int, wanted: tuple[int, ...]) -> Iterator[Proposal]:
    """The state as deep as the layer, where it is made."""
    maker = source_of(trace, step, position)
    call = None if maker is None else call_at(maker.call_site)
    if call is None or not call.node.args:
        return
    node = call.node.args[0]
    if isinstance(node, ast.Tuple | ast.List) and node.elts:
        node = node.elts[0]
    written = call.code.text(node)
    doubled = f"{written} * 2" if isinstance(node, ast.Name | ast.Attribute) else str(wanted[0])
    for text in (doubled, str(wanted[0])):
        yield Proposal(
            f"make the state {wanted[0]} deep", (call.code.replace(node, text),), kind="state"
        )


def without_state(step: Step) -> Iterator[Proposal]:
    """Leave the state away: the layer starts with zeros of the right size."""
    call = call_at(step.call_site)
    if call is None or len(call.node.args) != 2 or call.node.keywords:
        return
    function = call.code.text(call.node.func)
    text = f"{function}({call.code.text(call.node.args[0])})"
    yield Proposal(
        "leave the state away: it starts as zeros of the right size",
        (call.code.replace(call.node, text),),
        kind="stateless",
        follow=False,
    )


_ZEROS = ("zeros", "new_zeros", "zeros_like")
_CARRIES = frozenset(
    {"to", "unsqueeze", "expand", "repeat", "view", "reshape", "transpose", "permute", "clone",
     "detach", "requires_grad_", "contiguous", "getitem", "squeeze"}
)  # fmt: skip


def starts_as_zeros(trace: Trace, step: Step, position: int) -> bool:
    """Whether a state is zeros made on the way, or kept by the model: nothing would be lost.

    A state that was computed, or that the model is given, says something.
    """
    maker = source_of(trace, step, position)
    if maker is None:
        return step.inputs[position].name not in {spec.name for spec in trace.inputs}
    while maker is not None and maker.op in _CARRIES:
        maker = source_of(trace, maker)
    return maker is not None and maker.op in _ZEROS


def one_way(trace: Trace, maker: Step, attrs: RecurrentAttrs) -> Iterator[Proposal]:
    """An encoder that reads both ways, made to read one way as the layer that takes its state."""
    call = constructor_of(trace, maker.path)
    node = None if call is None else call.argument("bidirectional")
    both = isinstance(maker.attrs, RecurrentAttrs) and maker.attrs.bidirectional
    if call is not None and node is not None and both and not attrs.bidirectional:
        yield Proposal(
            f"let `{name_of(maker)}` read one way, as the layer that takes its state",
            (call.code.replace(node, "False"),),
            kind="layers",
        )
