"""A twin of a live model, built from its classes' source, so that edits of it can be tried.

The source is not executed as a whole: it may train, or ask for this very trace. Only classes of
modules and plain functions are defined afresh, in a copy of the names that are around them, and
the expression that made the model is evaluated again. A twin counts only if it is built alike.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.source import is_library_file, is_user_code
from shapescope.diagnostic import ShapescopeError
from shapescope.source_text import absolute_path, overridden, source_tree
from shapescope.syntax import callee_of

__all__ = ["twin_of"]

_PLAIN_CALLS = ("OrderedDict", "range", "list", "tuple", "dict", "len", "zip", "int")
_MOST_CALLS = 12
_MOST_FRAMES = 6


def twin_of(model: nn.Module) -> LoadedModel | None:
    """A model like the live one that can be built afresh, also from edited source.

    None where no expression in sight makes one of the same layers and sizes.
    """
    wanted = _anatomy(model)
    for making in _makings(model):
        twin = _twin(model, making, {})
        try:
            built = twin.build("meta")
        except ShapescopeError:
            continue
        if _anatomy(built.module) == wanted:
            return twin
    return None


@dataclass(frozen=True)
class _Making:
    """What makes the model: a plain call of its class, or one written in a file.

    Attributes:
        file: where the call stands; empty for a plain one.
        number: which of the calls of that class in the file it is.
        names: what its names mean.
    """

    file: str = ""
    number: int = 0
    names: Mapping[str, Any] = field(default_factory=dict)


def _twin(model: nn.Module, making: _Making, texts: Mapping[Path, str]) -> LoadedModel:
    """The model as one that is built by `making`, its files read with `texts`."""
    kind = type(model)
    files = tuple(dict.fromkeys([*_files_of(model), *filter(None, [making.file])]))

    def make() -> Any:
        with overridden(texts):
            fresh = _defined_afresh(model)
            if not making.file:
                return fresh.get(id(kind), kind)()
            call = list(_calls_of(kind, making.file))[making.number]
            names = {key: fresh.get(id(value), value) for key, value in making.names.items()}
            return _evaluated(call, making.file, names)

    return LoadedModel(
        spec=kind.__name__,
        name=kind.__name__,
        class_name=kind.__name__,
        make=make,
        file=Path(files[0]) if files else None,
        overrides=texts,
        files=tuple(Path(file) for file in files),
        reload=lambda changed: _twin(model, making, changed),
    )


def _frames_of_the_user() -> Iterator[FrameType]:
    """The user's frames, the innermost first: whoever asked for the trace, and their callers."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_code(frame.f_code):
            yield frame
        frame = frame.f_back


def _makings(model: nn.Module) -> Iterator[_Making]:
    """What may have made the model, the likeliest first."""
    kind = type(model)
    home = absolute_path(_file_of(kind))
    own = not is_library_file(home)
    places: list[tuple[str, Mapping[str, Any]]] = [
        (absolute_path(frame.f_code.co_filename), {**frame.f_globals, **frame.f_locals})
        for frame in islice(_frames_of_the_user(), _MOST_FRAMES)
    ]
    if own and kind.__module__ in sys.modules:
        places.append((home, vars(sys.modules[kind.__module__])))
    for file, names in places:
        for number, _ in zip(range(_MOST_CALLS), _calls_of(kind, file), strict=False):
            yield _Making(file, number, names)
    if own:
        yield _Making()


def _calls_of(kind: type, file: str) -> Iterator[ast.Call]:
    """The outermost calls of a class in a file, in order."""
    tree = source_tree(file)
    waiting: list[ast.AST] = [] if tree is None else [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and callee_of(node) == kind.__name__:
            yield node
            continue
        waiting += reversed(list(ast.iter_child_nodes(node)))


def _evaluated(call: ast.Call, file: str, names: dict[str, Any]) -> Any:
    """What a constructor's call gives.

    Raises:
        ValueError: it calls what may do more than build a layer.
    """
    for node in ast.walk(call):
        if isinstance(node, ast.Call) and not _only_builds(node.func, names):
            raise ValueError(f"{ast.unparse(node.func)} may do more than build a layer")
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda):
            raise ValueError("the expression does more than build a layer")
    code = compile(ast.Expression(call), file, "eval")
    return eval(code, dict(names))  # noqa: S307 - the user's own expression, whose calls all build layers


def _only_builds(func: ast.expr, names: Mapping[str, Any]) -> bool:
    """Whether what is called is a class of modules, or one of a few plain built-ins."""
    if isinstance(func, ast.Name) and func.id in _PLAIN_CALLS:
        return True
    value: Any = None
    if isinstance(func, ast.Name):
        value = names.get(func.id)
    elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        value = getattr(names.get(func.value.id), func.attr, None)
    elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Attribute):
        inner = func.value
        if isinstance(inner.value, ast.Name):
            part = getattr(names.get(inner.value.id), inner.attr, None)
            value = getattr(part, func.attr, None)
    return isinstance(value, type) and issubclass(value, nn.Module)


def _file_of(kind: type) -> str:
    """The file of a class's own functions; empty where it has none in Python."""
    for name in ("__init__", "forward"):
        function: Any = vars(kind).get(name)
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        if isinstance(function, FunctionType):
            return function.__code__.co_filename
    return ""


def _own_classes(model: nn.Module) -> list[type]:
    """The user's classes that the model is made of, bases included."""
    found: dict[type, None] = {}
    for module in model.modules():
        for kind in reversed(type(module).__mro__):
            file = _file_of(kind) if issubclass(kind, nn.Module) else ""
            if file and not is_library_file(absolute_path(file)):
                found[kind] = None
    return list(found)


def _files_of(model: nn.Module) -> list[str]:
    kinds = _own_classes(model)
    own = [kind for kind in kinds if kind is type(model)]
    return list(dict.fromkeys(absolute_path(_file_of(kind)) for kind in [*own, *kinds]))


def _defined_afresh(model: nn.Module) -> dict[int, Any]:
    """New classes and functions by the identity of those they stand for, from the source as it is.

    The functions beside the classes are defined anew as well: they may be what builds the layers.
    """
    spaces: dict[str, dict[str, Any]] = {}
    new: dict[int, Any] = {}
    done: set[tuple[str, str]] = set()
    for kind in _own_classes(model):
        file, home = absolute_path(_file_of(kind)), sys.modules.get(kind.__module__)
        tree = source_tree(file)
        if tree is None or home is None:
            continue
        space = spaces.setdefault(kind.__module__, dict(vars(home)))
        if "<locals>" in kind.__qualname__:
            space.update(_enclosed_by(kind))
            nodes = [
                cast("ast.stmt", node)
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef) and node.name == kind.__name__
            ][:1]
            old: Mapping[str, Any] = {kind.__name__: kind}
        else:
            nodes = [node for node in tree.body if _is_definition(node, vars(home))]
            old = vars(home)
        for node in nodes:
            name = getattr(node, "name", "")
            if (file, name) in done:
                continue
            done.add((file, name))
            before = old.get(name)
            exec(compile(ast.Module([node], []), file, "exec"), space)
            if before is not None:
                new[id(before)] = space[name]
    for space in spaces.values():
        # Those that came from another file by import are the new ones too.
        space.update({key: new[id(value)] for key, value in space.items() if id(value) in new})
    return new


def _is_definition(node: ast.stmt, names: Mapping[str, Any]) -> bool:
    """Whether a statement defines a class of modules or a plain function, and does nothing else."""
    if isinstance(node, ast.FunctionDef):
        return not node.decorator_list and isinstance(names.get(node.name), FunctionType)
    value = names.get(node.name) if isinstance(node, ast.ClassDef) else None
    return isinstance(value, type) and issubclass(value, nn.Module)


def _enclosed_by(kind: type) -> dict[str, Any]:
    """The names that the functions of a class took from the function around it."""
    found: dict[str, Any] = {}
    for function in vars(kind).values():
        if isinstance(function, FunctionType):
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            ):
                try:
                    found[name] = cell.cell_contents
                except ValueError:  # not bound yet
                    continue
    found.pop("__class__", None)
    return found


def _anatomy(model: nn.Module) -> list[tuple[str, ...]]:
    """Layers and sizes: what two models have alike that one constructor made."""
    layers = [(path, type(one).__name__, one.extra_repr()) for path, one in model.named_modules()]
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return [*layers, *((name, _shape_text(tensor)) for name, tensor in tensors)]


def _shape_text(tensor: Tensor) -> str:
    """The sizes of a tensor; a lazy one has none yet, and refuses to be asked."""
    return "lazy" if is_lazy(tensor) else str(tuple(tensor.shape))
