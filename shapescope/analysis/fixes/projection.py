"""A projection of 1 x 1 on the branch that changes nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, constructor_of
from shapescope.analysis.code.origins import value_of
from shapescope.analysis.code.owners import assignment_of
from shapescope.analysis.diagnosis.branches import Branch
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.analysis.diagnosis.history import spatial_axes
from shapescope.analysis.fixes.operands import operand_of
from shapescope.attrs import ConvAttrs
from shapescope.trace import Step, Trace


def project(trace: Trace, step: Step, straight: Branch, other: Branch) -> Iterator[Proposal]:
    """A 1 x 1 convolution on the branch that changes nothing."""
    layers = [one for one in other.changing if isinstance(one.attrs, ConvAttrs)]
    operand = operand_of(step, straight.position)
    axes = len(straight.sizes) - 2
    if not layers or operand is None or axes < 1 or layers[0].kind != "module":
        return
    found = assignment_of(trace, layers[0].path)
    call = constructor_of(trace, layers[0].path)
    if found is None or call is None or found[0].file != operand[0].file:
        return
    code, statement, _ = found
    strides = [-(-n // m) for n, m in zip(straight.sizes[2:], other.sizes[2:], strict=True)]
    if len(set(strides)) != 1 or spatial_axes(layers[0]) != axes:
        return
    given = spelled(trace, layers[0], call, "in_channels", straight.sizes[1])
    last = constructor_of(trace, layers[-1].path)
    made = spelled(trace, layers[-1], last, "out_channels", other.sizes[1])
    stride = spelled(trace, layers[0], call, "stride", strides[0])
    prefix = code.text(call.node.func).rpartition(".")[0]
    name = f"{prefix}.Conv{axes}d" if prefix else f"Conv{axes}d"
    window = "" if strides[0] == 1 and stride == "1" else f", stride={stride}"
    attribute = code.unused_attribute("shortcut")
    line = f"self.{attribute} = {name}({given}, {made}, 1{window}, bias=False)"
    _, node = operand
    yield Proposal(
        f"project the shortcut with a {' x '.join(['1'] * axes)} convolution",
        (
            code.insert_after(statement, line),
            code.replace(node, f"self.{attribute}({code.text(node)})"),
        ),
        kind="project",
    )


def project_always(step: Step, straight: Branch, other: Branch) -> Iterator[Proposal]:
    """A projection that is made under a condition, made also where the channels differ.

    `if stride != 1:` around a 1 x 1 convolution forgets the blocks that only widen.
    """
    operand = operand_of(step, straight.position)
    if operand is None or straight.sizes[1] == other.sizes[1]:
        return
    code = operand[0]
    for node in ast.walk(code.tree):
        if not isinstance(node, ast.If):
            continue
        for inner in (one for part in node.body for one in ast.walk(part)):
            call = CallSource(code, inner) if isinstance(inner, ast.Call) else None
            if call is None or not call.callee.startswith("Conv"):
                continue
            window = call.argument("kernel_size")
            given, made = call.argument("in_channels"), call.argument("out_channels")
            if window is None or given is None or made is None or code.text(window) != "1":
                continue
            test = code.text(node.test)
            names = f"{code.text(given)} != {code.text(made)}"
            if code.text(given) not in test:
                yield Proposal(
                    "project the shortcut wherever the channels differ",
                    (code.replace(node.test, f"{test} or {names}"),),
                    kind="project",
                )
            break


def spelled(trace: Trace, layer: Step, call: CallSource | None, argument: str, value: int) -> str:
    """A number as the layer's constructor writes it, where it means that number there."""
    node = None if call is None else call.argument(argument)
    if call is None or node is None:
        return str(value)
    known = value_of(trace, layer.path, call.code, node)
    return call.code.text(node) if known == value else str(value)
