"""Two layers under one name: the second takes the place of the first, which is lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from shapescope.analysis.code import Code
from shapescope.analysis.code.owners import class_node, constructor_text, is_self
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import primary
from shapescope.diagnostic import Severity
from shapescope.trace import Trace

ASSIGNED_TWICE = declare(
    "layer-assigned-twice", "two layers are given one name, and the first is lost"
)


@dataclass(frozen=True, slots=True)
class Twice:
    """Two values under one name, the first of which nothing reads.

    Attributes:
        code: the file.
        name: what both are called.
        first: the value that is lost.
        second: the value that is kept.
        target: what the second is assigned to, in the words of the source: `self.conv2`.
        place: the name itself where the second is given it, to write another in its place.
        is_key: whether the name is one inside a container, not one of the module itself.
    """

    code: Code
    name: str
    first: ast.expr
    second: ast.expr
    target: str
    place: ast.expr
    is_key: bool = False


@scanning
def assigned_twice(case: Case) -> Iterator[Finding]:
    """Each class of the user's whose constructor loses a layer, once."""
    trace = case.trace
    for class_name, paths in _owners(trace).items():
        written = constructor_text(trace, class_name)
        if written is not None and not _may_lose(written):
            continue
        found = class_node(trace, class_name)
        if found is None:
            continue
        code, cls = found
        prefixes = tuple(f"{path}." if path else "" for path in paths)
        below = [spec.path for spec in trace.modules if spec.path.startswith(prefixes)]
        names = {path.rpartition(".")[2] for path in below if _owner(path) in paths}
        inside = {path.rpartition(".")[2] for path in below if _owner(path) not in paths}
        for twice in _lost(code, cls):
            if twice.name in (inside if twice.is_key else names):
                yield _finding(twice, _missing_neighbour(twice, cls, names))


@lru_cache(maxsize=512)
def _may_lose(text: str) -> bool:
    """Whether a constructor may give a name twice, told without its syntax.

    It may where an attribute is given twice, where modules are added by name, and where the first
    argument of a call holds pairs of names and layers: not where it is a tuple of numbers.
    """
    assigned = [part.partition("=")[0].strip() for part in text.split("self.")[1:] if "=" in part]
    names = list(filter(str.isidentifier, assigned))
    if len(set(names)) < len(names) or "add_module" in text or "register_module" in text:
        return True
    dense = "".join(text.split())
    calls = dense.split("(")[1:]
    if any(part[:1] in ("{", "[") and not part[1:2].isdigit() for part in calls):
        return True
    return "(#" in dense or any(not part[:1].isdigit() for part in dense.split("((")[1:])


def _owner(path: str) -> str:
    return path.rpartition(".")[0]


def _owners(trace: Trace) -> dict[str, list[str]]:
    """The classes of the modules that were opened, with where each stands."""
    found: dict[str, list[str]] = {}
    for step in trace.steps:
        if step.is_composite:
            found.setdefault(step.class_name, []).append(step.path)
    return found


@lru_cache(maxsize=512)
def _lost(code: Code, cls: ast.ClassDef) -> tuple[Twice, ...]:
    """What a class loses; read once for as long as its file stays as it is."""
    return tuple(_all_lost(code, cls))


def _all_lost(code: Code, cls: ast.ClassDef) -> Iterator[Twice]:
    for function in cls.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            for node in ast.walk(function):
                for block in (getattr(node, name, None) for name in ("body", "orelse")):
                    if isinstance(block, list):
                        yield from _lost_in(code, block)
                if isinstance(node, ast.Call):
                    yield from _same_key(code, node)


def _lost_in(code: Code, block: list[ast.stmt]) -> Iterator[Twice]:
    """Names that two statements of one block give to a layer, with nothing between reading it."""
    all_given = [_given(statement) for statement in block]
    names = [given[0] for given in all_given if given is not None]
    if len(set(names)) == len(names):
        return
    waiting: dict[str, ast.expr] = {}
    for statement, given in zip(block, all_given, strict=True):
        for name in _read(statement):
            waiting.pop(name, None)
        if given is None:
            continue
        name, target, value = given
        if not makes_layer(code, value):
            waiting.pop(name, None)
            continue
        if name in waiting:
            yield Twice(code, name, waiting[name], value, code.text(target), target)
        waiting[name] = value


def _given(statement: ast.stmt) -> tuple[str, ast.expr, ast.expr] | None:
    """Name, target and value of `self.NAME = VALUE` or `self.add_module("NAME", VALUE)`."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Attribute) and is_self(target.value):
            return target.attr, target, statement.value
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        function = call.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr in ("add_module", "register_module")
            and is_self(function.value)
            and len(call.args) == 2
            and isinstance(call.args[0], ast.Constant)
            and isinstance(call.args[0].value, str)
        ):
            return call.args[0].value, call.args[0], call.args[1]
    return None


def _read(statement: ast.stmt) -> Iterator[str]:
    """The attributes of self that a statement reads."""
    for node in ast.walk(statement):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        if is_self(node.value):
            yield node.attr


def _same_key(code: Code, call: ast.Call) -> Iterator[Twice]:
    """Entries of one OrderedDict, ModuleDict or dict of layers that share a key."""
    values = call.args[:1]
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for value in values:
        if isinstance(value, ast.Dict):
            pairs = [
                (key, entry)
                for key, entry in zip(value.keys, value.values, strict=True)
                if key is not None
            ]
        elif isinstance(value, ast.List | ast.Tuple):
            pairs = [
                (entry.elts[0], entry.elts[1])
                for entry in value.elts
                if isinstance(entry, ast.Tuple) and len(entry.elts) == 2
            ]
    known: dict[str, ast.expr] = {}
    for key, entry in pairs:
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        if not makes_layer(code, entry):
            continue
        if key.value in known:
            yield Twice(code, key.value, known[key.value], entry, code.text(key), key, True)
        known[key.value] = entry


def makes_layer(code: Code, value: ast.expr) -> bool:
    """Whether an expression constructs a layer: `nn.NAME(...)`, or a class of this file."""
    if not isinstance(value, ast.Call):
        return False
    text = code.text(value.func)
    last = text.rpartition(".")[2]
    modules = {code.module_name("torch.nn"), "nn", "torch.nn"}
    if text.rpartition(".")[0] in modules:
        return last[:1].isupper() and last != "Parameter"
    return text in code.classes() or code.module_name(f"torch.nn.{text}") == text


def _finding(twice: Twice, missing: str | None) -> Finding:
    """A warning; an error where the forward asks for a layer that was meant to be the second."""
    code = twice.code
    return finding(
        ASSIGNED_TWICE,
        f"`{twice.name}` is assigned twice, and the first layer is lost",
        severity=Severity.WARNING if missing is None else Severity.ERROR,
        step=None,
        labels=(
            primary(code.span(twice.second), f"this one is called `{twice.name}`"),
            label(code.span(twice.first), "this one is gone"),
        ),
        notes=(
            "a name holds one layer: the second takes the place of the first",
            None if missing is None else f"`forward` calls `self.{missing}`, which nothing makes",
        ),
        proposals=(
            None
            if missing is None
            else Proposal(
                f"call the second one `{missing}`",
                (code.replace(twice.place, twice.target.replace(twice.name, missing)),),
                kind="rename",
            ),
        ),
    )


def _missing_neighbour(twice: Twice, cls: ast.ClassDef, names: set[str]) -> str | None:
    """The one neighbour, `conv3` of `conv2`, that methods call though nothing makes it."""
    nodes = [node for node in ast.walk(cls) if isinstance(node, ast.Attribute)]
    own = [node for node in nodes if is_self(node.value)]
    made = {node.attr for node in own if isinstance(node.ctx, ast.Store)}
    methods = {node.name for node in cls.body if isinstance(node, ast.FunctionDef)}
    called = {
        node.func.attr
        for node in ast.walk(cls)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and is_self(node.func.value)
    }
    stem = twice.name.rstrip("0123456789")
    absent = called - made - methods - names
    left = sorted(name for name in absent if name.rstrip("0123456789") == stem)
    return left[0] if len(left) == 1 else None
