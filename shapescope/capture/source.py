"""Where in the user's source something happened: whose code it is, and the span of a call.

While a model runs, only `(code, lasti)` pairs are noted, which costs next to nothing; they become
spans of source at the end.
"""

# Paths are strings here, not `Path`: links stay as typed, and this is asked for every span.
# ruff: noqa: PTH100, PTH118, PTH120
from __future__ import annotations

import ast
import os
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from traceback import walk_tb
from types import CodeType, FrameType, TracebackType
from typing import ParamSpec, TypeAlias, TypeVar

from shapescope.source_text import absolute_path, display_path, source_lines, working_folder
from shapescope.trace import SourceSpan

__all__ = [
    "BOUNDARY",
    "Site",
    "SourceFile",
    "call_user",
    "code_span",
    "frames_of",
    "is_library_file",
    "is_user_code",
    "node_span",
    "traceback_site",
    "user_frame",
    "user_frame_of",
]

Site: TypeAlias = tuple[CodeType, int]
"""A code object and the offset of an instruction in it."""

P = ParamSpec("P")
R = TypeVar("R")

_MOST_CACHED = 100_000
_Position: TypeAlias = tuple[int | None, int | None, int | None, int | None]

# Keyed by identity: equal code objects may come from different files. The code is kept in the
# value so that its id stays its own.
_positions: dict[int, tuple[CodeType, list[_Position]]] = {}
_spans: dict[tuple[int, int, str], tuple[CodeType, SourceSpan | None]] = {}


def code_span(code: CodeType, lasti: int, folder: str | None = None) -> SourceSpan | None:
    """The expression that an instruction belongs to.

    Args:
        code: a code object of the user's.
        lasti: offset of the instruction in bytes, as `frame.f_lasti` and `tb_lasti` give it.
        folder: the working folder, where whoever asks for many spans knows it.

    Returns:
        The span, its columns in characters; the whole line where Python kept no columns; None
        where there is no source that strict UTF-8 reads, or no position.
    """
    key = (id(code), lasti, working_folder() if folder is None else folder)
    known = _spans.get(key)
    if known is None:
        if len(_spans) > _MOST_CACHED:
            _spans.clear()
            _positions.clear()
        known = _spans[key] = (code, _find_span(code, lasti))
    return known[1]


def node_span(node: ast.expr | ast.stmt, file: str) -> SourceSpan | None:
    """The span of a node of a file's syntax tree; None where its source is not what was parsed."""
    return SourceFile(file).span(node)


class SourceFile:
    """A file as it is now, for many spans at once."""

    def __init__(self, file: str) -> None:
        self.lines = source_lines(file)
        self.name = display_path(file)

    def span(self, node: ast.expr | ast.stmt) -> SourceSpan | None:
        """The span of a node of its tree; None where the source is not what was parsed."""
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        if end_line > len(self.lines):
            return None
        column = _characters(self.lines[node.lineno - 1], node.col_offset)
        end_column = _characters(self.lines[end_line - 1], end)
        if column is None or end_column is None:
            return None
        return SourceSpan(self.name, node.lineno, column + 1, end_line, end_column + 1)


def _find_span(code: CodeType, lasti: int) -> SourceSpan | None:
    known = _positions.get(id(code))
    if known is None:
        known = _positions[id(code)] = (code, list(code.co_positions()))
    positions = known[1]
    if not 0 <= lasti // 2 < len(positions):
        return None
    line, end_line, start, end = positions[lasti // 2]
    lines = source_lines(code.co_filename)
    if line is None or not 1 <= line <= len(lines):
        return None
    file = display_path(code.co_filename)
    if end_line is None or start is None or end is None or end_line > len(lines):
        text = lines[line - 1]
        indent = len(text) - len(text.lstrip())
        return SourceSpan(file, line, indent + 1, line, len(text.rstrip()) + 1)
    column = _characters(lines[line - 1], start)
    end_column = _characters(lines[end_line - 1], end)
    if column is None or end_column is None:
        return None
    return SourceSpan(file, line, column + 1, end_line, end_column + 1)


def _characters(line: str, count: int) -> int | None:
    """How many characters the first `count` bytes of a line are; None where it has no such place.

    A line that is shorter than Python found it was changed since it was compiled.
    """
    if line.isascii():
        return count if count <= len(line) else None
    data = line.encode("utf-8")
    if count > len(data):
        return None
    return len(data[:count].decode("utf-8", errors="ignore"))


def _folder(path: str) -> str:
    return os.path.join(os.path.abspath(path), "")


_found_torch = find_spec("torch")
_TORCH = _folder(os.path.dirname((_found_torch and _found_torch.origin) or "torch"))
_SHAPESCOPE = _folder(os.path.dirname(os.path.dirname(__file__)))
_NETWORKS = _folder(_SHAPESCOPE + "networks")
_STDLIB = tuple(
    _folder(resolve(sysconfig.get_path(name)))
    for name in ("stdlib", "platstdlib")
    for resolve in (os.path.abspath, os.path.realpath)
)
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

# Installed packages that stand between a model and torch, or around it: a model's author means the
# line that calls them. A package not named here is taken for models (torchvision, timm, ...).
# fmt: off
_BETWEEN = frozenset(
    (
        "_pytest", "accelerate", "beartype", "einops", "fancy_einsum", "functorch",
        "hypothesis", "ipykernel", "IPython", "jaxtyping", "lightning", "lightning_fabric",
        "numpy", "opt_einsum", "packaging", "pluggy", "pytest", "pytorch_lightning",
        "torchgen", "torchinfo", "tqdm", "typeguard", "typer", "typing_extensions", "wrapt",
        "xdist",
    )
)
# fmt: on

_verdicts: dict[str, bool] = {}


def is_library_file(path: str) -> bool:
    """Whether an absolute path belongs to Python's library, an installed package or shapescope."""
    if any(part in path for part in _INSTALLED):
        return True
    return path.startswith((*_STDLIB, _TORCH, _SHAPESCOPE))


def is_user_code(code: CodeType) -> bool:
    """Whether code belongs to the model: the user's own, or a package's that holds models.

    torch, Python's library, shapescope and code without a file do not; the document networks,
    torchvision, timm and transformers do.
    """
    name = code.co_filename
    verdict = _verdicts.get(name)
    return _judge(name) if verdict is None else verdict


def _judge(name: str) -> bool:
    verdict = _verdicts[name] = _is_user_file(name)
    return verdict


def _is_user_file(name: str) -> bool:
    if name.startswith("<"):
        return name.startswith(("<ipython-input", "<stdin>", "<doctest"))
    path = absolute_path(name)
    if path.startswith(_NETWORKS):
        return True
    if path.startswith((_TORCH, _SHAPESCOPE)):
        return False
    for part in _INSTALLED:
        before, installed, inside = path.rpartition(part)
        if installed:
            return bool(before) and inside.partition(os.sep)[0].removesuffix(".py") not in _BETWEEN
    return not path.startswith(_STDLIB)


def call_user(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call what belongs to the user: `user_frame` looks no further out than this call.

    Without it, the program that runs shapescope would pass for the model's own code.
    """
    return function(*args, **kwargs)


BOUNDARY = call_user.__code__
"""The code of `call_user`: whose frame ends the user's own."""


def user_frame(frame: FrameType | None) -> Site | None:
    """The innermost frame of the user's, from `frame` outwards and no further than `call_user`."""
    verdicts = _verdicts
    while frame is not None:
        code = frame.f_code
        verdict = verdicts.get(code.co_filename)
        if verdict is None:
            verdict = _judge(code.co_filename)
        if verdict:
            return code, frame.f_lasti
        if code is BOUNDARY:
            return None
        frame = frame.f_back
    return None


def traceback_site(error: BaseException) -> Site | None:
    """The innermost frame of the user's that an exception came through."""
    site: Site | None = None
    entry: TracebackType | None = error.__traceback__
    while entry is not None:
        code = entry.tb_frame.f_code
        if code is BOUNDARY:
            site = None
        elif is_user_code(code):
            site = code, entry.tb_lasti
        entry = entry.tb_next
    return site


def frames_of(error: BaseException) -> list[FrameType]:
    """The frames that an exception came through, from the outside in."""
    return [frame for frame, _ in walk_tb(error.__traceback__)]


def user_frame_of(error: BaseException) -> FrameType | None:
    """The innermost of them that is the user's."""
    return next((it for it in reversed(frames_of(error)) if is_user_code(it.f_code)), None)
