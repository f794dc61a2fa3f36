"""A forward without a `return`: what it computed is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import Code
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.code.source import Function
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import primary
from shapescope.diagnostic import Severity
from shapescope.trace import Step, Trace

RETURNED_NOTHING = declare("returned-nothing", "forward gives no tensor back")


@scanning
def returned_nothing(case: Case) -> Iterator[Finding]:
    """The first module that was left without an output."""
    trace = case.trace
    still_open = set(_around_failure(trace))
    for step in trace.steps:
        if not step.is_composite or step.outputs or step.index in still_open:
            continue
        is_root = step.parent is None and not step.path
        if not is_root and trace.failure is None:
            continue
        found = class_node(trace, step.class_name)
        forward = None if found is None else found[0].method(found[1].name, "forward")
        if found is None or forward is None:
            continue
        if _returns(forward):
            if is_root:
                yield _no_tensor(found[0], forward)
            continue
        yield _nothing(found[0], forward, step)
        return


def _around_failure(trace: Trace) -> Iterator[int]:
    """The modules that were open when the pass ended early."""
    index = None if trace.failure is None else trace.failure.step
    while index is not None:
        yield index
        index = trace.steps[index].parent


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions and classes inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _returns(function: Function) -> bool:
    """Whether some line gives a value back."""
    for node in _own(function):
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        given = node.value if isinstance(node, ast.Return) else None
        if given is not None and not (isinstance(given, ast.Constant) and given.value is None):
            return True
    return False


def _nothing(code: Code, forward: Function, step: Step) -> Finding:
    last = forward.body[-1]
    who = f"forward of `{step.path}`" if step.path else "forward"
    return finding(
        RETURNED_NOTHING,
        f"{who} returns nothing",
        step=None,
        labels=(
            primary(code.span(last), "its last line, and no `return`"),
            label(step.call_site, f"gives None in place of what `{step.path}` made"),
        ),
        notes=("a function without `return` gives None",),
        proposals=_with_return(code, last),
    )


def _with_return(code: Code, last: ast.stmt) -> Iterator[Proposal]:
    """Give back what the last line made."""
    if isinstance(last, ast.Assign) and len(last.targets) == 1:
        target = last.targets[0]
        if isinstance(target, ast.Name | ast.Tuple):
            written = code.text(target)
            yield Proposal(f"return {written}", (code.insert_after(last, f"return {written}"),))
    elif isinstance(last, ast.AugAssign) and isinstance(last.target, ast.Name):
        name = last.target.id
        yield Proposal(f"return {name}", (code.insert_after(last, f"return {name}"),))
    elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        edit = code.replace(last, f"return {code.text(last.value)}")
        yield Proposal("return what the last line makes", (edit,))


def _no_tensor(code: Code, forward: Function) -> Finding:
    nodes = list(_own(forward))
    given: list[ast.expr | ast.stmt] = [
        node for node in nodes if isinstance(node, ast.Return) and node.value
    ]
    # without a value given back it is a generator: no layer runs before something asks for it
    given = given or [node for node in nodes if isinstance(node, ast.Yield | ast.YieldFrom)]
    return finding(
        RETURNED_NOTHING,
        "forward returns no tensor",
        severity=Severity.WARNING,
        step=None,
        labels=(primary(code.span(given[0]), "no tensor comes out here"),),
        notes=("numbers and text carry no gradient, and their shape cannot be checked",),
    )
