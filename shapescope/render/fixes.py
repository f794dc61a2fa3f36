"""What `fix` did, as text: each fault with its mend, and the whole as a diff."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shapescope.render.diagnostics import help_text, one_line
from shapescope.source_text import display_path

if TYPE_CHECKING:
    from shapescope.capture.further.mend import Mended


def mended_text(
    done: Mended, before: Mapping[str, str], *, written: bool, following: str = ""
) -> str:
    """The faults and their mends in order, the whole as one diff, and what to do next.

    Args:
        done: what was mended.
        before: the text of each edited file as it was.
        written: whether the edits were written.
        following: the command to type next, if there is one.
    """
    lines = []
    for diagnostic, entry in done.steps:
        lines += [one_line(diagnostic), f"  {help_text(entry)}"]
    for diagnostic in done.left:
        lines.append(one_line(diagnostic))
        lines += [f"  {help_text(entry)}" for entry in diagnostic.help] or ["  no edit mends this"]
    if not lines:
        return "nothing to mend"
    diff = _diff(done.texts, before)
    if diff:
        lines += ["", diff.rstrip("\n")]
    closing = [f"wrote {display_path(path)}" for path in done.texts] if written else []
    closing += [f"next: {following}"] if following else []
    return "\n".join([*lines, *([""] if closing else []), *closing])


def _diff(texts: Mapping[str, str], before: Mapping[str, str]) -> str:
    return "".join(
        line
        for path, after in texts.items()
        for line in difflib.unified_diff(
            before[path].splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{display_path(path).lstrip('/')}",
            f"b/{display_path(path).lstrip('/')}",
        )
    )
