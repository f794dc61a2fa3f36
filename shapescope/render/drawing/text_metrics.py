"""How wide a text is, from the advance widths of a real font.

The table is that of DejaVu Sans, in units of 1/2048 em. It is among the widest of the fonts that
a picture names, so what fits here fits with every one of them. Nothing is measured on the
machine that draws: the same trace gives the same picture everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

UNITS_PER_EM = 2048
ASCENT = 0.76
"""From the baseline to the top of a capital or a bracket, in em."""
DESCENT = 0.24
"""From the baseline to the bottom of a `g` or a bracket, in em."""
ELLIPSIS = "…"
_PARTS = re.compile(r"(?<=\w)\.(?=\w)")

_REGULAR = (
    "651 821 942 1716 1303 1946 1597 563 799 799 1024 1716 651 739 651 690 1303 1303 1303 1303 "
    "1303 1303 1303 1303 1303 1303 690 690 1716 1716 1716 1087 2048 1401 1405 1430 1577 1294 1178 "
    "1587 1540 604 604 1343 1141 1767 1532 1612 1235 1612 1423 1300 1251 1499 1401 2025 1403 1251 "
    "1403 799 690 799 1716 1024 1024 1255 1300 1126 1300 1260 721 1300 1298 569 569 1186 569 1995 "
    "1298 1253 1300 1300 842 1067 803 1298 1212 1675 1212 1212 1075 1303 690 1303 1716"
)
_BOLD = (
    "713 934 1067 1716 1425 2052 1786 627 936 936 1071 1716 778 850 778 748 1425 1425 1425 1425 "
    "1425 1425 1425 1425 1425 1425 819 819 1716 1716 1716 1188 2048 1585 1561 1503 1700 1399 1399 "
    "1681 1714 762 762 1587 1305 2038 1714 1741 1501 1741 1577 1475 1397 1663 1585 2259 1579 1483 "
    "1485 936 748 936 1716 1024 1024 1382 1466 1214 1466 1389 891 1466 1458 702 702 1362 702 2134 "
    "1458 1407 1466 1466 1010 1219 979 1458 1335 1892 1321 1335 1192 1458 748 1458 1716"
)
_WIDTHS = (
    {chr(32 + place): int(width) for place, width in enumerate(_REGULAR.split())},
    {chr(32 + place): int(width) for place, width in enumerate(_BOLD.split())},
)
for _table in _WIDTHS:
    _table.update({"·": 778, "²": 897, "–": 1024, "×": 1716, "→": 1716, "≥": 1716})
_WIDE = 2048
"""Letters outside the table: as wide as the widest common ones."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The advance width of one line at a font size, in the units of `size`."""
    table = _WIDTHS[bold]
    units = 0
    for char in text:
        width = table.get(char)
        if width is None:
            width = 0 if unicodedata.combining(char) else _WIDE
        units += width
    return units * size / UNITS_PER_EM


def shortened(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, its end cut off behind an ellipsis where it is wider than `width`."""
    if text_width(text, size, bold=bold) <= width:
        return text
    kept = text
    while kept and text_width(kept.rstrip() + ELLIPSIS, size, bold=bold) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def shortened_path(path: str, size: float, width: float, *, bold: bool = False) -> str:
    """A dotted path, its beginning cut off where it is too wide: its end tells it apart."""
    if text_width(path, size, bold=bold) <= width:
        return path
    while (dot := _PARTS.search(path)) is not None:
        path = path[dot.end() :]
        if text_width(ELLIPSIS + path, size, bold=bold) <= width:
            return ELLIPSIS + path
    kept = path
    while kept and text_width(ELLIPSIS + kept, size, bold=bold) > width:
        kept = kept[1:]
    return ELLIPSIS + kept


def in_lines(words: Iterable[str], size: float, width: float) -> list[str]:
    """Words with commas between them, in lines of at most `width` where a word allows it."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}, {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
