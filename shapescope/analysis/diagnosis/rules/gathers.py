"""A gather whose index has another number of axes than the tensor it takes from."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import plural, primary, shape_text
from shapescope.diagnostic import Edit
from shapescope.trace import Step

INDEX = declare("gather-index", "a gather's index has not as many axes as what it takes from")


@failing("gather", "scatter", "scatter_add", "take_along_dim")
def index_rank(case: Case) -> Iterator[Finding]:
    """An index without the axis along which values are picked."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    sizes, index = (ints(spec.shape) for spec in step.inputs[:2])
    if not sizes or len(index) == len(sizes):
        return
    yield finding(
        INDEX,
        f"the index has {plural(len(index), 'axis', 'axes')}, but {shape_text(sizes)} has "
        f"{len(sizes)}",
        step=step,
        labels=(primary(step.call_site, f"the index is {shape_text(index)} here"),),
        why=(
            (
                f"`{step.op}` reads an index for each value it gives, in a tensor of as many axes: "
                f"{shape_text(index)} against {shape_text(sizes)}"
            ),
        ),
        proposals=_proposals(step, sizes, index),
    )


def _proposals(step: Step, sizes: tuple[int, ...], index: tuple[int, ...]) -> Iterator[Proposal]:
    """An axis of 1 for the index; as a second way, dropped again behind."""
    call = call_at(step.call_site)
    node = None if call is None else _index_node(call)
    axis = None if call is None else _axis(call, len(sizes))
    if call is None or node is None or axis is None or len(index) != len(sizes) - 1:
        return
    text = call.code.text(node)
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    grown = f"{text if plain else f'({text})'}.unsqueeze({axis})"
    edit = call.code.replace(node, grown)
    yield Proposal(f"give the index axis {axis}", (edit,), kind="index")
    if step.op == "gather":
        end = call.span
        behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
        yield Proposal(
            f"give the index axis {axis}, and drop it from what is taken",
            (edit, Edit(behind, f".squeeze({axis})")),
            kind="index and back",
        )


def _arguments(call: CallSource) -> list[ast.expr]:
    """The arguments behind the tensor: the axis first, then the index."""
    return list(call.node.args) if call.receiver is not None else list(call.node.args[1:])


def _index_node(call: CallSource) -> ast.expr | None:
    named = next((one.value for one in call.node.keywords if one.arg == "index"), None)
    given = _arguments(call)
    dim_named = any(one.arg == "dim" for one in call.node.keywords)
    place = 0 if dim_named else 1
    return named if named is not None else given[place] if place < len(given) else None


def _axis(call: CallSource, rank: int) -> int | None:
    """The axis that a gather names, counted from the front."""
    named = next((one.value for one in call.node.keywords if one.arg == "dim"), None)
    given = _arguments(call)
    node = named if named is not None else given[0] if given else None
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None
    return value % rank if isinstance(value, int) else None
