"""A resize to sizes for other axes than the map has."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import name_of, operand_labels, plural, primary, shape_text
from shapescope.attrs import ResizeAttrs
from shapescope.trace import Step

SIZES = declare("resize-sizes", "a map is to be resized to more or fewer sizes than it has axes")


@failing("interpolate")
def other_axes(case: Case) -> Iterator[Finding]:
    """Sizes or factors for another number of axes than follow the channels."""
    step = case.failed
    if step is None or not isinstance(step.attrs, ResizeAttrs) or not step.inputs:
        return
    sizes, wanted = ints(step.inputs[0].shape), step.attrs.size or step.attrs.scale_factor
    if wanted is None or len(sizes) < 3 or len(wanted) == len(sizes) - 2:
        return
    argument = "size" if step.attrs.size else "scale_factor"
    given = plural(len(wanted), "number")
    yield finding(
        SIZES,
        f"`{name_of(step)}` gets {given} as `{argument}`, but {shape_text(sizes)} has "
        f"{plural(len(sizes) - 2, 'axis', 'axes')} behind its channels",
        step=step,
        labels=(primary(step.call_site, operand_labels(step)),),
        why=(
            (
                f"{argument} = {', '.join(f'{one:g}' for one in wanted)}; "
                f"{' x '.join(map(str, sizes[2:]))} is what is resized"
            ),
        ),
        proposals=_proposals(step, len(sizes) - 2),
    )


def _proposals(step: Step, axes: int) -> Iterator[Proposal]:
    """The last sizes alone: `x.shape[2:]` for `x.shape` or `x.shape[1:]`."""
    call = call_at(step.call_site)
    node = None if call is None else call.argument("size") or _keyword(call.node, "size")
    if call is None or node is None:
        return
    shape = node.value if isinstance(node, ast.Subscript) else node
    written = call.code.text(shape.func if isinstance(shape, ast.Call) else shape)
    if written.endswith((".shape", ".size")):
        text = f"{call.code.text(shape)}[-{axes}:]"
    elif isinstance(shape, ast.Tuple) and len(shape.elts) > axes:
        inner = ", ".join(call.code.text(one) for one in shape.elts[-axes:])
        text = f"({inner},)" if axes == 1 else f"({inner})"
    else:
        return
    yield Proposal(
        "resize to the height and width alone" if axes == 2 else "resize the last axes alone",
        (call.code.replace(node, text),),
        kind="sizes",
    )


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)
