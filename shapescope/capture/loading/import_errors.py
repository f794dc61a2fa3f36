"""One line for a file of the user's that could not be executed: what, where, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from shapescope.capture.loading.spec import ZOOS
from shapescope.capture.source import is_library_file, traceback_site
from shapescope.diagnostic import ShapescopeError
from shapescope.source_text import absolute_path, display_path

__all__ = ["import_problem", "missing_file", "no_such_name", "one_line", "shown_place"]


_ALIKE = 0.75
"""How much of a module's name has to be right for another to be suggested."""


def import_problem(error: BaseException, place: str, what: str = "") -> ShapescopeError:
    """The refusal of a request whose file (or module) `place` ended with `error`.

    Args:
        error: what was raised while it was read, compiled or executed.
        place: the file's path, or the dotted name of a module.
        what: what raised, where it was not the import: `` `make` raises ``.
    """
    shown = shown_place(place)
    if isinstance(error, ShapescopeError):
        return error
    if isinstance(error, SyntaxError):
        return _syntax_problem(error, shown)
    if isinstance(error, OSError) and error.filename is not None and _is_same(error, place):
        return (
            missing_file(place)
            if isinstance(error, FileNotFoundError)
            else _unreadable(error, shown)
        )
    where = _line_of(error) or shown
    if isinstance(error, SystemExit):
        return ShapescopeError(
            f"{where} exits while {shown} is imported; "
            'put what should only run as a program below `if __name__ == "__main__":`'
        )
    if isinstance(error, ModuleNotFoundError) and error.name and not what:
        return _missing_module(error.name, place, where)
    if isinstance(error, EOFError):
        return ShapescopeError(
            f"{where} asks for input while {shown} is imported; "
            'put it below `if __name__ == "__main__":`'
        )
    action = what or "raises while it is imported"
    text = f": {one_line(error)}" if str(error).strip() else ""
    kind = type(error).__name__
    if what:
        return ShapescopeError(f"{where}: {what} {kind}{text}")
    return ShapescopeError(f"{where}: {kind} {action.removeprefix('raises ')}{text}")


def shown_place(place: str) -> str:
    """A file's path, or the dotted name of a module, as people read it."""
    return display_path(place) if place.endswith((".py", ".pyw")) else place


def missing_file(place: str) -> ShapescopeError:
    """The refusal of a file that is not there, with the file that may have been meant."""
    path = Path(place)
    shown = display_path(place)
    if path.is_dir():
        return ShapescopeError(f"{shown} is a folder; name a file in it")
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    except OSError:
        return ShapescopeError(
            f"{shown} does not exist, and neither does its folder; check the path"
        )
    close = get_close_matches(path.name, names, 1)
    if close:
        meant = display_path(path.parent / close[0])
        return ShapescopeError(f"{shown} does not exist; did you mean {meant}?")
    return ShapescopeError(f"{shown} does not exist; check the path")


def no_such_name(
    dotted: str, place: str, part: str, models: Sequence[str], own: Sequence[str]
) -> ShapescopeError:
    """The refusal of a name that a file or module does not define.

    Args:
        dotted: the name.
        place: the file's path, or the dotted name of the module.
        part: the part of the name that is not there.
        models: the names of its model classes and models.
        own: all names that it binds.
    """
    alike = [name for name in models if name.lower() == part.lower()]
    close = alike or get_close_matches(part, models, 1) or get_close_matches(part, own, 1)
    if close:
        advice = f"did you mean {close[0]}?"
    elif models:
        advice = f"its models are {', '.join(models[:8])}"
    else:
        advice = "it holds no model"
    return ShapescopeError(f"{shown_place(place)} defines no `{dotted}`; {advice}")


def one_line(error: BaseException, longest: int = 300) -> str:
    """The first line of an exception's text that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _syntax_problem(error: SyntaxError, shown: str) -> ShapescopeError:
    where = shown
    if error.filename and not error.filename.startswith("<"):
        where = display_path(error.filename)
    if error.lineno:
        where += f":{error.lineno}" + (f":{error.offset}" if error.offset else "")
    return ShapescopeError(f"{where}: the file is not valid Python: {error.msg}; mend it first")


def _unreadable(error: OSError, shown: str) -> ShapescopeError:
    if isinstance(error, IsADirectoryError):
        return ShapescopeError(f"{shown} is a folder; name a file in it")
    return ShapescopeError(
        f"{shown} cannot be read: {(error.strerror or 'no reason given').lower()}"
    )


def _missing_module(name: str, place: str, where: str) -> ShapescopeError:
    if place == name or place.startswith(f"{name}."):
        return ShapescopeError(
            f"there is no module `{name}`, neither installed nor in the working folder"
            + (_meant(name) or "; check the name, or name a file: path/file.py:Class")
        )
    absent = _absent_file(name, place)
    if absent is not None:
        shown = missing_file(str(absent)).diagnostic.message
        return ShapescopeError(f"{where} imports `{name}`, but {shown}")
    top = name.partition(".")[0]
    return ShapescopeError(f"{where} imports `{name}`, which is not installed; pip install {top}?")


def _meant(name: str) -> str:
    """A zoo, or a module or file in the working folder, of nearly that name."""
    try:
        entries = sorted(Path.cwd().iterdir())
    except OSError:
        entries = []
    files = [entry for entry in entries if entry.suffix == ".py"]
    modules = [entry.stem for entry in files]
    modules += [entry.name for entry in entries if (entry / "__init__.py").exists()]
    known = [*ZOOS, *modules, *(file.name for file in files)]
    close = get_close_matches(name, [word for word in known if word != name], 1, _ALIKE)
    return f"; did you mean `{close[0]}`?" if close else ""


def _absent_file(name: str, place: str) -> Path | None:
    """The file that a module of a package of the user's own would be, if there were one.

    The package is one that lies beside `place`, in a folder around it or in the working folder.
    """
    *packages, last = name.split(".")
    if not packages:
        return None
    folders = Path(absolute_path(place)).parents if place.endswith((".py", ".pyw")) else ()
    for folder in (*folders, Path.cwd()):
        package = folder.joinpath(*packages)
        if package.is_dir() and not is_library_file(str(package / "__init__.py")):
            return package / f"{last}.py"
    return None


def _is_same(error: OSError, place: str) -> bool:
    return str(error.filename) in (place, str(Path(place).absolute()))


def _line_of(error: BaseException) -> str:
    site = traceback_site(error)
    if site is None:
        return ""
    code, lasti = site
    line = list(code.co_positions())[lasti // 2][0]
    return f"{display_path(code.co_filename)}:{line}"
