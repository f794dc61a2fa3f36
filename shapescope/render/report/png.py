"""Small pictures as PNG in a data address, made with the standard library alone."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

from shapescope.render.images import Picture

_GREY, _COLOUR = 0, 2
SHOWN_WIDTH = 500
"""Pictures are shown up to this width, in pixels of the page."""


def png_bytes(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    plane = picture.height * picture.width
    rows = bytearray()
    for row in range(picture.height):
        rows.append(0)  # no filter: these pictures are tiny
        start = row * picture.width
        if picture.channels == 1:
            rows += picture.values[start : start + picture.width]
        else:
            parts = [
                picture.values[channel * plane + start : channel * plane + start + picture.width]
                for channel in range(3)
            ]
            rows += bytes(value for pixel in zip(*parts, strict=True) for value in pixel)
    kind = _GREY if picture.channels == 1 else _COLOUR
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def data_address(picture: Picture) -> str:
    """The picture as an address that holds it: `data:image/png;base64,...`."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode("ascii")


def zoom(picture: Picture) -> int:
    """By how much a picture is shown larger: small ones are looked at pixel by pixel."""
    return (
        max(1, min(SHOWN_WIDTH // picture.width, 160 // picture.height, 6)) if picture.width else 1
    )


def tiled(pictures: Sequence[Picture], columns: int) -> Picture:
    """Grey pictures of one size as one picture, a white pixel between them.

    Raises:
        ValueError: there are none.
    """
    if not pictures:
        raise ValueError("no pictures to put together")
    high, wide = pictures[0].height, pictures[0].width
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    width, height = columns * (wide + 1) - 1, rows * (high + 1) - 1
    values = bytearray(b"\xff" * (width * height))
    for place, picture in enumerate(pictures):
        top, left = place // columns * (high + 1), place % columns * (wide + 1)
        for row in range(high):
            start = (top + row) * width + left
            values[start : start + wide] = picture.values[row * wide : (row + 1) * wide]
    return Picture(height, width, 1, bytes(values))
