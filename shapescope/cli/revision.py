"""Files as they are at a revision of git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from shapescope.diagnostic import ShapescopeError


def texts_at(revision: str, file: Path) -> dict[Path, str]:
    """The text of a file at a revision, and of every other Python file that was another then.

    Files are under the names that Python imports them by: from where the file was named, which may
    be a link into the repository, and from the top of the repository as git names it. Files that
    are no UTF-8 there, as they are now, are left out.

    Raises:
        ShapescopeError: there is no git, no repository, no such revision or no such file in it.
    """
    folder = file.parent
    texts = {file: _shown(revision, folder, f"./{file.name}", file.name)}
    try:
        where = _git(folder, "rev-parse", "--show-toplevel", "--show-prefix").decode()
        top, prefix = where.split("\n")[:2]
        changed = tuple(_changed_since(revision, folder))
        blobs = _blobs(folder, [blob for blob, _ in changed])
        for (_, other), content in zip(changed, blobs, strict=True):
            real = Path(top, other)
            named = Path(os.path.normpath(folder / os.path.relpath(other, prefix or ".")))
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError:
                continue
            texts[real] = text
            # above a folder that is a link, the name leads elsewhere
            if named.resolve() == real.resolve():
                texts[named] = text
    except _GitError as error:
        raise ShapescopeError(f"git cannot compare with {revision}: {error}") from None
    return texts


def _shown(revision: str, folder: Path, path: str, name: str) -> str:
    try:
        # A revision that begins with a dash would be read as an option.
        return _git(folder, "show", "--end-of-options", f"{revision}:{path}").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ShapescopeError(f"{name} at {revision} is not UTF-8") from None
    except _GitError as error:
        if not _is_revision(revision, folder):
            raise ShapescopeError(
                f"git knows no revision `{revision}` here", advice=("git log --oneline lists them",)
            ) from None
        raise ShapescopeError(f"git has no {name} at {revision}: {error}") from None


def _is_revision(revision: str, folder: Path) -> bool:
    """Whether git finds a commit by that name; true where there is no repository to ask."""
    try:
        _git(folder, "rev-parse", "--git-dir")
    except _GitError:
        return True
    try:
        _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{tree}")
    except _GitError:
        return False
    return True


def _changed_since(revision: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The blobs then of Python files that are another text now or gone, named from the top.

    What is new since had no text.
    """
    listed = _git(
        folder, "diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=MD",
        "--end-of-options", revision, "--", ":/*.py",
    )  # fmt: skip
    fields = listed.decode("utf-8", "surrogateescape").split("\0")
    # `:old-mode new-mode old-blob new-blob status`, then the name
    for facts, name in zip(fields[0::2], fields[1::2], strict=False):
        yield facts.split()[2], name


def _blobs(folder: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The contents of blobs, all from one process."""
    if not names:
        return
    told = _git(folder, "cat-file", "--batch", given="\n".join(names).encode() + b"\n")
    place = 0
    for _ in names:
        # `blob type size`, the content, a newline
        end = told.index(b"\n", place)
        size = int(told[place:end].split()[2])
        yield told[end + 1 : end + 1 + size]
        place = end + size + 2


class _GitError(Exception):
    """What git said."""


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise ShapescopeError("git is not installed, so there are no revisions") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ").rstrip(".") if said else ""
        raise _GitError(reason or f"exit code {done.returncode}")
    return done.stdout
