"""Edits as the lines they make: `32 ~ self.conv = ...`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from shapescope.diagnostic import Edit
from shapescope.source_text import source_lines


@dataclass(frozen=True, slots=True)
class EditedLine:
    """A line as it will be: changed (`~`), new (`+`) or gone (`-`), with its number as of now."""

    line: int
    sign: str
    text: str


def edited_lines(edits: Sequence[Edit]) -> list[EditedLine]:
    """What the edits make of the lines they touch, in the order in which they are given.

    Edits that touch the same line are applied together.
    """
    done: list[EditedLine] = []
    for group in _groups(edits):
        done += _edited(group)
    return done


def _groups(edits: Sequence[Edit]) -> Iterable[list[Edit]]:
    """Edits that share a line belong together; the first one's place is the group's."""
    groups: list[list[Edit]] = []
    for edit in edits:
        for group in groups:
            if group[0].span.file == edit.span.file and any(_touch(edit, other) for other in group):
                group.append(edit)
                break
        else:
            groups.append([edit])
    return groups


def _touch(one: Edit, other: Edit) -> bool:
    return one.span.line <= other.span.end_line and other.span.line <= one.span.end_line


def _edited(group: list[Edit]) -> list[EditedLine]:
    lines = source_lines(group[0].span.file)
    first = min(edit.span.line for edit in group)
    last = max(edit.span.end_line for edit in group)
    if len(group) == 1 and _inserts_lines(group[0]):
        text = group[0].replacement.rstrip("\n").split("\n")
        # Numbered as they will stand in the file.
        return [EditedLine(first + offset, "+", line) for offset, line in enumerate(text)]
    before = lines[first - 1 : last]
    if not before:
        return [EditedLine(first, "~", edit.replacement) for edit in group]
    after = _apply(before, first, group)
    gone = len(before) - len(after) if any(map(_is_of_whole_lines, group)) else 0
    if gone > 0 and _alike(before[gone:], after) > _alike(before, after):
        # The first lines are taken out, not the last ones.
        taken = [EditedLine(first + offset, "-", before[offset]) for offset in range(gone)]
        first, before = first + gone, before[gone:]
    else:
        taken = []
    common = min(len(before), len(after))
    changed = [
        EditedLine(first + offset, "~", after[offset])
        for offset in range(common)
        if after[offset] != before[offset]
    ]
    changed += [
        EditedLine(first + offset, "+", after[offset]) for offset in range(common, len(after))
    ]
    changed += [
        EditedLine(first + offset, "-", before[offset]) for offset in range(common, len(before))
    ]
    return taken + changed


def _is_of_whole_lines(edit: Edit) -> bool:
    return edit.span.column == edit.span.end_column == 1


def _alike(before: Sequence[str], after: Sequence[str]) -> float:
    """How much of the lines stays as it is, where each becomes the one at its place."""
    return sum(
        SequenceMatcher(None, one, other, autojunk=False).ratio()
        for one, other in zip(before, after, strict=False)
    )


def _inserts_lines(edit: Edit) -> bool:
    """Whether the edit puts whole new lines in front of the line it names."""
    span = edit.span
    empty = (span.line, span.column) == (span.end_line, span.end_column)
    return empty and span.column == 1 and edit.replacement.endswith("\n")


def _apply(before: list[str], first: int, group: list[Edit]) -> list[str]:
    """The lines with all edits made, the last one first so that columns stay true."""
    text = "\n".join(before)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line) + 1)
    for edit in sorted(group, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        start = starts[edit.span.line - first] + edit.span.column - 1
        end = starts[edit.span.end_line - first] + edit.span.end_column - 1
        text = text[:start] + edit.replacement + text[end:]
    return text.rstrip("\n").split("\n") if text.endswith("\n") else text.split("\n")
