"""A forward that is missing, or that is given more or fewer inputs than it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from shapescope.analysis.code import Code, call_at
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.words import plural, primary, shape_text
from shapescope.analysis.fixes.commands import input_options, is_live
from shapescope.diagnostic import Edit, Help
from shapescope.source_text import display_path
from shapescope.trace import SourceSpan, Step, TensorSpec

NO_FORWARD = declare("forward-missing", "a module has no forward that could be called")
INPUT_COUNT = declare("input-count", "forward is given more or fewer inputs than it takes")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a forward takes.

    Attributes:
        required: the names without a default, but for self.
        names: all that can be given by position.
        head: the words `def forward(...)` up to the closing parenthesis.
    """

    required: tuple[str, ...]
    names: tuple[str, ...]
    head: SourceSpan

    @classmethod
    def of(cls, code: Code, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature | None:
        """The signature; None where it takes any number, or names that only a keyword gives."""
        arguments = function.args
        if arguments.vararg is not None or arguments.kwarg is not None or arguments.kwonlyargs:
            return None
        names = tuple(arg.arg for arg in (*arguments.posonlyargs, *arguments.args))[1:]
        required = names[: max(len(names) - len(arguments.defaults), 0)]
        column = function.col_offset + 1
        width = len(f"def {function.name}")
        line = function.lineno
        span = SourceSpan(display_path(code.file), line, column, line, column + width)
        return cls(required, names, span)


@failing("module")
def input_count(case: Case) -> Iterator[Finding]:
    """The names that are wanted beside how many came."""
    failure, step = case.trace.failure, case.failed
    if failure is None or step is None or failure.exception != "TypeError":
        return
    found = class_node(case.trace, step.class_name)
    if found is None:
        return
    code, cls = found
    function = code.method(cls.name, "forward")
    signature = None if function is None else Signature.of(code, function)
    if signature is None:
        return
    if step.parent is None:
        given = None if failure.call_site is not None else len(_fed(case))
    else:
        given = _given(step)
    if given is None or len(signature.required) <= given <= len(signature.names):
        return
    yield _finding(case, step, signature, given)


def _fed(case: Case) -> dict[str, list[TensorSpec]]:
    """The tensors of each argument of the model: a list or a dict of tensors is one argument.

    Python counts arguments before forward begins: an error that has a line came later.
    """
    found: dict[str, list[TensorSpec]] = {}
    for place, spec in enumerate(case.trace.inputs):
        name = str(place) if spec.name is None else spec.name.partition(".")[0]
        found.setdefault(name, []).append(spec)
    return found


def _given(step: Step) -> int | None:
    """How many inputs the call of a module inside the model gives."""
    call = call_at(step.call_site)
    if call is None or any(isinstance(arg, ast.Starred) for arg in call.node.args):
        return None
    if any(keyword.arg is None for keyword in call.node.keywords):
        return None
    return len(call.node.args) + len(call.node.keywords)


def _finding(case: Case, step: Step, signature: Signature, given: int) -> Finding:
    count, required = len(signature.names), len(signature.required)
    takes = plural(count, "input") if count == required else f"{required} to {count} inputs"
    names = f" ({', '.join(signature.names)})" if signature.names else ""
    who = f"`{step.path}`" if step.path else "forward"
    come = "is" if given == 1 else "are"
    found = finding(
        INPUT_COUNT,
        f"{who} takes {takes}{names}, but {given} {come} given",
        step=step,
        labels=(
            primary(step.call_site or signature.head, _label(signature, given)),
            label(signature.head if step.call_site else None, "its forward"),
        ),
        notes=(_what_is_fed(case) if step.parent is None else None,),
        detail=case.trace.failure.message if case.trace.failure else "",
    )
    if step.parent is not None:
        return found
    return replace(found, diagnostic=replace(found.diagnostic, help=(_help(case, signature),)))


def _label(signature: Signature, given: int) -> str:
    if given < len(signature.required):
        return f"`{signature.required[given]}` is missing"
    if not signature.names:
        return "takes nothing"
    return f"nothing comes after `{signature.names[-1]}`"


def _what_is_fed(case: Case) -> str:
    shapes = ", ".join(
        f"{spec.name} of {shape_text(spec.shape)}" if spec.name else shape_text(spec.shape)
        for spec in case.trace.inputs
    )
    return f"fed is {shapes}"


def _help(case: Case, signature: Signature) -> Help:
    """One `--input` for each that forward needs, the shapes of those that came kept.

    A live model is given its inputs by name in Python.
    """
    came = list(_fed(case).values())
    if is_live(case.trace):
        shown = [str(tuple(specs[0].shape)) if len(specs) == 1 else "..." for specs in came]
        shown += [f"{name.upper()}_SHAPE" for name in signature.required[len(came) :]]
        taken = ", ".join(shown[: len(signature.required)])
        return Help(f"give each input its shape: input_size=[{taken}]")
    parts = []
    for place, name in enumerate(signature.required):
        specs = came[place] if place < len(came) else []
        sizes = [",".join(map(str, spec.shape)) for spec in specs]
        if len(sizes) > 1:
            sizes = [f"[{size}]" for size in sizes]
        parts += sizes or [f"{name}=SHAPE"]
    return Help(f"give each input its shape: {input_options(parts)}")


# --- no forward at all

_NAMED = "torch calls the method that is named `forward`"
_TORCHS_WORDS = 'missing the required "forward" function'


@failing("module")
def forward_missing(case: Case) -> Iterator[Finding]:
    """A method that is called nearly `forward`, or one that stands too deep."""
    failure, step = case.trace.failure, case.failed
    if failure is None or step is None or failure.exception != "NotImplementedError":
        return
    found = class_node(case.trace, step.class_name)
    if found is None and _TORCHS_WORDS in failure.message:
        # Nothing of the class is in the trace that would tell its file.
        yield finding(NO_FORWARD, f"`{step.class_name}` has no forward", step=step, notes=(_NAMED,))
    if found is None or found[0].method(found[1].name, "forward") is not None:
        return
    code, cls = found
    inner = _too_deep(cls)
    close = None if inner is not None else _nearly(cls)
    meant = inner or close
    place = code.span(cls)
    line = place.line
    head = SourceSpan(place.file, line, place.column, line, place.column + len(f"class {cls.name}"))
    text = "this is no method of the class: it stands inside `__init__`"
    if close is not None:
        text = f"`{close.name}` is never called"
    yield finding(
        NO_FORWARD,
        f"`{cls.name}` has no forward",
        step=step,
        labels=(
            primary(head if meant is None else _name_of_method(code, meant), text if meant else ""),
            label(step.call_site, "called here"),
        ),
        notes=(_NAMED,),
        proposals=_as_forward(code, cls, inner, close),
        detail=failure.message,
    )


def _too_deep(cls: ast.ClassDef) -> ast.FunctionDef | None:
    """A `forward` that is defined inside another method: its indentation is too deep."""
    for method in cls.body:
        for node in ast.walk(method):
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                return node
    return None


def _nearly(cls: ast.ClassDef) -> ast.FunctionDef | None:
    methods = {
        node.name.lower(): node
        for node in cls.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    }
    close = get_close_matches("forward", list(methods), 1, 0.75)
    return methods[close[0]] if close else None


def _name_of_method(code: Code, method: ast.FunctionDef) -> SourceSpan:
    place = code.span(method)
    start = place.column + len("def ")
    return SourceSpan(place.file, method.lineno, start, method.lineno, start + len(method.name))


def _as_forward(
    code: Code, cls: ast.ClassDef, inner: ast.FunctionDef | None, close: ast.FunctionDef | None
) -> Iterator[Proposal]:
    if close is not None:
        yield Proposal("name it `forward`", (Edit(_name_of_method(code, close), "forward"),))
    if inner is None:
        return
    depth = inner.col_offset - next(iter(cls.body)).col_offset
    lines = range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
    file = code.span(inner).file
    edits = tuple(
        Edit(SourceSpan(file, line, 1, line, depth + 1), "")
        for line in lines
        if not code.lines[line - 1][:depth].strip() and len(code.lines[line - 1]) >= depth
    )
    yield Proposal("move it out of `__init__`, to the depth of a method", edits)
