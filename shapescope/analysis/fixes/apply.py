"""Edits made in texts, and the edits that lie between two texts."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable, Sequence

from shapescope.diagnostic import Edit
from shapescope.source_text import display_path
from shapescope.trace import SourceSpan


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits of it made; their spans all speak of the text as it is given.

    Raises:
        ValueError: two edits overlap, or one lies outside of the text.
    """
    starts = _starts(text)
    places = sorted(
        (_offset(text, starts, edit.span.line, edit.span.column),
         _offset(text, starts, edit.span.end_line, edit.span.end_column), number, edit.replacement)
        for number, edit in enumerate(dict.fromkeys(edits))
    )  # fmt: skip
    parts, position = [], 0
    for start, end, _, replacement in places:
        if start < position or end < start:
            raise ValueError("two edits overlap")
        parts += [text[position:start], replacement]
        position = end
    return "".join([*parts, text[position:]])


def edits_between(file: str, before: str, after: str) -> tuple[Edit, ...]:
    """The edits that turn one text of a file into another: changed parts of lines, new lines.

    Equal lines are found by their text, so the edits are as small as a reader would make them.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    edits: list[Edit] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            continue
        common = min(j - i, m - k) if tag == "replace" else 0
        if common and j - i == m - k:
            edits += [
                _within_line(file, i + step + 1, old[i + step], new[k + step])
                for step in range(common)
            ]
            continue
        span = _line_span(file, old, i, j)
        edits.append(Edit(span, "".join(new[k:m])))
    return tuple(edits)


def _within_line(file: str, line: int, old: str, new: str) -> Edit:
    """The changed part of one line."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Edit(
        SourceSpan(display_path(file), line, start + 1, line, len(old) - end + 1),
        new[start : len(new) - end],
    )


def _line_span(file: str, old: Sequence[str], first: int, last: int) -> SourceSpan:
    return SourceSpan(display_path(file), first + 1, 1, last + 1, 1)


def _starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _offset(text: str, starts: Sequence[int], line: int, column: int) -> int:
    if not 1 <= line < len(starts):
        # The line behind the last one: the very end.
        if line == len(starts):
            return len(text)
        raise ValueError(f"the text has no line {line}")
    offset = starts[line - 1] + column - 1
    if offset > max(starts[line] - 1, 0):
        raise ValueError(f"line {line} has no column {column}")
    return offset


def with_line_ends(data: bytes, before: str, after: str) -> bytes | None:
    """The edited text as bytes, each line that stays with the very end it had in the file.

    Args:
        data: the file as it is.
        before: its text, newlines as Python sees them.
        after: the edited text.

    Returns:
        None where strict UTF-8 does not read the file as `before`.
    """
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        text = data[len(mark) :].decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.replace("\r\n", "\n").replace("\r", "\n") != before:
        return None
    kept = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    plain = [line.rstrip("\r\n") for line in kept]
    new = re.findall(r"[^\n]*\n|[^\n]+", after)
    usual = "\r\n" if text.count("\r\n") * 2 > len(kept) else "\n"
    made: list[str] = []
    matcher = difflib.SequenceMatcher(
        None, plain, [line.rstrip("\n") for line in new], autojunk=False
    )
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            made += kept[i:j]
        else:
            for line in new[k:m]:
                made.append(line.rstrip("\n") + (usual if line.endswith("\n") else ""))
    return mark + "".join(made).encode("utf-8")
