"""Files as they are at a revision of git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from shapescope.diagnostic import ShapescopeError


def texts_at(revision: str, file: Path) -> dict[Path, str]:
    """The text of a file at a revision, and of every other Python file that was another then.

    Raises:
        ShapescopeError: there is no git, no repository, no such revision or no such file in it.
    """
    texts = {file: _shown(revision, file.parent, f"./{file.name}", file.name)}
    try:
        top = Path(_git(file.parent, "rev-parse", "--show-toplevel").decode().strip())
        others = tuple(_changed_since(revision, file.parent))
    except _GitError as error:
        raise ShapescopeError(f"git cannot compare with {revision}: {error}") from None
    for other in others:
        path = top / other
        # what has gone since cannot be imported from where it was, what is new had no text
        if path.is_file() and path.resolve() != file.resolve():
            texts[path] = _shown(revision, top, other, path.name)
    return texts


def _shown(revision: str, folder: Path, path: str, name: str) -> str:
    try:
        # A revision that begins with a dash would be read as an option.
        return _git(folder, "show", "--end-of-options", f"{revision}:{path}").decode("utf-8")
    except UnicodeDecodeError:
        raise ShapescopeError(f"{name} at {revision} is not UTF-8") from None
    except _GitError as error:
        raise ShapescopeError(f"git has no {name} at {revision}: {error}") from None


def _changed_since(revision: str, folder: Path) -> Iterator[str]:
    """Python files that are there now and were another text then, named from the top."""
    listed = _git(
        folder, "diff", "--name-only", "-z", "--no-renames", "--diff-filter=M",
        "--end-of-options", revision, "--", ":/*.py",
    )  # fmt: skip
    yield from filter(None, listed.decode("utf-8", "surrogateescape").split("\0"))


class _GitError(Exception):
    """What git said."""


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise ShapescopeError("git is not installed, so there are no revisions") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _GitError(said[0].removeprefix("fatal: ") if said else f"exit code {done.returncode}")
    return done.stdout
