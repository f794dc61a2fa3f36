from __future__ import annotations

import io
from typing import IO

import pytest

from shapescope.render.theme import ASCII, PIPE_WIDTH, UNICODE, Surface, surface_of


class Terminal(io.StringIO):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colour"),
    [
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(stream: IO[str], environ: dict[str, str], colour: bool) -> None:
    assert surface_of(stream, environ).colour is colour


def test_width_of_a_pipe_and_of_columns() -> None:
    assert surface_of(io.StringIO(), {}).width == PIPE_WIDTH
    assert surface_of(io.StringIO(), {"COLUMNS": "160"}).width == 160
    assert surface_of(Terminal(), {"COLUMNS": "72"}).width == 72
    assert surface_of(io.StringIO(), {"COLUMNS": "wide"}).width == PIPE_WIDTH
    assert surface_of(io.StringIO(), {"COLUMNS": "3"}).width == 20


def test_unicode_only_where_the_encoding_has_it() -> None:
    assert surface_of(Terminal("utf-8"), {}).unicode
    assert not surface_of(Terminal("ascii"), {}).unicode
    assert not surface_of(Terminal("latin-1"), {}).unicode
    assert not surface_of(Terminal("no such encoding"), {}).unicode
    assert surface_of(io.StringIO(), {}).unicode


def test_signs_follow() -> None:
    assert Surface(unicode=True).glyphs is UNICODE
    assert Surface(unicode=False).glyphs is ASCII
    assert all(getattr(ASCII, name).isascii() for name in ASCII.__slots__)


def test_a_closed_stream_is_no_terminal() -> None:
    stream = Terminal()
    stream.close()
    closed = io.StringIO()
    closed.close()
    assert not surface_of(closed, {}).colour
