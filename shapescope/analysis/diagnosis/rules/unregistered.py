"""Layers in a plain list or dict: the forward pass calls them, and the model does not know them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapescope.analysis.code import Code
from shapescope.analysis.code.owners import class_node, is_self
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.rules import reads_a_foreign_weight
from shapescope.analysis.diagnosis.rules.assigned import makes_layer
from shapescope.analysis.diagnosis.words import primary, shape_text
from shapescope.diagnostic import Severity
from shapescope.syntax import callee_of
from shapescope.trace import Step, Trace

UNREGISTERED = declare(
    "layers-not-registered",
    "layers stand in a plain list or dict, where the model does not see them",
)


_WITH_WEIGHTS = (
    "Linear", "Bilinear", "Conv", "Embedding", "BatchNorm", "LayerNorm", "GroupNorm", "LSTM", "GRU",
    "RNN", "Multihead", "Transformer", "Sequential",
)  # fmt: skip
_REGISTERS = ("add_module", "register_module", "register_parameter", "setattr")


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain list or dict of layers on a module.

    Attributes:
        name: of the attribute.
        value: what it is given.
        holder: the container of torch's that it should be.
    """

    name: str
    value: ast.expr
    holder: str


@scanning
def unregistered(case: Case) -> Iterator[Finding]:
    """Each plain list or dict of layers, of a class that works with weights of no module."""
    trace = case.trace
    first: dict[str, Step] = {}
    for step in filter(reads_a_foreign_weight, trace.steps):
        owner = None if step.parent is None else trace.steps[step.parent]
        if owner is not None:
            first.setdefault(owner.class_name, step)
    for class_name, step in first.items():
        found = class_node(trace, class_name)
        if found is not None:
            for plain in _plain(*found):
                yield _finding(trace, found[0], plain, step)


def _plain(code: Code, cls: ast.ClassDef) -> Iterator[Plain]:
    for function in cls.body:
        if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
            continue
        nodes = list(ast.walk(function))
        if any(callee_of(node) in _REGISTERS for node in nodes):
            continue
        for node in nodes:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target, value = node.targets[0], node.value
            if not isinstance(target, ast.Attribute) or not is_self(target.value):
                continue
            holder = _holder_of(code, value, nodes, target)
            if holder is not None and not _is_handed_on(code, target, value, nodes):
                yield Plain(target.attr, value, holder)


def _holder_of(
    code: Code, value: ast.expr, nodes: list[ast.AST], target: ast.Attribute
) -> str | None:
    """The container of torch's for a plain one that layers, or parameters, stand in."""
    if isinstance(value, ast.ListComp):
        return _listed(code, [value.elt])
    if isinstance(value, ast.List) and value.elts:
        return _listed(code, value.elts)
    if isinstance(value, ast.Dict):
        named = all(isinstance(key, ast.Constant | ast.JoinedStr) for key in value.keys)
        return "ModuleDict" if named and _listed(code, value.values) == "ModuleList" else None
    holder = code.text(target)
    if isinstance(value, ast.Name):
        if not any(_is_list_named(node, value.id) for node in nodes):
            return None
        holder = value.id
    elif not isinstance(value, ast.List):
        return None
    return _listed(
        code,
        [
            node.args[0]
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "append"
            and code.text(node.func.value) == holder
            and len(node.args) == 1
        ],
    )


def _listed(code: Code, entries: list[ast.expr]) -> str | None:
    """What torch has for a list of these: layers, or parameters alone."""
    if any(_makes_weights(code, entry) for entry in entries):
        return "ModuleList"
    parameter = f"{code.module_name('torch.nn')}.Parameter"
    made = [entry for entry in entries if isinstance(entry, ast.Call)]
    named = made and all(code.text(one.func) == parameter for one in made)
    return "ParameterList" if named and len(made) == len(entries) else None


def _makes_weights(code: Code, entry: ast.expr) -> bool:
    """Whether a layer with weights is made: a ReLU in a list is no loss."""
    own = callee_of(entry) in code.classes()
    return makes_layer(code, entry) and (own or callee_of(entry).startswith(_WITH_WEIGHTS))


def _is_handed_on(code: Code, target: ast.Attribute, value: ast.expr, nodes: list[ast.AST]) -> bool:
    """Whether the constructor reads the list itself again: to put it into a Sequential."""
    names = {code.text(target)} | ({value.id} if isinstance(value, ast.Name) else set())
    appended = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "append"]
    own = [value, *(node.value for node in appended)]
    return any(
        isinstance(node, ast.Name | ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and code.text(node) in names
        and node not in own
        for node in nodes
    )


def _is_list_named(node: ast.AST, name: str) -> bool:
    """Whether a statement makes a list of that name."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.List)
        and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
    )


def _finding(trace: Trace, code: Code, plain: Plain, step: Step) -> Finding:
    sizes = next(spec.shape for spec in step.inputs[1:] if spec.name == "constant" and spec.shape)
    known = sum(param.numel for param in trace.params)
    nn = code.module_name("torch.nn")
    held = "parameters" if plain.holder == "ParameterList" else "layers"
    kind = "dict" if plain.holder == "ModuleDict" else "list"
    empty = isinstance(plain.value, ast.List) and not plain.value.elts
    text = "" if empty else code.text(plain.value)
    return finding(
        UNREGISTERED,
        f"the {held} in `{plain.name}` are no part of the model: it is a plain {kind}",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(code.span(plain.value), f"torch does not look into a {kind}"),
            label(step.call_site, f"`{step.op}` reads a weight of {shape_text(sizes)} here"),
        ),
        why=(
            f"the weight of {shape_text(sizes)} is none of the {known:,} parameters of the model",
        ),
        notes=("`parameters()` and `state_dict()` pass them by: no optimizer trains them",),
        proposals=(
            None
            if nn is None
            else Proposal(
                f"make it a {plain.holder}, which the model sees",
                (code.replace(plain.value, f"{nn}.{plain.holder}({text})"),),
                kind="register",
            ),
        ),
    )
