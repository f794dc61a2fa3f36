"""Executing a user's file, importing a user's module, calling a user's function."""

# Paths are strings here, not `Path`: `sys.path` and code objects hold strings as typed.
# ruff: noqa: PTH120
from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from traceback import walk_tb
from typing import Any

from torch import nn

from shapescope.capture.loading.at_work import executing, line_at_work
from shapescope.capture.loading.first_backward import TrainsError, ends_at_backward
from shapescope.capture.loading.first_calls import IsFedError, ends_at_model
from shapescope.capture.loading.import_errors import import_problem
from shapescope.capture.loading.one_device import without_gpu
from shapescope.capture.loading.top_level import (
    defines,
    defining,
    first_batch,
    is_over,
    until_training,
)
from shapescope.capture.loading.userfile import UserCode
from shapescope.capture.source import call_user
from shapescope.diagnostic import ShapescopeError
from shapescope.source_text import absolute_path, display_path, working_folder

__all__ = ["UserCode", "call_function", "load_file", "load_module"]


def load_file(
    file: str,
    overrides: Mapping[Path, str] | None = None,
    *,
    wanted: Collection[str] | None = None,
) -> UserCode:
    """Execute a file afresh.

    Args:
        file: its path.
        overrides: text by path of files that are edited in memory, this one or what it imports.
        wanted: the names of a model that the file is read for, none for whichever it holds: then it
            is not trained, ends with what it has where it raises behind its definitions, and does
            no more than define the model where it is edited. None executes all of it.

    Raises:
        ShapescopeError: it is absent, cannot be read, is no Python, or raises or exits.
    """
    path = absolute_path(file)
    folder = os.path.dirname(path)
    root, package = _package_of(path)
    code = UserCode(path, [root], overrides)
    if root != folder:
        code.add_fallback(folder)
    with _refusing(path), code.environment():
        text = code.texts.get(path)
        source: str | bytes = Path(path).read_bytes() if text is None else text
        code.tree = ast.parse(source, path)
        ends_at = None if wanted is None else _choose_portion(code, wanted)
        try:
            with executing(path, code.tree), _ending_at_training(code, wanted):
                call_user(without_gpu, _execute, code, package)
                if ends_at is not None:
                    _make_first_batch(code, ends_at)
        except TrainsError as stop:
            code.told += (_training_note(path, stop.line),)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if wanted is None or not _is_behind_definitions(error, code):
                raise
            code.broken = import_problem(error, path)
            code.told = (f"{code.broken}; what stands above that line is taken",)
    return code


def _execute(code: UserCode, package: str) -> None:
    """Execute a file, as a part of the package it lies in where it imports from that."""
    assert code.file is not None
    name = Path(code.file).stem
    if package and code.owns(code.file) and _imports_package(code.tree, package):
        code.module = importlib.import_module(f"{package}.{name}")
    else:
        code.execute(name, package)


def _make_first_batch(code: UserCode, line: int) -> None:
    """Let a file's training go as far as its first batch; what that binds is not the file's."""
    assert code.file is not None
    feeding = compile(first_batch(code.tree, line), code.file, "exec", dont_inherit=True)
    try:
        with ends_at_model():
            call_user(without_gpu, exec, feeding, dict(vars(code.module)))
    except (IsFedError, TrainsError):
        return
    except Exception:  # noqa: BLE001  # the user's code may raise anything
        place = f"{display_path(code.file)}:{line}"
        code.told += (f"the first batch of {place} could not be made: --input gives its shape",)


def _ending_at_training(
    code: UserCode, wanted: Collection[str] | None
) -> AbstractContextManager[None]:
    """What keeps a file that is read for its model from training it."""
    if wanted is None or code.file is None:
        return nullcontext()
    tree = code.running or code.tree
    return ends_at_backward(code.file, lambda line: is_over(tree, line, wanted))


def _training_note(file: str, line: int) -> str:
    place = f"{display_path(file)}:{line}"
    return f"{place} trains when the file runs: it is not executed from there on"


def _choose_portion(code: UserCode, wanted: Collection[str]) -> int | None:
    """Choose what of a file runs to get a model from it; the line that trains comes back."""
    assert code.file is not None
    if code.overrides:
        code.running = defining(code.tree, wanted)
        return None
    code.running, ends_at = until_training(code.tree, wanted)
    if ends_at is not None:
        code.told += (_training_note(code.file, ends_at),)
    return ends_at


def _is_behind_definitions(error: BaseException, code: UserCode) -> bool:
    """Whether a file raised with definitions, or a model, in front of it and none behind."""
    assert code.file is not None
    line = line_at_work(code.file, walk_tb(error.__traceback__))
    above = [one for one in code.tree.body if (one.end_lineno or one.lineno) < line]
    made = any(isinstance(value, nn.Module) for value in list(vars(code.module).values()))
    return line > 0 and (made or any(map(defines, above))) and is_over(code.tree, line)


def load_module(name: str, overrides: Mapping[Path, str] | None = None) -> UserCode:
    """Import a module by its dotted name, from the working folder or installed.

    Raises:
        ShapescopeError: there is none, or it raises or exits.
    """
    code = UserCode(None, [working_folder()], overrides)
    with _refusing(name), code.environment():
        code.module = call_user(without_gpu, importlib.import_module, name)
    code.file = getattr(code.module, "__file__", None)
    return code


def call_function(source: str, overrides: Mapping[Path, str] | None = None) -> Any:
    """What the function `file.py:name` returns.

    Raises:
        ShapescopeError: the file or the function is absent, or raises.
    """
    file, _, name = source.rpartition(":")
    code = load_file(file, overrides)
    function = getattr(code.module, name, None)
    if not callable(function):
        raise ShapescopeError(f"{display_path(file)} has no function `{name}`")
    with _refusing(file, f"`{name}` raises"), code.environment():
        return call_user(without_gpu, function)


@contextmanager
def _refusing(place: str, what: str = "") -> Iterator[None]:
    """Say in one line what a file of the user's did wrong while it was executed."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # also SystemExit, and what pytest.skip raises
        raise import_problem(error, place, what) from error


def _package_of(path: str) -> tuple[str, str]:
    """The folder to import a file from, and the dotted name of the package it lies in."""
    folder = os.path.dirname(path)
    names: list[str] = []
    while Path(folder, "__init__.py").is_file():
        folder, name = os.path.split(folder)
        if not name.isidentifier():
            return os.path.dirname(path), ""
        names.insert(0, name)
    return folder, ".".join(names)


def _imports_package(tree: ast.Module, package: str) -> bool:
    """Whether a file imports from the package it lies in: then it has to be a part of it."""
    top = package.partition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").partition(".")[0] == top:
                return True
        elif isinstance(node, ast.Import) and any(
            alias.name.partition(".")[0] == top for alias in node.names
        ):
            return True
    return False
