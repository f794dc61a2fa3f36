"""Where results go: stdout or a file, whole or not at all, and quietly when nobody reads on."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shapescope.cli.pipe import leave_pipe
from shapescope.diagnostic import ShapescopeError
from shapescope.render.theme import Surface, surface_of

if TYPE_CHECKING:
    from shapescope.render.line import Line


def show(lines: Sequence[Line], output: Path | None = None) -> None:
    """Print styled lines, or write them to a file without style."""
    from shapescope.render.line import ansi_text, plain_text

    if output is None and stdout_surface().colour:
        emit(ansi_text(lines))
    else:
        emit(plain_text(lines), output)


def emit(text: str, output: Path | None = None) -> None:
    """Write text to stdout, or to a file that appears whole or not at all; no text is no line.

    Raises:
        ShapescopeError: the file cannot be written.
    """
    if text and not text.endswith("\n"):
        text += "\n"
    if output is not None:
        write_file(output, text)
        return
    from shapescope.render.line import encodable

    try:
        sys.stdout.write(encodable(text, sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough; the exit code still tells what was found.
        leave_pipe()
    except OSError as error:
        raise unwritten(error) from error


def unwritten(error: OSError) -> ShapescopeError:
    """What to say when stdout takes no more; what it still holds goes nowhere."""
    leave_pipe()
    return ShapescopeError(f"cannot write to stdout: {(error.strerror or str(error)).lower()}")


def stdout_surface(output: Path | None = None) -> Surface:
    """What the result is drawn for: the terminal, a pipe, or a file."""
    if output is None:
        return surface_of(sys.stdout)
    return Surface(width=surface_of(sys.stdout).width)


def write_file(path: Path, text: str) -> None:
    """Write a file in one go: it holds the whole text, or what it held before.

    Raises:
        ShapescopeError: the folder does not exist or may not be written to.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one go: it holds all of the data, or what it held before.

    Raises:
        ShapescopeError: the folder does not exist or may not be written to.
    """
    target = path.resolve()
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # a pipe or device cannot be replaced, and /dev/stdout leads to a pipe of no real name
            path.write_bytes(data)
            return
        refuse_read_only(path)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(_mode(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ShapescopeError(f"cannot write {path}: {reason}") from error


def refuse_unwritable(path: Path) -> None:
    """Make sure that a file may be written, as far as can be told without writing it.

    Raises:
        ShapescopeError: it is a folder or read-only, or its folder is not there or not writable.
    """
    try:
        problem = _why_unwritable(path)
    except OSError as error:
        problem = error.errno or errno.EACCES
    if problem:
        raise ShapescopeError(f"cannot write {path}: {os.strerror(problem).lower()}")
    refuse_read_only(path)


def _why_unwritable(path: Path) -> int:
    """The number of the error that writing would end with; 0 where none is known."""
    folder = path.resolve().parent
    if path.is_dir():
        return errno.EISDIR
    if path.exists() and not path.is_file():
        return 0  # a pipe or device
    if not folder.is_dir():
        return errno.ENOTDIR if folder.exists() else errno.ENOENT
    return 0 if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES


def refuse_read_only(path: Path) -> None:
    """Make sure that a file that is there may be replaced, as a plain write into it would.

    Raises:
        ShapescopeError: it is read-only.
    """
    target = path.resolve()
    if not target.is_file():
        return
    # whoever may do everything is still told what the mode says
    if not target.stat().st_mode & 0o222 or not os.access(target, os.W_OK):
        raise ShapescopeError(f"cannot write {path}: it is read-only")


def say_written(path: Path, remark: str = "") -> None:
    """One line on stderr: which file was written, and how large it is."""
    from shapescope.render.line import encodable
    from shapescope.render.shapes import bytes_text

    said = f"wrote {path}, {bytes_text(path.stat().st_size)}{remark}"
    print(encodable(said, sys.stderr), file=sys.stderr)


def say_notes(notes: Sequence[str]) -> None:
    """What people should know of how a result came about, on stderr: a line for each."""
    from shapescope.render.line import Line, write_lines
    from shapescope.render.shapes import printable

    lines = [Line("note: ", "note").add(printable(note)) for note in notes]
    write_lines(lines, sys.stderr, surface_of(sys.stderr))


def _mode(target: Path) -> int:
    """The permissions the file has, or those a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def show_error(error: ShapescopeError) -> None:
    """Print a wrong request on stderr in one clear line; a fault of the model on stdout."""
    from shapescope.render.diagnostics import diagnostic_lines, request_lines
    from shapescope.render.line import write_lines

    if error.exit_code == 1:
        show(diagnostic_lines(error.diagnostic, stdout_surface()))
        return
    surface = surface_of(sys.stderr)
    write_lines(request_lines(error.diagnostic, surface), sys.stderr, surface)
