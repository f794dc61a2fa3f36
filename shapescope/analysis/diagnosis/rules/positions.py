"""Tables of positions: too short for the sequence, or laid along another axis."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import isqrt

from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.built_for import customary_sizes, sizes_giving
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import chain_to, ints, source_of
from shapescope.analysis.diagnosis.registry import declare
from shapescope.analysis.diagnosis.rules.tables import (
    constants_of,
    full_shape,
    longer,
    scaled,
    table_labels,
)
from shapescope.analysis.diagnosis.words import arrive, operand_labels, primary, shape_text
from shapescope.analysis.fixes.operands import wrap
from shapescope.analysis.fixes.resample import feed, resize_input
from shapescope.analysis.fixes.tables import one_more
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace

SHORT = declare("position-table-short", "a table of positions has fewer rows than the sequence")
LAYOUT = declare(
    "position-table-layout", "a table of positions lies along another axis than the sequence"
)

_CARRY = frozenset(
    {"getitem", "unsqueeze", "transpose", "permute", "to", "expand", "narrow", "view", "reshape",
     "repeat", "squeeze", "detach", "clone", "index_select", "slice", "requires_grad_"}
)  # fmt: skip


def table_of(trace: Trace, step: Step, position: int) -> str | None:
    """The buffer or parameter that an input is a part of, if it is nothing else."""
    known = {spec.name for spec in trace.buffers} | {param.name for param in trace.params}
    current, place = step, position
    while True:
        spec = current.inputs[place]
        if spec.name is not None:
            return spec.name if spec.name in known else None
        maker = source_of(trace, current, place)
        if maker is None or maker.op not in _CARRY or not maker.inputs:
            return None
        current, place = maker, 0


def position_findings(case: Case, step: Step) -> Iterator[Finding]:
    """What is wrong with a table that is added to, or multiplied with, a sequence."""
    trace = case.trace
    if len(step.inputs) != 2:
        return
    for place in (0, 1):
        name = table_of(trace, step, place)
        if name is None or table_of(trace, step, 1 - place) is not None:
            continue
        table = ints(step.inputs[place].shape)
        data = ints(step.inputs[1 - place].shape)
        if not table or not data or len(table) < 2:
            continue
        if step.op in ("mul", "div") and sum(size > 1 for size in table) < 2:
            continue  # a factor for each channel
        padded = (*(1,) * (len(data) - len(table)), *table)
        if len(padded) != len(data):
            continue
        wrong = [axis for axis in range(len(data)) if padded[axis] not in (1, data[axis])]
        if len(wrong) != 1:
            continue
        axis = wrong[0]
        along = [
            other
            for other in range(len(data))
            if padded[other] == 1 and data[other] == padded[axis]
        ]
        if along and axis == 0 and len(data) > 2:
            yield layout_finding(case, step, place, name, axis, along[0], silent=False)
        elif padded[axis] < data[axis] and full_shape(trace, name):
            yield _short(case, step, place, name, axis, padded[axis], data)
        return


def layout_finding(
    case: Case, step: Step, place: int, name: str, axis: int, along: int, *, silent: bool
) -> Finding:
    """A table whose rows meet the batch instead of the sequence."""
    from shapescope.diagnostic import Severity

    trace = case.trace
    table, data = step.inputs[place].shape, step.inputs[1 - place].shape
    short = name.rpartition(".")[2]
    rows = table[0]
    if silent:
        message = f"`{short}` gives each sample of the batch the code of another position"
    else:
        message = f"`{short}` lies along axis {axis}, but the sequence is axis {along}"
    return finding(
        LAYOUT,
        message,
        severity=Severity.WARNING if silent else Severity.ERROR,
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            *table_labels(trace, name),
        ),
        why=(
            (
                f"{shape_text(table)} against {shape_text(data)}: axis {axis} is the batch of "
                f"{data[axis]}, and the {rows} rows of `{short}` stand there; "
                f"the sequence of {data[along]} is axis {along}"
            ),
        ),
        notes=(
            (
                f"`{short}` is {shape_text(full_shape(trace, name))}: positions first, as for"
                " tensors with the sequence on axis 0"
            ),
        ),
        proposals=_layout_proposals(trace, step, place, axis, along),
    )


def _layout_proposals(
    trace: Trace, step: Step, place: int, axis: int, along: int
) -> Iterator[Proposal]:
    """Slice by the length of the sequence, and turn what was sliced."""
    made = wrap(step, place, "", f".transpose({axis}, {along})")
    if made is None:
        return
    code, node, text = made
    turned = _by_axis(code, node, text, along)
    yield Proposal(
        f"take a row for each position, and turn them to axis {along}",
        (code.replace(node, turned),),
        kind="layout",
    )
    if turned != text:
        yield Proposal(f"turn the rows to axis {along}", (code.replace(node, text),), kind="layout")


def _by_axis(code: Code, node: ast.expr, text: str, along: int) -> str:
    """The text with `.size(0)` or `.shape[0]` in it read along the sequence."""
    for inner in ast.walk(node):
        old = None
        func = inner.func if isinstance(inner, ast.Call) and len(inner.args) == 1 else None
        value = inner.value if isinstance(inner, ast.Subscript) else None
        if isinstance(inner, ast.Call) and isinstance(func, ast.Attribute) and func.attr == "size":
            old, new = code.text(inner), f"{code.text(func)}({along})"
        if isinstance(inner, ast.Subscript) and isinstance(value, ast.Attribute):
            old = code.text(inner) if value.attr == "shape" else None
            new = f"{code.text(value)}[{along}]"
        if old is not None and old in text:
            return text.replace(old, new)
    return text


def _short(
    case: Case,
    step: Step,
    place: int,
    name: str,
    axis: int,
    rows: int,
    data: tuple[int, ...],
) -> Finding:
    trace = case.trace
    short = name.rpartition(".")[2]
    needed = data[axis]
    full = full_shape(trace, name)
    constants = list(constants_of(trace, name.rpartition(".")[0], rows))
    cut = full != ints(step.inputs[place].shape) or _is_sliced(trace, step, place)
    built = _built_for(trace, step, 1 - place, rows, needed)
    note = None
    if built is not None:
        note = f"{rows} positions are what a {shape_text(built)} input gives"
    why = [f"axis {axis}: {rows} != {needed}"]
    if cut:
        why.append(
            f"a slice beyond the end of `{short}` ({shape_text(full)}) gives the {rows} rows "
            "there are, and raises nothing"
        )
    return finding(
        SHORT,
        f"`{short}` holds {rows} positions, but {arrive(needed)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            *(Label(code.span(node), f"{rows} positions") for code, node in constants[:2]),
            *table_labels(trace, name),
        ),
        why=why,
        notes=(note,),
        proposals=(
            *longer(constants, needed),
            *one_more(trace, name, rows, needed),
            *scaled(trace, name, rows, needed),
            *(resize_input(trace, built) if built is not None else ()),
            *(feed(trace, built) if built is not None else ()),
        ),
    )


def _is_sliced(trace: Trace, step: Step, place: int) -> bool:
    maker = source_of(trace, step, place)
    return maker is not None and maker.op == "getitem"


def _built_for(
    trace: Trace, step: Step, place: int, rows: int, needed: int
) -> tuple[int, ...] | None:
    """The input size whose map has as many places as the table has rows."""
    chain = chain_to(trace, step, place)
    for flat in reversed(chain):
        if flat.op not in ("flatten", "reshape", "view") or not flat.inputs or not flat.outputs:
            continue
        maps = ints(flat.inputs[0].shape)[2:]
        if len(maps) != 2 or maps[0] != maps[1]:
            continue
        area = rows - (needed - maps[0] * maps[1])
        side = isqrt(max(area, 0))
        if side < 1 or side * side != area:
            continue
        ranges = sizes_giving(chain_to(trace, source_of(trace, flat)), 2, (side, side))
        return None if ranges is None else customary_sizes(ranges)
    return None
