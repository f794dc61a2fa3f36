"""A PackedSequence, rows of many samples without their padding, given to what takes a tensor."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import causing, declare
from shapescope.analysis.diagnosis.words import name_of, primary, shape_text
from shapescope.attrs import RecurrentAttrs
from shapescope.ops.recurrent import is_packed
from shapescope.trace import Step

PACKED = declare("packed-sequence", "a packed sequence is given to what takes a tensor")

_TORCH = "torch.nn.utils.rnn"


@causing
def packed_sequence(case: Case) -> Iterator[Finding]:
    """A layer or function that fails on what a recurrent layer made of a packed sequence."""
    step = case.failed
    if step is None or step.is_composite or isinstance(step.attrs, RecurrentAttrs):
        return
    maker = case.source(step)
    if maker is None or not is_packed(step):
        return
    recurrent = isinstance(maker.attrs, RecurrentAttrs)
    if not recurrent and maker.op != "pack_padded_sequence":
        return
    rows = shape_text(step.inputs[0].shape)
    why = f"its {rows} are the steps of all samples without padding, no batch x time x features"
    yield finding(
        PACKED,
        f"`{name_of(step)}` gets a PackedSequence where it takes a tensor",
        step=step,
        labels=(
            primary(step.call_site, f"the rows in it are {rows}"),
            label(
                maker.call_site,
                f"`{name_of(maker)}` was given one, and gives one back"
                if recurrent
                else "packed here",
            ),
        ),
        why=(why,),
        proposals=_unpacked(maker, step),
    )


def _unpacked(maker: Step, step: Step) -> Iterator[Proposal]:
    """The sequence padded to a tensor again, in a line behind the one that made it."""
    call, found = call_at(maker.call_site), operand_nodes(step.call_site)
    statement = None if call is None else call.code.statement(call.node)
    if call is None or found is None or not isinstance(statement, ast.Assign):
        return
    taken = next(iter(found[1]), None)
    if not isinstance(taken, ast.Name) or taken.id not in ast.unparse(statement.targets[0]):
        return
    function = call.code.module_name(f"{_TORCH}.pad_packed_sequence")
    if function is None:
        root = call.code.module_name("torch.nn")
        function = f"{root or 'torch.nn'}.utils.rnn.pad_packed_sequence"
    # what was packed has a time of its own: a layer reads a packed sequence either way
    turned = not (isinstance(maker.attrs, RecurrentAttrs) and not maker.attrs.batch_first)
    first = ", batch_first=True" if turned else ""
    line = f"{taken.id}, _ = {function}({taken.id}{first})"
    yield Proposal(
        "pad it to a tensor again", (call.code.insert_after(statement, line),), kind="unpack"
    )
