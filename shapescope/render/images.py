"""Small pictures in a terminal: two pixels to a character, in colour, grey, or plain signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.render.line import Line, cells
from shapescope.render.theme import Surface

_GAP = 2
_RAMP = " .:-=+*#%@"  # from dark to bright, where there is no colour
_GREYS = 23
_UPPER_HALF = "▀"
_WIDEST = 64  # pixels; wider pictures are shown smaller


@dataclass(frozen=True, slots=True)
class Picture:
    """A small image.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 grey, 3 red, green, blue.
        values: bytes, a channel after the other, each row by row.
    """

    height: int
    width: int
    channels: int
    values: bytes

    def pixel(self, row: int, column: int) -> tuple[int, int, int]:
        """Return red, green and blue of one pixel; black outside."""
        if row >= self.height or column >= self.width:
            return (0, 0, 0)
        place, plane = row * self.width + column, self.height * self.width
        if self.channels == 1:
            value = self.values[place]
            return (value, value, value)
        return (self.values[place], self.values[plane + place], self.values[2 * plane + place])

    def shrunk(self, width: int) -> Picture:
        """Return the picture with at most so many pixels across, every nth of them kept."""
        step = -(-self.width // width)
        if step <= 1:
            return self
        rows, columns = range(0, self.height, step), range(0, self.width, step)
        plane = self.height * self.width
        values = bytes(
            self.values[channel * plane + row * self.width + column]
            for channel in range(self.channels)
            for row in rows
            for column in columns
        )
        return Picture(len(rows), len(columns), self.channels, values)


def grid_lines(
    pictures: Sequence[Picture], titles: Sequence[str], surface: Surface, columns: int | None = None
) -> list[Line]:
    """Draw pictures side by side, as many as fit, each with its title above.

    Args:
        pictures: what to draw.
        titles: one each; cut off where too long.
        surface: the terminal.
        columns: pictures in a row at most; None takes what fits.
    """
    if not pictures:
        return []
    small = [picture.shrunk(min(_WIDEST, max(surface.width - 1, 8))) for picture in pictures]
    # the titles may need more room than the pictures
    cell = max(max(picture.width for picture in small), min(max(map(cells, titles)), 16))
    fitting = max(1, (surface.width + _GAP) // (cell + _GAP))
    across = min(fitting, columns) if columns else fitting
    room = cell if min(across, len(small)) > 1 else max(cell, surface.width - 1)
    lines: list[Line] = []
    for start in range(0, len(small), across):
        row = small[start : start + across]
        if start:
            lines.append(Line())
        lines.append(_titles(titles[start : start + across], room, surface.glyphs.ellipsis))
        height = max(picture.height for picture in row)
        for upper in range(0, height, 2):
            line = Line()
            for number, picture in enumerate(row):
                _draw(line, picture, upper, surface)
                if number < len(row) - 1:
                    line.add(" " * (cell - picture.width + _GAP))
            lines.append(line)
    return lines


def _titles(titles: Sequence[str], cell: int, ellipsis: str) -> Line:
    line = Line()
    for title in titles:
        shown, kept = title, len(title)
        while cells(shown) > cell and kept:
            kept -= 1
            shown = title[:kept].rstrip() + ellipsis
        line.add(shown, "heading").add(" " * (cell - cells(shown) + _GAP))
    return line


def _draw(line: Line, picture: Picture, upper: int, surface: Surface) -> None:
    """Add two rows of pixels to a line; equal neighbours become one part."""
    text, style = "", ""
    for column in range(picture.width):
        top = picture.pixel(upper, column)
        below = picture.pixel(upper + 1, column)
        if surface.colour and surface.unicode:
            sign, wanted = _UPPER_HALF, _style(top, below)
        else:
            sign, wanted = _sign(top, below), ""
        if wanted != style and text:
            line.add(text, style)
            text = ""
        text, style = text + sign, wanted
    line.add(text, style)


def _style(top: tuple[int, int, int], below: tuple[int, int, int]) -> str:
    if len(set(top)) == 1 and len(set(below)) == 1:
        return f"grey:{top[0] * _GREYS // 255}:{below[0] * _GREYS // 255}"
    return f"rgb:{';'.join(map(str, top))}:{';'.join(map(str, below))}"


def _sign(top: tuple[int, int, int], below: tuple[int, int, int]) -> str:
    brightness = (sum(top) + sum(below)) / 6
    return _RAMP[min(int(brightness / 256 * len(_RAMP)), len(_RAMP) - 1)]
