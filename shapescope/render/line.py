"""A line of text whose parts know their style: what every text renderer makes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import IO

from shapescope.render.theme import STYLES, Surface, surface_of


class Line:
    """Parts of text with the names of their styles, to be written once the surface is known."""

    __slots__ = ("parts",)

    def __init__(self, text: str = "", style: str = "") -> None:
        self.parts: list[tuple[str, str]] = [(text, style)] if text else []

    def add(self, text: str, style: str = "") -> Line:
        """Append a part; the line itself comes back, to go on with."""
        if text:
            self.parts.append((text, style))
        return self

    def pad(self, width: int) -> Line:
        """Fill up with spaces to `width` cells."""
        return self.add(" " * (width - self.width))

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(text for text, _ in self.parts)

    @property
    def width(self) -> int:
        """How many cells of a terminal it takes."""
        return cells(self.plain)

    def __repr__(self) -> str:
        return f"Line({self.plain!r})"


def cells(text: str) -> int:
    """How many cells of a terminal the text takes; wide characters take two."""
    if text.isascii():
        return len(text)
    return _cell_len()(text)


@cache
def _cell_len() -> Callable[[str], int]:
    from rich.cells import cell_len

    return cell_len


def wrapped(text: str, width: int, first: str = "", style: str = "") -> list[Line]:
    """The text in lines of at most `width` cells, broken at spaces, indented below `first`."""
    found = textwrap.wrap(
        text, max(width, cells(first) + 20), initial_indent=first,
        subsequent_indent=" " * cells(first), break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [Line(part, style) for part in found]


_ROOM = 24
"""Columns that are worth to begin a text in, behind what stands in front of it."""


def beside(front: Line, text: str, surface: Surface, style: str = "") -> list[Line]:
    """`front` and a text behind it; in a terminal, what has no room there stands below.

    What is not a terminal gets one line, since programs read lines.
    """
    room = surface.width - front.width
    if not surface.terminal or cells(text) <= room:
        return [front.add(text, style)]
    if room < _ROOM:
        return [front, *wrapped(text, surface.width, "    ", style)]
    first, *rest = wrapped(text, room, "", style)
    indent = " " * front.width
    return [front.add(first.plain, style), *(Line(indent).add(it.plain, style) for it in rest)]


def plain_text(lines: Iterable[Line]) -> str:
    """The lines without style, each with a newline, spaces at the ends cut off."""
    return "".join(line.plain.rstrip() + "\n" for line in lines)


def encodable(text: str, stream: IO[str]) -> str:
    """The text with what the stream's encoding lacks as escapes, so that writing never raises."""
    encoding = getattr(stream, "encoding", None)
    if encoding is None:
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write_lines(lines: Sequence[Line], stream: IO[str], surface: Surface | None = None) -> None:
    """Write the lines as they are, nothing wrapped, in colour where the surface has it."""
    surface = surface or surface_of(stream)
    if surface.colour:
        stream.write(encodable(ansi_text(lines), stream))
    else:
        stream.write(encodable(plain_text(lines), stream))


def ansi_text(lines: Iterable[Line]) -> str:
    """The lines with the escape sequences of a terminal's sixteen colours."""
    from rich.color import ColorSystem
    from rich.style import Style

    styles = {name: Style.parse(definition) for name, definition in STYLES.items() if definition}

    def paint(text: str, name: str) -> str:
        if name.startswith("grey:"):
            return _grey(text, *name.split(":")[1:])
        if name.startswith("rgb:"):
            upper, lower = name.split(":")[1:]
            return f"\x1b[38;2;{upper};48;2;{lower}m{text}\x1b[0m"
        style = styles.get(name)
        return style.render(text, color_system=ColorSystem.STANDARD) if style else text

    return "".join("".join(paint(*part) for part in line.parts) + "\n" for line in lines)


def _grey(text: str, upper: str, lower: str) -> str:
    """Text in one of a terminal's 24 greys, on another where one is given: two pixels."""
    below = f";48;5;{232 + int(lower)}" if lower else ""
    return f"\x1b[38;5;{232 + int(upper)}{below}m{text}\x1b[0m"
