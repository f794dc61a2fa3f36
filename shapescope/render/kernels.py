"""The values of one parameter, and its kernels as small pictures in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from shapescope.render.line import Line
from shapescope.render.shapes import count_text, shape_text
from shapescope.render.theme import Surface

Nested: TypeAlias = Any
"""Numbers, or lists of lists of them, as `tensor.tolist()` gives."""

MANY_VALUES = 2_000
"""More values than this are cut in the middle of each axis, as torch does."""
_EDGE = 3
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:-=+*#%@"
_GREYS = 24
_MOST_KERNELS = 64


def values_lines(values: Nested, shape: Sequence[int], surface: Surface) -> list[Line]:
    """The values in brackets as torch prints them, four decimals, large axes cut in the middle."""
    cut = _count(shape) > MANY_VALUES
    texts = list(_texts(values, cut))
    width = max((len(text) for text in texts), default=1)
    lines = _block(values, width, 0, cut, surface.width)
    if cut:
        remark = f"{count_text(_count(shape))} values; the middle of long axes is left out"
        lines.append(Line(remark, "faint"))
    return lines


def _count(shape: Sequence[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _texts(values: Nested, cut: bool) -> Iterator[str]:
    if not isinstance(values, list):
        yield _number(values)
        return
    for item in _kept(values, cut):
        if item is not None:
            yield from _texts(item, cut)


def _kept(values: list[Nested], cut: bool) -> list[Nested]:
    """All of them, or the first and last few with None for what is left out between."""
    if not cut or len(values) <= 2 * _EDGE + 1:
        return values
    return [*values[:_EDGE], None, *values[-_EDGE:]]


def _number(value: float | bool) -> str:
    if isinstance(value, bool | int):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def _block(values: Nested, width: int, depth: int, cut: bool, room: int) -> list[Line]:
    indent = " " * depth
    if not isinstance(values, list):
        return [Line(_number(values))]
    items = _kept(values, cut)
    if not items or not isinstance(items[0], list):
        cells = ["..." if item is None else _number(item).rjust(width) for item in items]
        # a comma and a space behind each; the brackets of the outer axes close behind the last
        fit = max((room - 2 * depth - 2) // (width + 2), 1)
        rows = [", ".join(cells[at : at + fit]) for at in range(0, len(cells), fit)] or [""]
        return [
            Line((f"{indent} " if at else f"{indent}[") + row + ("]" if row is rows[-1] else ","))
            for at, row in enumerate(rows)
        ]
    lines: list[Line] = []
    for number, item in enumerate(items):
        last = number == len(items) - 1
        if item is None:
            lines.append(Line(f"{indent} ..."))
            continue
        inner = _block(item, width, depth + 1, cut, room)
        inner[-1].add("" if last else ",")
        lines += inner
    first = lines[0].plain
    lines[0] = Line(f"{indent}[{first[depth + 1 :]}")
    lines[-1].add("]")
    return lines


def kernels_lines(kernels: Sequence[Nested], names: Sequence[str], surface: Surface) -> list[Line]:
    """Matrices as pictures side by side, dark for the smallest value, bright for the largest.

    Half blocks in shades of grey where there is colour, else one sign of rising density for each
    value.

    Args:
        kernels: matrices of equal shape, lists of rows.
        names: what stands above each.
        surface: how wide, and whether with colour and unicode.
    """
    shown = kernels[:_MOST_KERNELS]
    flat = [value for kernel in shown for row in kernel for value in row]
    if not flat:
        return []
    scale = _Scale(min(flat), max(flat))
    pictures = [
        _half_blocks(kernel, scale) if surface.colour and surface.unicode
        else _signs(kernel, scale, surface)
        for kernel in shown
    ]  # fmt: skip
    lines = _side_by_side(pictures, names, surface.width)
    lines.append(_legend(scale, surface))
    if len(kernels) > len(shown):
        lines.append(Line(f"the first {len(shown)} of {count_text(len(kernels))} kernels", "faint"))
    return lines


class _Scale:
    """Values as levels from 0 to 1, the same for all kernels so that they compare."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def level(self, value: float, steps: int) -> int:
        if self.high <= self.low:
            return steps // 2
        return min(int((value - self.low) / (self.high - self.low) * steps), steps - 1)


def _half_blocks(kernel: Nested, scale: _Scale) -> list[Line]:
    """Two rows of values in each line: the upper half is drawn, the lower is the background."""
    lines = []
    for top in range(0, len(kernel), 2):
        line = Line()
        for column, value in enumerate(kernel[top]):
            upper = scale.level(value, _GREYS)
            if top + 1 < len(kernel):
                lower = str(scale.level(kernel[top + 1][column], _GREYS))
            else:
                lower = ""
            line.add("▀▀", f"grey:{upper}:{lower}")
        lines.append(line)
    return lines


def _signs(kernel: Nested, scale: _Scale, surface: Surface) -> list[Line]:
    shades = _SHADES if surface.unicode else _ASCII_SHADES
    # Two cells for each value, because cells are twice as high as wide.
    return [
        Line("".join(shades[scale.level(value, len(shades))] * 2 for value in row))
        for row in kernel
    ]


def _side_by_side(pictures: Sequence[list[Line]], names: Sequence[str], width: int) -> list[Line]:
    columns = max(max(line.width for line in pictures[0]), *(len(name) for name in names)) + 3
    per_row = max(width // columns, 1)
    lines: list[Line] = []
    for start in range(0, len(pictures), per_row):
        group = pictures[start : start + per_row]
        if lines:
            lines.append(Line())
        title = "".join(name.ljust(columns) for name in names[start : start + per_row])
        lines.append(Line(title.rstrip(), "faint"))
        for row in range(len(group[0])):
            line = Line()
            for picture in group:
                for part in picture[row].parts:
                    line.add(*part)
                line.add(" " * (columns - picture[row].width))
            lines.append(line)
    return lines


def _legend(scale: _Scale, surface: Surface) -> Line:
    low, high = _number(float(scale.low)), _number(float(scale.high))
    if surface.colour and surface.unicode:
        line = Line(f"{low} ", "faint")
        for level in range(0, _GREYS, 2):
            line.add("▀", f"grey:{level}:{level}")
        return line.add(f" {high}", "faint")
    return Line(f"{low} {_SHADES if surface.unicode else _ASCII_SHADES} {high}", "faint")


def heading(name: str, shape: Sequence[int], meaning: str) -> Line:
    """The line above the values: name, shape, and what the axes mean."""
    line = Line(name, "heading").add(f"  {shape_text(tuple(shape))}", "op")
    return line.add(f"  {meaning}" if meaning else "", "faint")
