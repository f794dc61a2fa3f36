"""What surrounds a Python file of the user's while code of it runs, and nothing of it afterwards.

While it runs (and whenever its models are built or called again) its folder is on `sys.path`,
`sys.argv` is the file alone, stdin is closed and what it prints goes to stderr. What it imports
from its own folders is read from source each time, is not written to any cache, and leaves
`sys.modules` with it: two files that both import a `layers.py` of their own never mix.
"""

# Paths are strings here, not `Path`: `sys.path` and code objects hold strings as typed.
# ruff: noqa: PTH100, PTH118
from __future__ import annotations

import ast
import importlib
import os
import sys
import types
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path

import torch

from shapescope.capture.loading.late_compiler import late_compiler
from shapescope.capture.loading.uncompiled import uncompiled
from shapescope.capture.source import is_library_file
from shapescope.diagnostic import ShapescopeError
from shapescope.source_text import absolute_path, overridden, working_folder

__all__ = ["UserCode"]

_PREFIX = "_shapescope_file_"
_numbers = count(1)


class _SourceLoader(SourceFileLoader):
    """Compiles the text as it is now: no bytecode is read or written."""

    def __init__(self, name: str, path: str, owner: UserCode) -> None:
        super().__init__(name, path)
        self._owner = weakref.ref(owner)
        self._text = owner.texts.get(path)
        self._tree = owner.running if path == owner.file else None

    def get_code(self, fullname: str) -> types.CodeType:
        if self._tree is not None:
            return compile(self._tree, self.path, "exec", dont_inherit=True)
        source = self.get_data(self.path) if self._text is None else self._text
        return compile(source, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: types.ModuleType) -> None:
        owner = self._owner()
        if owner is not None and self.path == owner.file:
            owner.keep(module)
        super().exec_module(module)


class _FolderFinder(MetaPathFinder):
    """Finds the modules that lie in a user's own folders."""

    def __init__(self, owner: UserCode) -> None:
        self._owner = weakref.ref(owner)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> ModuleSpec | None:
        owner = self._owner()
        if owner is None or fullname in sys.builtin_module_names:
            return None
        gone = _gone(fullname, sys.path if path is None else path, owner.texts)
        if gone is not None:
            loader = _SourceLoader(fullname, gone, owner)
            return spec_from_file_location(fullname, gone, loader=loader)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or type(spec.loader) is not SourceFileLoader:
            return None
        origin = os.path.abspath(spec.origin)
        if not owner.owns(origin):
            return None
        spec.loader = _SourceLoader(fullname, origin, owner)
        spec.origin = origin
        spec.cached = None
        return spec


def _gone(fullname: str, folders: Sequence[str], texts: Mapping[str, str]) -> str | None:
    """The file of a module that has a text in memory and none on the disk."""
    name = fullname.rpartition(".")[2]
    for folder in folders:
        for file in (os.path.join(folder, name, "__init__.py"), os.path.join(folder, f"{name}.py")):
            if file in texts and not os.path.lexists(file):
                return file
    return None


class UserCode:
    """A module of the user's and all that has to be in place while code of it runs.

    Attributes:
        module: the executed module.
        tree: its syntax tree.
        running: the part of it that is executed; None for all of it.
        broken: what ended it early, behind its definitions.
        told: for people: why something of it was not executed.
        file: its absolute path as the user named it; None where it has no source file.
        folders: the folders that count as the user's.
        texts: text by absolute path of files that are edited in memory.
    """

    def __init__(
        self, file: str | None, folders: Sequence[str], overrides: Mapping[Path, str] | None
    ) -> None:
        self.file = file
        self.folders = [_with_separator(folder) for folder in folders if folder]
        self.overrides = dict(overrides or {})
        self.texts = {absolute_path(path): text for path, text in self.overrides.items()}
        self.module = types.ModuleType("not executed yet")
        self.tree = ast.Module([], [])
        self.running: ast.Module | None = None
        self.broken: ShapescopeError | None = None
        self.told: tuple[str, ...] = ()
        self._paths = [folder for folder in folders if folder]
        # A project is often run from its root: its packages are found there, but last of all.
        self._fallbacks = [working_folder()] if working_folder() else []
        self.folders.extend(_with_separator(folder) for folder in self._fallbacks)
        self._siblings: dict[str, types.ModuleType] = {}
        self._dtype = torch.get_default_dtype()
        self._depth = 0

    def owns(self, path: str) -> bool:
        """Whether a file is the user's own: in one of the folders, and no installed package's."""
        return not is_library_file(path) and any(path.startswith(base) for base in self.folders)

    def add_fallback(self, folder: str) -> None:
        """Import from this folder too, where nothing else has the module."""
        self._fallbacks.append(folder)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the user's that was read, the named one first."""
        found = [] if self.file is None else [self.file]
        for module in self._siblings.values():
            path = _file_of(module)
            if path is not None and path not in found and not path.endswith(os.sep):
                found.append(path)
        return tuple(Path(path) for path in found)

    def keep(self, module: types.ModuleType) -> None:
        """Take what is executed now: if it ends early, what it defined until then is there."""
        if self.module.__spec__ is None or self.module.__name__ == module.__name__:
            self.module = module

    def execute(self, name: str, package: str) -> types.ModuleType:
        """Execute the file as a module of its own that nobody else will import.

        Args:
            name: the file's name, for the module's.
            package: the dotted package it lies in, or "".
        """
        assert self.file is not None
        own = f"{_PREFIX}{next(_numbers)}_{name}"
        full = f"{package}.{own}" if package else own
        loader = _SourceLoader(full, self.file, self)
        spec = spec_from_file_location(full, self.file, loader=loader)
        assert spec is not None
        self.module = module = module_from_spec(spec)
        sys.modules[full] = module
        weakref.finalize(self, sys.modules.pop, full, None)
        loader.exec_module(module)
        return module

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Everything in place for code of this file to run; put back as it was afterwards."""
        if self._depth:
            yield
            return
        finder = _FolderFinder(self)
        path, argv, stdin, stdout = list(sys.path), sys.argv, sys.stdin, sys.__stdout__
        dtype = torch.get_default_dtype()
        importlib.invalidate_caches()
        hidden = self._hide_namesakes()
        before = set(sys.modules)
        self._depth += 1
        try:
            with (
                Path(os.devnull).open(encoding="utf-8") as closed,
                _descriptor_to_stderr(),
                redirect_stdout(sys.stderr),
                overridden(self.overrides),
                uncompiled(),
                late_compiler(),
            ):
                sys.path[:] = self._search_path(path)
                sys.argv = [self.file or argv[0]]
                sys.stdin = closed
                sys.__stdout__ = sys.stderr  # type: ignore[misc, assignment]
                sys.meta_path.insert(_before_path_finder(), finder)
                torch.set_default_dtype(self._dtype)
                yield
        finally:
            self._depth -= 1
            self._dtype = torch.get_default_dtype()
            torch.set_default_dtype(dtype)
            self._keep_paths(path)
            sys.path[:], sys.argv, sys.stdin = path, argv, stdin
            sys.__stdout__ = stdout  # type: ignore[misc]
            sys.meta_path.remove(finder)
            self._take_siblings(before)
            sys.modules.update(hidden)

    def _search_path(self, path: list[str]) -> list[str]:
        rest = [entry for entry in path if entry not in self._paths]
        last = [folder for folder in self._fallbacks if folder not in (*self._paths, *rest)]
        return [*self._paths, *rest, *last]

    def _keep_paths(self, path: list[str]) -> None:
        """Remember what the file itself put on `sys.path`, for the next time it runs."""
        known = {*path, *self._paths, *self._fallbacks}
        for entry in sys.path:
            if entry and entry not in known:
                self._paths.append(os.path.abspath(entry))
                self.folders.append(_with_separator(os.path.abspath(entry)))

    def _hide_namesakes(self) -> dict[str, types.ModuleType]:
        """Put own imports in place, and take away modules of the same name from elsewhere."""
        names = {name.partition(".")[0] for name in self._siblings}
        for folder in self.folders:
            try:
                names.update(entry.name.partition(".")[0] for entry in os.scandir(folder))
            except OSError:
                continue
        hidden = {}
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            path = _file_of(sys.modules[name])
            if name != "__main__" and path is not None and not is_library_file(path):
                hidden[name] = sys.modules.pop(name)
        sys.modules.update(self._siblings)
        return hidden

    def _take_siblings(self, before: set[str]) -> None:
        for name in set(sys.modules) - (before - set(self._siblings)):
            path = _file_of(sys.modules[name])
            if path is not None and self.owns(path) and _PREFIX not in name:
                self._siblings[name] = sys.modules.pop(name)


@contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    """What subprocesses and C write to descriptor 1 goes to stderr too."""
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not stream.closed:
            # What was written before belongs where it was meant to go.
            stream.flush()
    try:
        saved = os.dup(1)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def _before_path_finder() -> int:
    """The position in `sys.meta_path` from which files are found, the latest owner first."""
    for position, finder in enumerate(sys.meta_path):
        if finder is PathFinder or isinstance(finder, _FolderFinder):
            return position
    return len(sys.meta_path)


def _with_separator(folder: str) -> str:
    return os.path.join(folder, "")


def _file_of(module: object) -> str | None:
    """The source file of a module; for a folder without `__init__`, the folder and a separator."""
    try:
        path = getattr(module, "__file__", None)
        folder = None if path is not None else next(iter(getattr(module, "__path__", ())), None)
    except Exception:  # noqa: BLE001  # a lazy module may import, and fail, when it is asked
        return None
    if isinstance(folder, str):
        return _with_separator(os.path.abspath(folder))
    return os.path.abspath(path) if isinstance(path, str) else None
