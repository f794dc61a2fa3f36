"""Edits of how a map becomes a vector: keep the batch, flatten the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.signatures import SIGNATURES
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.diagnostic import Edit
from shapescope.trace import SourceSpan, Step, Trace


def flattened_call(call: CallSource, start: int = 1) -> str | None:
    """A view, reshape or flatten as it reads when it keeps the axes in front of `start`."""
    receiver = call.receiver
    if receiver is not None:
        return f"{_atom(call, receiver)}.flatten({start})"
    if call.callee in ("flatten", "reshape") and call.node.args:
        function = call.code.text(call.node.func).rpartition(".")[0]
        operand = call.code.text(call.node.args[0])
        return f"{function + '.' if function else ''}flatten({operand}, {start})"
    return None


def _atom(call: CallSource, node: ast.expr) -> str:
    text = call.code.text(node)
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return text if plain else f"({text})"


def keep_batch(trace: Trace, step: Step) -> Edit | None:
    """An edit that makes a flattening step keep axis 0 and merge the others."""
    if step.kind == "module":
        call = constructor_of(trace, step.path)
        if call is None or call.callee != "Flatten":
            return None
        return call.code.replace(call.node, f"{call.code.text(call.node.func)}()")
    call = call_at(step.call_site)
    text = None if call is None else flattened_call(call)
    return None if call is None or text is None else call.code.replace(call.node, text)


def flatten_operand(step: Step, trace: Trace) -> Iterator[Proposal]:
    """Proposals that flatten what goes into a step."""
    yield from edit_operand(
        step,
        trace,
        ".flatten(1)",
        "flatten all but the batch",
        "nn.Flatten()",
        "no weight changes",
    )


def edit_operand(
    step: Step, trace: Trace, method: str, message: str, module: str = "", remark: str = ""
) -> Iterator[Proposal]:
    """Proposals that put a method call behind what goes into a step.

    Args:
        step: a module's step or a call with a tensor as its first operand.
        trace: tells where the step stands.
        method: `.flatten(1)`.
        message: of the help.
        module: what does the same as an entry of nn.Sequential.
        remark: what to say of the weights where none changes.
    """
    step = _as_given(trace, step)
    inner = entered_through(trace, step)
    first = inner and is_first_inside(trace, step)
    if inner and not first:
        yield from _entry(trace, step, message, module, remark)
    if module and not is_own(step.call_site):
        yield from _around(trace, step, message, module, remark)
    found = operand_nodes(step.call_site)
    if found is None or not found[1]:
        return
    code, operand = found[0], found[1][0]
    text = code.text(operand)
    plain = isinstance(operand, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    changed = (text if plain else f"({text})") + method
    yield Proposal(message, (code.replace(operand, changed),), remark=remark)
    if first:
        yield from _entry(trace, step, message, module, remark)


def _entry(trace: Trace, step: Step, message: str, module: str, remark: str) -> Iterator[Proposal]:
    """A module of its own in front of a step's, among the entries of nn.Sequential."""
    call = constructor_of(trace, step.path) if module else None
    if call is None or not _in_arguments(call):
        return
    prefix = call.code.text(call.node.func).rpartition(".")[0]
    name = module if prefix == "nn" else module.replace("nn.", f"{prefix}." if prefix else "")
    inserted = _in_front(call, name)
    if inserted is not None:
        yield Proposal(message, (inserted,), remark=remark)


def _around(trace: Trace, step: Step, message: str, module: str, remark: str) -> Iterator[Proposal]:
    """The layer made an nn.Sequential with `module` in front: its call is a package's."""
    call = constructor_of(trace, step.path) if step.kind == "module" else None
    if call is None or not is_own(call.span) or call.callee not in SIGNATURES:
        return
    prefix = call.code.text(call.node.func).rpartition(".")[0]
    dot = f"{prefix}." if prefix else ""
    text = f"{dot}Sequential({module.replace('nn.', dot)}, {call.text})"
    yield Proposal(message, (call.code.replace(call.node, text),), remark=remark)


def is_own(span: SourceSpan | None) -> bool:
    """Whether a place lies in the user's files, not in an installed package."""
    packages = ("site-packages", "dist-packages")
    return span is not None and not any(one in span.file for one in packages)


def own_call(trace: Trace, step: Step) -> Step:
    """The innermost call around a step, itself included, that the user wrote."""
    current = step
    while not is_own(current.call_site) and current.parent is not None:
        current = trace.steps[current.parent]
    return current


def _as_given(trace: Trace, step: Step) -> Step:
    """The user's call that gives a step inside of a package the very tensor it takes."""
    own = own_call(trace, step)
    same = own.input_sources()[:1] == step.input_sources()[:1]
    return own if same and is_own(own.call_site) else step


def is_first_inside(trace: Trace, step: Step) -> bool:
    """Whether a step takes the very tensor that the containers around it were given."""
    current = step
    while current.parent is not None and entered_through(trace, current):
        outer = trace.steps[current.parent]
        if current.input_sources()[:1] != outer.input_sources()[:1]:
            return False
        current = outer
    return True


def _in_arguments(call: CallSource) -> bool:
    """Whether a constructor stands among the arguments of another call."""
    return isinstance(call.code.parent(call.node), ast.Call)


def _in_front(call: CallSource, text: str) -> Edit | None:
    """An edit that puts an argument in front of a constructor among others."""
    span = call.span
    line = call.code.lines[span.line - 1]
    if not line[: span.column - 1].strip() and isinstance(call.code.parent(call.node), ast.Call):
        indent = line[: span.column - 1]
        place = type(span)(span.file, span.line, 1, span.line, 1)
        return Edit(place, f"{indent}{text},\n")
    place = type(span)(span.file, span.line, span.column, span.line, span.column)
    return Edit(place, f"{text}, ")


def entered_through(trace: Trace, step: Step) -> bool:
    """Whether a module's step was called by a container, at whose call the span stands."""
    if step.kind != "module" or step.parent is None:
        return False
    return trace.steps[step.parent].call_site == step.call_site
