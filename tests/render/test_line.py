from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from shapescope.render.line import (
    Line,
    ansi_text,
    beside,
    cells,
    encodable,
    plain_text,
    wrapped,
    write_lines,
)
from shapescope.render.theme import STYLES, Surface

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(st.lists(st.tuples(words, st.sampled_from([*STYLES, "", "grey:3:20", "grey:0:"]))))
def test_colour_adds_nothing_to_the_text(parts: list[tuple[str, str]]) -> None:
    line = Line()
    for text, style in parts:
        line.add(text, style)
    assert _ESCAPES.sub("", ansi_text([line])) == line.plain + "\n"


def test_colours_are_those_of_the_terminal() -> None:
    assert ansi_text([Line("ok", "match")]) == "\x1b[32mok\x1b[0m\n"
    assert ansi_text([Line("▀", "grey:0:23")]) == "\x1b[38;5;232;48;5;255m▀\x1b[0m\n"


def test_width_counts_cells() -> None:
    assert cells("abc") == 3
    assert cells("卷积") == 4
    assert Line("卷积").pad(6).width == 6
    assert Line("abc").pad(2).plain == "abc"


def test_spaces_at_the_end_are_cut_off() -> None:
    assert plain_text([Line("a  "), Line()]) == "a\n\n"


def test_what_an_encoding_lacks_is_escaped() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert encodable("a ✓", stream) == r"a \u2713"
    assert encodable("a ✓", io.StringIO()) == "a ✓"


def test_writing_follows_the_surface() -> None:
    stream = io.StringIO()
    write_lines([Line("x", "error")], stream, Surface(colour=False))
    write_lines([Line("x", "error")], stream, Surface(colour=True))
    assert stream.getvalue() == "x\n\x1b[1;31mx\x1b[0m\n"


@given(st.lists(words, min_size=1, max_size=30), st.integers(30, 100))
def test_wrapped_text_fits_and_keeps_its_words(parts: list[str], width: int) -> None:
    lines = wrapped(" ".join(parts), width, "note: ")
    assert all(line.width <= width for line in lines)
    assert " ".join(line.plain for line in lines).split() == ["note:", *parts]
    assert all(line.plain.startswith("      ") for line in lines[1:])


def test_a_line_shows_itself() -> None:
    assert repr(Line("a").add("b", "op")) == "Line('ab')"


def test_a_text_beside_another_goes_on_below_it_in_a_terminal() -> None:
    text = "two convolutions with functional pooling"

    def drawn(front: str, width: int, *, terminal: bool = True) -> list[str]:
        surface = Surface(width=width, terminal=terminal)
        return [line.plain for line in beside(Line(front), text, surface)]

    assert drawn("network  ", 60) == [f"network  {text}"]
    assert drawn("network  ", 40) == [
        "network  two convolutions with",
        "         functional pooling",
    ]
    assert drawn("network  ", 30) == [
        "network  ",
        "    two convolutions with",
        "    functional pooling",
    ]
    assert drawn("network  ", 30, terminal=False) == [f"network  {text}"]
