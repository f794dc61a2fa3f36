"""What a request's text and its file's text tell before anything is executed, or torch loaded."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from shapescope.capture.loading.import_errors import import_problem, missing_file, no_such_name
from shapescope.capture.loading.spec import ModelSpec
from shapescope.source_text import absolute_path, working_folder

__all__ = ["refuse_at_a_glance"]

_BINDING = frozenset(
    {"exec", "eval", "globals", "locals", "vars", "setattr", "__import__", "__getattr__"}
)
"""What a file reads that may bind names which stand nowhere in it."""

_PLAIN = frozenset({"torch", "torchvision", "numpy", *sys.stdlib_module_names})
"""Packages that hold no model instance under a name to import."""

_NO_MODULES = ("Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer")


class _Names(NamedTuple):
    """The public names of a file's top level, in the order in which it binds them.

    Attributes:
        own: all of them.
        models: those of model classes, then those of models.
    """

    own: list[str]
    models: list[str]


def refuse_at_a_glance(parsed: ModelSpec) -> None:
    """Refuse what is certain to be refused once the file or module is executed, in the same words.

    Raises:
        ShapescopeError: the file cannot be read, is no Python or defines no such name; or there is
            no such package or model of torchvision.
    """
    if parsed.kind == "file":
        _refuse_file(parsed)
    elif parsed.kind == "package":
        top = parsed.place.partition(".")[0]
        if not _is_installed(top):
            raise import_problem(ModuleNotFoundError(name=top), parsed.place)
    elif parsed.kind == "torchvision":
        from shapescope.capture.loading import zoo_request
        from shapescope.capture.loading.zoo_names import torchvision_names

        names = torchvision_names()
        if names and parsed.place.lower() not in names:
            raise zoo_request.no_such_name(parsed, names)


def _refuse_file(parsed: ModelSpec) -> None:
    path = absolute_path(parsed.place)
    if Path(path).is_dir():
        raise missing_file(parsed.place)
    if not Path(path).is_file():
        return  # a pipe can be read once only
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(Path(path).read_bytes(), path)
    except (OSError, SyntaxError) as error:
        raise import_problem(error, path) from error
    except (ValueError, RecursionError, MemoryError):
        return  # told once it is executed
    name = parsed.attribute.partition(".")[0]
    if not name or _may_bind(tree, name):
        return
    names = _names(tree)
    if names is not None:
        raise no_such_name(parsed.attribute, parsed.place, name, names.models, names.own)


def _is_installed(top: str) -> bool:
    """Whether a package or module is there, as far as can be told without importing it."""
    if top in sys.modules or top in sys.builtin_module_names:
        return True
    try:
        beside = PathFinder.find_spec(top, [working_folder()])
        return beside is not None or find_spec(top) is not None
    except (ImportError, ValueError):
        return True


def _may_bind(tree: ast.Module, name: str) -> bool:
    """Whether anything in a file may bind that name at its top level."""
    for node in ast.walk(tree):
        for bound in _bound_by(node):
            if bound in ("*", name) or bound in _BINDING:
                return True
    return False


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a node binds, and those it reads, which may be a way to bind others."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield "globals" if node.attr in ("modules", "__dict__") else ""
    elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.MatchAs):
        yield node.name or ""
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchStar):
        yield node.name or ""
    elif isinstance(node, ast.MatchMapping):
        yield node.rest or ""
    elif isinstance(node, ast.Global):
        yield from node.names


def _names(tree: ast.Module) -> _Names | None:
    """The names of a file and which of them are models; None where that takes executing it."""
    meanings: dict[str, str] = {}
    own: dict[str, None] = {}
    classes: dict[str, None] = {}
    instances: dict[str, None] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = _imported(node)
            if imported is None:
                return None
            meanings |= imported
            own |= dict.fromkeys(imported)
        elif isinstance(node, ast.ClassDef):
            is_model = _is_model_class(node, meanings, classes)
            if is_model is None:
                return None
            own[node.name] = None
            if is_model:
                classes[node.name] = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own[node.name] = None
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            made = _made(node.value, meanings, classes)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if made is None or not all(isinstance(target, ast.Name) for target in targets):
                return None
            bound = {target.id: None for target in targets if isinstance(target, ast.Name)}
            own |= bound if node.value is not None else {}
            instances |= bound if made else {}
        elif not isinstance(node, ast.Expr) and not _is_guard(node):
            return None
    public = [name for name in own if not name.startswith("_")]
    return _Names(public, [*classes, *instances])


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "__name__ == '__main__'",
        "'__main__' == __name__",
    )


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, str] | None:
    """What an import binds: dotted names by name; None where that may be a model."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: (
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
            for alias in node.names
        }
    if node.level or (node.module or "").partition(".")[0] not in _PLAIN:
        return None
    return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}


def _dotted(node: ast.expr, meanings: dict[str, str]) -> str:
    """The full dotted name that an expression means; "" where it means none that is known."""
    if isinstance(node, ast.Name):
        return meanings.get(node.id, "")
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, meanings)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _is_torch_module(dotted: str) -> bool | None:
    """Whether a dotted name is a module class of torch; None where that is not certain."""
    before, _, name = dotted.rpartition(".")
    if before != "torch.nn" or not name[:1].isupper():
        return None
    return name not in _NO_MODULES


def _is_model_class(
    node: ast.ClassDef, meanings: dict[str, str], classes: dict[str, None]
) -> bool | None:
    """Whether a class is one of modules; None where that is not certain."""
    if node.decorator_list or node.keywords:
        return None
    if not node.bases:
        return False
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            return True
        if _is_torch_module(_dotted(base, meanings)):
            return True
    return None


def _made(
    value: ast.expr | None, meanings: dict[str, str], classes: dict[str, None]
) -> bool | None:
    """Whether an assigned value is a model; None where that is not certain."""
    if value is None:
        return False
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Name) and value.func.id in classes:
            return True
        dotted = _dotted(value.func, meanings)
        return None if dotted.endswith("Loss") else _is_torch_module(dotted)
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    return False
