"""Widths of texts, against the font they are those of."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.render.drawing.scene import Text
from shapescope.render.drawing.text_metrics import (
    ELLIPSIS,
    UNITS_PER_EM,
    in_lines,
    shortened,
    shortened_path,
    text_width,
)

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@pytest.mark.parametrize(
    ("bold", "file"), [(False, "DejaVuSans.ttf"), (True, "DejaVuSans-Bold.ttf")]
)
def test_widths_are_those_of_the_font(bold: bool, file: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    fonts = pytest.importorskip("fontTools.ttLib")
    font = fonts.TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / file)
    assert font["head"].unitsPerEm == UNITS_PER_EM
    names, widths = font.getBestCmap(), font["hmtx"]
    for code in range(32, 127):
        assert text_width(chr(code), UNITS_PER_EM, bold=bold) == widths[names[code]][0], chr(code)
    for sign in "·²–×→≥" + ELLIPSIS:
        assert text_width(sign, UNITS_PER_EM, bold=bold) >= widths[names[ord(sign)]][0], sign


@pytest.mark.parametrize("family", ["LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"])
def test_the_usual_fonts_are_no_wider(family: str) -> None:
    fonts = pytest.importorskip("fontTools.ttLib")
    found = list(Path("/usr/share/fonts").rglob(family))
    if not found:
        pytest.skip(f"{family} is not on this machine")
    font = fonts.TTFont(found[0])
    names, widths, em = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
    bold = "Bold" in family
    for words in ("5 x 5 conv, stride 2", "16 @ 10 x 10", "batch norm, relu", "layer1.0.conv1"):
        width = sum(widths[names[ord(char)]][0] for char in words) / em
        assert width <= text_width(words, 1, bold=bold)


@settings(deadline=None)
@given(PRINTABLE, PRINTABLE)
def test_widths_add_up(one: str, other: str) -> None:
    assert text_width(one + other, 10) == pytest.approx(text_width(one, 10) + text_width(other, 10))


@settings(deadline=None)
@given(PRINTABLE, st.floats(20, 200))
def test_a_shortened_text_fits(text: str, width: float) -> None:
    short = shortened(text, 10, width)
    assert text_width(short, 10) <= width
    assert short == text or (short.endswith(ELLIPSIS) and text.startswith(short[:-1]))


@settings(deadline=None)
@given(st.lists(st.text("abc0123", min_size=1, max_size=8), min_size=1, max_size=6))
def test_a_shortened_path_keeps_its_end(parts: list[str]) -> None:
    path = ".".join(parts)
    short = shortened_path(path, 10, 60)
    assert text_width(short, 10) <= 60
    assert short == path or path.endswith(short.removeprefix(ELLIPSIS))


def test_paths_are_cut_between_their_parts() -> None:
    assert shortened_path("backbone.layer1.0.conv2", 10, 100) == "…layer1.0.conv2"
    assert shortened_path("layers.layer_0 .. 11", 10, 85) == "…layer_0 .. 11"


def test_wide_letters_are_wide() -> None:
    assert text_width("卷积", 10) == 20
    assert text_width("e\N{COMBINING ACUTE ACCENT}", 10) == text_width("e", 10)


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_the_box_of_a_text(anchor: str) -> None:
    text = Text(100, 50, "conv", 10, anchor)
    left = {"start": 100, "middle": 100 - text.width / 2, "end": 100 - text.width}[anchor]
    assert text.box.left == pytest.approx(left)
    assert text.box.width == pytest.approx(text.width)
    assert text.box.top < 50 < text.box.bottom
    turned = Text(100, 50, "conv", 10, anchor, upward=True)
    assert turned.box.height == pytest.approx(text.width)


@given(
    words=st.lists(st.text("abcdefgh ", min_size=1, max_size=9), max_size=12),
    width=st.floats(1, 120),
)
def test_lines_hold_all_words_and_are_as_few_as_they_can_be(words: list[str], width: float) -> None:
    lines = in_lines(words, 10, width)
    assert ", ".join(lines) == ", ".join(words)
    for line in lines:
        assert line in words or text_width(line, 10) <= width
    for line, below in pairwise(lines):
        assert text_width(f"{line}, {below.split(', ')[0]}", 10) > width
