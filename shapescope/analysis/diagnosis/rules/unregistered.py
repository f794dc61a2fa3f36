"""Layers in a plain list: the forward pass calls them, and the model does not know them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapescope.analysis.code import Code
from shapescope.analysis.code.owners import class_node
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.rules.assigned import is_self, makes_layer
from shapescope.analysis.diagnosis.words import primary, shape_text
from shapescope.diagnostic import Severity
from shapescope.trace import Step, Trace

UNREGISTERED = declare(
    "layers-not-registered", "layers stand in a plain list, where the model does not see them"
)

_OF_LAYERS = ("linear", "conv", "embedding", "batch_norm", "layer_norm", "group_norm")


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain list of layers on a module.

    Attributes:
        name: of the attribute.
        value: what it is given.
    """

    name: str
    value: ast.expr


def reads_a_foreign_weight(step: Step) -> bool:
    """Whether a layer's work is done with a weight that is no parameter of the model.

    So it is for a layer that no module holds, and for a kernel that somebody wrote down: which of
    the two it is, the source tells.
    """
    return (
        step.kind == "function"
        and not step.params
        and step.op.startswith(_OF_LAYERS)
        and any(spec.name == "constant" for spec in step.inputs[1:])
    )


@scanning
def unregistered(case: Case) -> Iterator[Finding]:
    """Each plain list of layers of a class whose forward pass reads weights of no module."""
    trace = case.trace
    first: dict[str, Step] = {}
    for step in filter(reads_a_foreign_weight, trace.steps):
        owner = None if step.parent is None else trace.steps[step.parent]
        if owner is not None:
            first.setdefault(owner.class_name, step)
    for class_name, step in first.items():
        found = class_node(trace, class_name)
        if found is not None:
            for plain in _plain_lists(*found):
                yield _finding(trace, found[0], plain, step)


def _plain_lists(code: Code, cls: ast.ClassDef) -> Iterator[Plain]:
    for function in cls.body:
        if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
            continue
        nodes = list(ast.walk(function))
        for node in nodes:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target, value = node.targets[0], node.value
            if not isinstance(target, ast.Attribute) or not is_self(target.value):
                continue
            if _holds_layers(code, value, nodes, target):
                yield Plain(target.attr, value)


def _holds_layers(code: Code, value: ast.expr, nodes: list[ast.AST], target: ast.Attribute) -> bool:
    """Whether an attribute's value is a list that layers are written in or appended to."""
    if isinstance(value, ast.ListComp):
        return makes_layer(code, value.elt)
    if isinstance(value, ast.List) and value.elts:
        return any(makes_layer(code, entry) for entry in value.elts)
    holder = code.text(target)
    if isinstance(value, ast.Name):
        if not any(_is_list_named(node, value.id) for node in nodes):
            return False
        holder = value.id
    elif not isinstance(value, ast.List):
        return False
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and code.text(node.func.value) == holder
        and len(node.args) == 1
        and makes_layer(code, node.args[0])
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
    sizes = next(spec.shape for spec in step.inputs[1:] if spec.name == "constant")
    known = sum(param.numel for param in trace.params)
    nn = code.module_name("torch.nn")
    empty = isinstance(plain.value, ast.List) and not plain.value.elts
    text = "" if empty else code.text(plain.value)
    return finding(
        UNREGISTERED,
        f"the layers in `{plain.name}` are no part of the model: it is a plain list",
        severity=Severity.WARNING,
        step=step,
        labels=(
            primary(code.span(plain.value), "torch does not look into a list"),
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
                "make it a ModuleList, which the model sees",
                (code.replace(plain.value, f"{nn}.ModuleList({text})"),),
                kind="register",
            ),
        ),
    )
