"""Which statements of a user's file run, where its top level does more than define.

Scripts train, save and plot at their top level. None of that is needed for a trace, and files that
are read again, as if edited, must not do it again: what a run wrote would be written over.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

from shapescope.capture.code_objects import codes_of

__all__ = ["Portion", "defines", "defining", "first_batch", "is_over", "until_training"]

_Defining: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_Functions: TypeAlias = dict[str, ast.FunctionDef | ast.AsyncFunctionDef]

_KEEPING = frozenset(
    {
        "train", "eval", "to", "cuda", "cpu", "float", "double", "half", "bfloat16", "zero_grad",
        "requires_grad_", "load_state_dict", "share_memory", "compile",
    }
)  # fmt: skip
"""Methods that leave a model's structure as it is when a statement calls them on it."""


class Portion(NamedTuple):
    """The statements of a file that run, and the line from which none does."""

    tree: ast.Module
    ends_at: int | None = None


def until_training(tree: ast.Module, wanted: Collection[str] = ()) -> Portion:
    """A file up to the statement of its top level that trains.

    That is one that calls `backward`, itself or through a function of the file. All of the file
    runs where it defines classes or functions behind that, or binds a wanted name there only.

    Args:
        tree: the file.
        wanted: the names that are asked of it, if any.
    """
    functions = _functions(tree)
    for position, statement in enumerate(tree.body):
        if isinstance(statement, _Defining) or _is_guard(statement):
            continue
        if _trains(statement, functions):
            if not is_over(tree, statement.lineno, wanted):
                break
            return Portion(ast.Module(tree.body[:position], tree.type_ignores), statement.lineno)
    return Portion(tree)


def first_batch(tree: ast.Module, line: int) -> ast.Module:
    """What makes the first batch of a statement that trains, and feeds it to the model.

    That is a single round of its loops, and of their bodies what binds names: what is called for
    its effect prints, writes, steps or trains.

    Args:
        tree: the file.
        line: where the statement begins.
    """
    statements = [one for one in tree.body if one.lineno == line]
    return ast.fix_missing_locations(ast.Module(list(_first_round(statements)), []))


def _first_round(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for one in body:
        if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign):
            if not any(isinstance(target, ast.Attribute) for target in _targets(one)):
                yield one
        elif isinstance(one, ast.For):
            inner = [*_first_round(one.body), ast.copy_location(ast.Break(), one)]
            yield ast.copy_location(ast.For(one.target, one.iter, inner, []), one)
        elif isinstance(one, ast.If):
            then, other = list(_first_round(one.body)), list(_first_round(one.orelse))
            yield ast.copy_location(ast.If(one.test, then or [ast.Pass()], other), one)
        elif isinstance(one, ast.While | ast.With | ast.Try):
            yield from _first_round(one.body)


def _targets(statement: ast.Assign | ast.AugAssign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def is_over(tree: ast.Module, line: int, wanted: Collection[str] = ()) -> bool:
    """Whether a file's statements define nothing and bind no wanted name for the first time.

    Args:
        tree: the file.
        line: where the first of these statements stands, the last being the file's last.
        wanted: the names that are asked of it, if any.
    """
    before = [one for one in tree.body if (one.end_lineno or one.lineno) < line]
    behind = tree.body[len(before) :]
    later = set[str]().union(*map(_bound, behind)) - set[str]().union(*map(_bound, before))
    return not later & set(wanted) and not any(map(defines, behind))


def defining(tree: ast.Module, wanted: Collection[str]) -> ast.Module:
    """A file up to the last statement that its classes and the wanted names depend on.

    A statement counts that binds one of them, or a global that such a statement reads, and one that
    changes what is bound: by an assignment to a part, a method, or a function of the file. One that
    trains never counts.

    Args:
        tree: the file.
        wanted: names of its top level, besides its classes.
    """
    needed = {one.name for one in tree.body if isinstance(one, ast.ClassDef)} | set(wanted)
    if not needed:
        return tree  # whatever it imports may be the model
    functions = _functions(tree)
    waiting = {
        position: _bound(statement) | set(_changed(statement, functions))
        for position, statement in enumerate(tree.body)
        if isinstance(statement, _Defining) or not _trains(statement, functions)
    }
    last = -1
    found = set(waiting)
    while found:
        found = {position for position, names in waiting.items() if names & needed}
        for position in found:
            needed |= _read(tree.body[position])
            del waiting[position]
        last = max(last, *found) if found else last
    return ast.Module(tree.body[: last + 1], tree.type_ignores)


def defines(statement: ast.stmt) -> bool:
    """Whether a statement defines a class or a function."""
    return any(isinstance(node, _Defining) for node in ast.walk(statement))


def _functions(tree: ast.Module) -> _Functions:
    """The functions of the top level; a class that trains does so in methods, when it is told."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {one.name: one for one in tree.body if isinstance(one, kinds)}


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _calls_backward(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "backward"
        for part in ast.walk(node)
    )


def _called_names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            yield part.func.id


def _trains(node: ast.AST, functions: _Functions) -> bool:
    """Whether a statement calls `backward`, itself or through functions of the file."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if _calls_backward(one):
            return True
        for name in set(_called_names(one)) & functions.keys() - seen:
            seen.add(name)
            waiting.append(functions[name])
    return False


def _read(statement: ast.stmt) -> set[str]:
    """The globals that a statement reads, now or when what it defines is called.

    The arguments of a constructor or function count as well: a global of that name may fill them.
    """
    found: set[str] = set()
    whole = compile(ast.Module([statement], []), "<statement>", "exec", dont_inherit=True)
    for code in codes_of(whole):
        found |= {
            instruction.argval
            for instruction in dis.get_instructions(code)
            if instruction.opname.startswith("LOAD_")
            and instruction.opname.endswith(("NAME", "GLOBAL", "GLOBALS"))
        }
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef) and (node is statement or node.name == "__init__"):
            found |= {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    return found


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of the top level binds."""
    bound: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Defining):
            bound.add(node.name)
            continue  # what it binds inside is its own
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        waiting.extend(ast.iter_child_nodes(node))
    return bound


def _changed(statement: ast.stmt, functions: _Functions) -> Iterator[str]:
    """The names whose value a statement may change without binding them."""
    if isinstance(statement, _Defining) or _calls_backward(statement):
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _changed_by(node.value, functions)


def _changed_by(call: ast.Call, functions: _Functions) -> Iterator[str]:
    callee = call.func
    if isinstance(callee, ast.Attribute) and callee.attr not in _KEEPING:
        yield from _root(callee)
    elif isinstance(callee, ast.Name) and callee.id in functions:
        if not _trains(functions[callee.id], functions):
            yield from (value.id for value in call.args if isinstance(value, ast.Name))
    elif isinstance(callee, ast.Name) and callee.id in ("setattr", "delattr", "exec"):
        yield from (value.id for value in call.args[:1] if isinstance(value, ast.Name))


def _root(node: ast.expr) -> Iterator[str]:
    """The name that a chain of attributes, subscripts and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
