"""A call that gives several tensors, used as if it gave one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import call_at, code_of, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import causing, declare
from shapescope.analysis.diagnosis.words import name_of, primary, shape_text
from shapescope.analysis.fixes.flatten import entered_through, is_own
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Edit
from shapescope.trace import SourceSpan, Step, Trace

TUPLE = declare("tuple-passed-on", "a call gives several tensors, and they are used as one")


@causing
def tuple_passed_on(case: Case) -> Iterator[Finding]:
    """All that a recurrent layer gives, handed on whole: its outputs and its state."""
    trace, failure = case.trace, case.trace.failure
    if failure is None:
        return
    step = case.failed
    if step is not None and step.is_composite:
        step = None
    maker = _handed_on(trace, step) if step is not None else None
    written = None
    if maker is None:
        written = _written(trace, failure.call_site)
        maker = None if written is None else written[2]
    if maker is None:
        return
    parts = ", ".join(shape_text(spec.shape) for spec in maker.outputs)
    taker = f"`{name_of(step)}`" if step is not None and written is None else "this line"
    yield finding(
        TUPLE,
        f"`{name_of(maker)}` gives {len(maker.outputs)} tensors, and {taker} takes one",
        step=step or maker,
        labels=(
            primary(failure.call_site, f"given ({parts})"),
            label(maker.call_site, f"gives ({parts})"),
            label(maker.defined_at, f"`{name_of(maker)}`"),
        ),
        why=(_reason(maker),),
        proposals=(
            *_unpacked(trace, maker),
            *_first_only(trace, maker, step),
        ),
    )


def _reason(maker: Step) -> str:
    first = shape_text(maker.outputs[0].shape)
    if isinstance(maker.attrs, RecurrentAttrs):
        return f"`{name_of(maker)}` gives its outputs, {first}, and its last state: a tuple"
    if isinstance(maker.attrs, AttentionAttrs):
        return f"`{name_of(maker)}` gives its outputs, {first}, and its weights: a tuple"
    return f"`{name_of(maker)}` gives a tuple; the first of it is {first}"


def _handed_on(trace: Trace, step: Step) -> Step | None:
    """The step all of whose outputs went into a call together."""
    numbers = [number for _, number in step.input_sources()]
    if len(numbers) < 2 or numbers[0] is None:
        return None
    maker = trace.steps[numbers[0]]
    several = len(maker.outputs)
    same = several > 1 and numbers[:several] == [maker.index] * several
    whole = same and step.inputs[:several] == maker.outputs
    takes_one = step.kind == "module" and not isinstance(
        step.attrs, RecurrentAttrs | AttentionAttrs
    )
    written = operand_nodes(step.call_site)
    as_one = written is not None and len(written[1]) == 1
    return maker if whole and (takes_one or (step.kind == "function" and as_one)) else None


def _written(trace: Trace, span: SourceSpan | None) -> tuple[Code, ast.Assign, Step] | None:
    """A name in the failing expression that was bound to a call of several outputs.

    Returns:
        The file, the assignment, and the step of the call.
    """
    code = None if span is None else code_of(span.file)
    if code is None or span is None:
        return None
    for node in ast.walk(code.tree):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        place = code.span(node)
        if not (span.line <= place.line <= place.end_line <= span.end_line):
            continue
        if not _is_used_whole(code, node):
            continue
        bound = _bound(code, node)
        if bound is None:
            continue
        value = code.span(bound.value)
        made = next(
            (one for one in reversed(trace.steps) if one.call_site == value and one.outputs), None
        )
        if made is not None and len(made.outputs) > 1:
            return code, bound, made
    return None


def _is_used_whole(code: Code, node: ast.Name) -> bool:
    """Whether a name stands for one tensor: an operand, or with a method or an index of one."""
    around = code.parent(node)
    if isinstance(around, ast.Attribute):
        return around.attr not in ("logits", "values", "indices", "aux_logits")
    if isinstance(around, ast.Subscript) and around.value is node:
        return isinstance(around.slice, ast.Tuple)
    return isinstance(around, ast.Call | ast.BinOp)


def _bound(code: Code, node: ast.Name) -> ast.Assign | None:
    """The last assignment of a name alone, in front of its use in the same function."""
    function = code.function(node)
    found = None
    for one in ast.walk(function) if function is not None else ():
        if not isinstance(one, ast.Assign) or one.lineno >= node.lineno:
            continue
        for target in one.targets:
            names = [part for part in ast.walk(target) if isinstance(part, ast.Name)]
            if any(part.id == node.id for part in names):
                alone = isinstance(target, ast.Name)
                if found is None or one.lineno > found[0].lineno:
                    found = (one, alone)
    return found[0] if found is not None and found[1] else None


def _unpacked(trace: Trace, maker: Step) -> Iterator[Proposal]:
    """The first of the tensors taken where the call is made."""
    call = call_at(maker.call_site)
    if call is None or not is_own(call.span) or entered_through(trace, maker):
        return
    statement = call.code.parent(call.node)
    name = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(name, ast.Name) and isinstance(maker.attrs, RecurrentAttrs | AttentionAttrs):
        yield Proposal(
            "keep the outputs, and leave the rest",
            (call.code.replace(name, f"{name.id}, _"),),
            kind="unpack",
        )
        return
    end = call.span
    behind = type(end)(end.file, end.end_line, end.end_column, end.end_line, end.end_column)
    yield Proposal("take the first of them", (Edit(behind, "[0]"),), kind="unpack")


def _first_only(trace: Trace, maker: Step, step: Step | None) -> Iterator[Proposal]:
    """A recurrent layer inside nn.Sequential made one that gives its outputs alone."""
    inside = step is not None and entered_through(trace, step)
    call = constructor_of(trace, maker.path) if maker.kind == "module" else None
    if not inside or call is None or not isinstance(maker.attrs, RecurrentAttrs):
        return
    cls = call.code.class_of(call.node)
    code, base = call.code, call.code.text(call.node.func)
    top: ast.AST | None = cls if cls is not None else code.statement(call.node)
    if not isinstance(top, ast.stmt) or top not in code.tree.body:
        return
    name = f"{call.callee}Outputs"
    lines = (
        f"class {name}({base}):",
        "    def forward(self, x):",
        "        return super().forward(x)[0]",
        "",
        "",
    )
    yield Proposal(
        "let it give its outputs alone, without the state",
        (code.insert_before(top, *lines), code.replace(call.node.func, name)),
        kind="outputs",
    )
