"""Another name in the place of one that was written: a layer left over, a value that fits."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from shapescope.analysis.code import call_at, constructor_of
from shapescope.analysis.code.source import Code, Function
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import ints
from shapescope.analysis.diagnosis.words import shape_text
from shapescope.analysis.fixes.flatten import entered_through
from shapescope.analysis.fixes.operands import operand_of
from shapescope.attrs import ConvAttrs, LinearAttrs, RecurrentAttrs
from shapescope.trace import Step, Trace

_WIDTHS = {
    LinearAttrs: ("in_features", "out_features"),
    ConvAttrs: ("in_channels", "out_channels"),
    RecurrentAttrs: ("input_size", "hidden_size"),
}
"""What a layer takes and what it makes, as attributes and as arguments of its constructor."""


def spare_layer(trace: Trace, step: Step) -> Iterator[Proposal]:
    """The neighbour of the same class that no line calls, where this layer was called before."""
    call = call_at(step.call_site) if step.kind == "module" else None
    before = any(
        one.path == step.path and one.kind == "module" and one.call_site != step.call_site
        for one in trace.steps[: step.index]
    )
    if call is None or not before:
        return
    function, cls = call.node.func, call.code.class_of(call.node)
    if cls is None or not isinstance(function, ast.Attribute):
        return
    read = {
        node.attr
        for node in ast.walk(cls)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    kinds = {spec.path: spec.class_name for spec in trace.modules}
    above, _, own = step.path.rpartition(".")
    for path, kind in kinds.items():
        owner, _, name = path.rpartition(".")
        alike = owner == above and kind == kinds.get(step.path)
        if alike and name not in read and function.attr == own:
            text = f"{call.code.text(function.value)}.{name}"
            yield Proposal(
                f"call `{name}`, which no line calls",
                (call.code.replace(function, text),),
                kind="name",
            )


def as_convolution(trace: Trace, step: Step, axes: int) -> Iterator[Proposal]:
    """A linear layer over the channels of a map as what it is: a convolution of windows of 1.

    Among the entries of a container alone, where something behind it may take the map.
    """
    if not entered_through(trace, step):
        return
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    if call is None or call.callee != "Linear" or len(call.node.args) != 2 or call.node.keywords:
        return
    function = call.code.text(call.node.func).removesuffix("Linear")
    taken, made = (call.code.text(node) for node in call.node.args)
    text = f"{function}Conv{axes}d({taken}, {made}, 1)"
    yield Proposal(
        f"a convolution of windows of 1 does it at each place: {text}",
        (call.code.replace(call.node, text),),
        kind="convolution",
    )


def swapped_numbers(
    trace: Trace, step: Step, arriving: int, *, alone: bool = True
) -> Iterator[Proposal]:
    """`nn.Linear(sizes[i], sizes[i + 1])` where the two stand the wrong way round.

    Args:
        trace: tells where the layer was made.
        step: the layer that refuses its input.
        arriving: how many features or channels it gets.
        alone: nothing else may have to change; what goes on with a swap is the less likely mend.
    """
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    names = _WIDTHS.get(type(step.attrs))
    if call is None or names is None or getattr(step.attrs, names[1]) != arriving:
        return
    taken, made = (call.argument(name) for name in names)
    if taken is None or made is None:
        return
    one, two = call.code.text(taken), call.code.text(made)
    yield Proposal(
        "swap its two numbers",
        (call.code.replace(taken, two), call.code.replace(made, one)),
        kind="swap",
        follow=not alone,
    )


def value_that_fits(
    trace: Trace, step: Step, position: int, fits: Callable[[tuple[int, ...]], bool]
) -> Iterator[Proposal]:
    """Another variable of the same function, whose value has a shape that fits.

    Args:
        trace: tells which step made what.
        step: the call that failed.
        position: of the operand that is not the one that was meant.
        fits: whether a shape would do.
    """
    found = operand_of(step, position)
    if found is None:
        return
    code, node = found
    function = code.function(node)
    if function is None or not isinstance(node, ast.Name):
        return
    operands = [operand_of(step, place) for place in range(len(step.inputs))]
    others = {
        written.id
        for other in operands
        if other is not None
        for written in other[1:]
        if isinstance(written, ast.Name)
    }
    for name, shape in _variables(trace, step, code, function).items():
        if name not in others and fits(shape):
            yield Proposal(
                f"use `{name}`, which is {shape_text(shape)}, instead of `{node.id}`",
                (code.replace(node, name),),
                kind="name",
                follow=False,
            )


def index_that_fits(trace: Trace, step: Step, shape: tuple[int, ...]) -> Iterator[Proposal]:
    """The indices of another pool of the same function, which pooled to this shape."""
    code, node = operand_of(step, 1) or (None, None)
    if code is None or not isinstance(node, ast.Name):
        return
    function = code.function(node)
    if function is None:
        return
    for pool in trace.steps[: step.index]:
        if len(pool.outputs) != 2 or ints(pool.outputs[1].shape) != shape or not pool.call_site:
            continue
        for one in ast.walk(function):
            if not isinstance(one, ast.Assign) or code.span(one.value) != pool.call_site:
                continue
            names = one.targets[0].elts if isinstance(one.targets[0], ast.Tuple) else []
            indices = code.text(names[1]) if len(names) == 2 else node.id
            if indices != node.id:
                yield Proposal(
                    f"use `{indices}`, the indices of that level, instead of `{node.id}`",
                    (code.replace(node, indices),),
                    kind="name",
                )


def _variables(
    trace: Trace, step: Step, code: Code, function: Function
) -> dict[str, tuple[int, ...]]:
    """The variables of a function in front of a step, and the shapes of their values."""
    line = step.call_site.line if step.call_site is not None else 0
    statements = sorted(
        (
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and node.lineno < line and len(node.targets) == 1
        ),
        key=lambda node: node.lineno,
    )
    found: dict[str, tuple[int, ...]] = {}
    for statement in statements:
        target, span = statement.targets[0], code.span(statement.value)
        if not isinstance(target, ast.Name):
            continue
        found.pop(target.id, None)
        for one in trace.steps[: step.index]:
            if one.call_site == span and one.parent == step.parent and one.outputs:
                found[target.id] = ints(one.outputs[0].shape)
    return found
