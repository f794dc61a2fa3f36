"""Which class of a file is the model, where the user named only the file."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from torch import nn

__all__ = ["candidates", "instances", "model_classes", "no_model"]

_ASKING = ("super", "isinstance", "issubclass")
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign


def model_classes(module: ModuleType) -> dict[str, type[nn.Module]]:
    """The classes of modules that a file itself defines, in its order, under its names."""
    found: dict[str, type[nn.Module]] = {}
    for name, value in vars(module).items():
        if not isinstance(value, type) or not issubclass(value, nn.Module):
            continue
        if value.__module__ == module.__name__ and value not in found.values():
            found[name] = value
    return found


def instances(module: ModuleType) -> dict[str, nn.Module]:
    """The modules that a file builds at its top level and keeps under a name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, nn.Module) and not isinstance(value, nn.modules.loss._Loss)
    }


def candidates(module: ModuleType, tree: ast.Module) -> list[str]:
    """The model classes of a file that no other class in it constructs, in its order.

    A class constructs another by calling it, by naming it in a table or default that it reads, or
    through the file's functions; a class that is handed to another's constructor is a part of that
    one. A class without a forward of its own or inherited is no model, unless no class has one; an
    abstract class cannot be built, so it is named only where nothing else is left.
    """
    every = model_classes(module)
    able = {name: cls for name, cls in every.items() if cls.forward is not nn.Module.forward}
    classes = able or every
    definitions = dict(_definitions(tree))
    parts: set[str] = set()
    for name in classes:
        parts |= _reached(name, definitions) - {name}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _called(call) in classes:
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            handed = {node.id for node in values if isinstance(node, ast.Name)}
            parts |= handed - {_called(call)}
    left = [name for name in classes if name not in parts] or list(classes)
    return [name for name in left if not inspect.isabstract(classes[name])] or left


def no_model(module: ModuleType, tree: ast.Module, shown: str) -> str:
    """Why a file that was named alone holds no model, and what could be named instead."""
    guarded = _below_main(tree)
    if guarded is not None:
        return (
            f'{shown} makes its model below `if __name__ == "__main__":`, which does not run here; '
            f"move {guarded} above that line, or into a function, and name it: {shown}:{guarded}"
        )
    functions = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and callable(getattr(module, node.name, None))
        and any(isinstance(part, ast.Return) and part.value for part in ast.walk(node))
    ]
    problem = f"{shown} holds no model: no class in it subclasses torch.nn.Module"
    if not functions:
        return f"{problem}; name a function that returns one: {shown}:function"
    listed = ", ".join(functions[:6])
    return f"{problem}; if a function returns one ({listed}), name that: {shown}:{functions[0]}"


def _below_main(tree: ast.Module) -> str | None:
    """The class or variable that is likely the model among what only a program run makes."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)):
            continue
        for statement in node.body:
            if isinstance(statement, ast.ClassDef) and "Module" in ast.unparse(statement):
                return statement.name
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            for target in statement.targets:
                called = ast.unparse(statement.value.func)
                if isinstance(target, ast.Name) and (
                    target.id.lower() in ("model", "net", "network")
                    or called.startswith(("nn.", "torch.nn."))
                ):
                    return target.id
    return None


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _definitions(tree: ast.Module) -> Iterator[tuple[str, _Definition]]:
    """What the file's top level binds, also inside `if` and `try`."""
    for node in tree.body:
        inside = [node]
        if isinstance(node, ast.If | ast.Try | ast.With):
            inside = [child for child in ast.walk(node) if isinstance(child, ast.stmt)]
        for statement in inside:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield statement.name, statement
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        yield target.id, statement
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                yield statement.target.id, statement


def _reached(name: str, definitions: dict[str, _Definition]) -> set[str]:
    """The names whose definitions a class uses, directly or through functions and tables."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        definition = definitions.get(waiting.pop())
        if definition is None:
            continue
        for used in _used(definition):
            if used not in reached and used in definitions:
                reached.add(used)
                if not isinstance(definitions[used], ast.ClassDef):
                    waiting.append(used)
    return reached


def _used(definition: _Definition) -> Iterator[str]:
    """Names that a definition reads to make something: no bases, annotations or type checks."""
    waiting: list[ast.AST] = [definition]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Call) and _called(node) in _ASKING:
            continue
        for field, value in ast.iter_fields(node):
            if field in ("bases", "annotation", "returns", "decorator_list"):
                continue
            values = value if isinstance(value, list) else [value]
            waiting.extend(item for item in values if isinstance(item, ast.AST))
