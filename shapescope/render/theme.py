"""What the place that text goes to can show: width, colour, signs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

PIPE_WIDTH = 100
"""Columns where nobody says how wide it is: a pipe, a file."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs that ASCII lacks, each with a stand-in."""

    match: str = "✓"
    mismatch: str = "✗"
    unknown: str = "?"
    rule: str = "─"
    ellipsis: str = "…"
    dot: str = "·"
    times: str = "x"


UNICODE = Glyphs()
ASCII = Glyphs(match="ok", mismatch="NO", unknown="?", rule="-", ellipsis="..", dot="|")


@dataclass(frozen=True, slots=True)
class Surface:
    """Where text goes: how wide it is, whether it has colour and unicode, and who reads it.

    What is not a terminal may be read by a program: a headline stays in one line there.
    """

    width: int = PIPE_WIDTH
    colour: bool = False
    unicode: bool = True
    terminal: bool = False

    @property
    def glyphs(self) -> Glyphs:
        """The signs to use here."""
        return UNICODE if self.unicode else ASCII


STYLES: Mapping[str, str] = {
    "heading": "bold",
    "faint": "dim",
    "path": "",
    "op": "cyan",
    "shape": "",
    "number": "",
    "expensive": "bold magenta",
    "match": "green",
    "mismatch": "bold red",
    "unknown": "yellow",
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold blue",
    "help": "bold green",
    "gutter": "blue",
    "primary": "bold red",
    "secondary": "blue",
    "added": "green",
}
"""Colours by name, so that they are those of the reader's terminal."""


def surface_of(stream: IO[str], environ: Mapping[str, str] | None = None) -> Surface:
    """What `stream` can show, from the stream itself and the environment.

    NO_COLOR switches colour off, FORCE_COLOR on, COLUMNS sets the width.
    """
    environ = os.environ if environ is None else environ
    terminal = _is_terminal(stream)
    return Surface(
        _width(environ, terminal), _has_colour(environ, terminal), has_unicode(stream), terminal
    )


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream is nobody's terminal
        return False


def _width(environ: Mapping[str, str], terminal: bool) -> int:
    asked = environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked) > 0:
        return max(int(asked), 20)
    if terminal:
        return max(shutil.get_terminal_size((80, 24)).columns, 20)
    return PIPE_WIDTH


def _has_colour(environ: Mapping[str, str], terminal: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return terminal and environ.get("TERM") != "dumb"


def has_unicode(stream: IO[str]) -> bool:
    """Whether the stream's encoding has the signs used here."""
    encoding = getattr(stream, "encoding", None)
    if encoding is None:  # a buffer in memory takes any text
        return True
    try:
        "✓✗─…▀".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
