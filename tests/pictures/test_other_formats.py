"""Pictures elsewhere: PNG, PDF, Mermaid, DOT, and blocks in a terminal."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.render.blocks import BARS, block_lines, sparkline
from shapescope.render.dot import _quoted, trace_to_dot
from shapescope.render.drawing import draw
from shapescope.render.drawing.raster import RETINA, scene_to_bytes
from shapescope.render.images import Picture
from shapescope.render.mermaid import _ESCAPES, trace_to_mermaid
from shapescope.render.report.png import png_bytes, tiled, zoom
from shapescope.render.theme import Surface
from shapescope.trace import Trace

MODELS = Path(__file__).parents[1] / "models" / "pictures" / "unet.py"
TraceOf = Callable[..., Trace]
SOME = [
    ("lenet5", ()),
    ("lenet5", ("1,1,28,28",)),
    (f"{MODELS}:UNet", ("1,3,64,64",)),
    (f"{MODELS}:Residual", ("1,3,32,32",)),
]


# --- pixels


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_png_has_the_size_of_the_picture(theme: str, trace_of: TraceOf) -> None:
    scene = draw(trace_of("network"))
    data = scene_to_bytes(scene, "png", theme)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert abs(width - scene.width * RETINA) <= 1
    assert abs(height - scene.height * RETINA) <= 1
    assert data == scene_to_bytes(scene, "png", theme)


def test_a_pdf_is_the_same_every_time_and_keeps_its_text(trace_of: TraceOf) -> None:
    scene = draw(trace_of("network"))
    data = scene_to_bytes(scene, "pdf")
    assert data.startswith(b"%PDF-")
    assert b"/FontFile2" in data  # the font is inside: letters stay letters
    assert data == scene_to_bytes(scene, "pdf")


def test_a_dollar_is_no_formula(trace_of: TraceOf) -> None:
    import dataclasses

    scene = draw(dataclasses.replace(trace_of("network"), model="$x_1$ $"))
    assert scene_to_bytes(scene, "png")


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3]), st.randoms())
def test_small_pictures_survive_png(high: int, wide: int, channels: int, random: object) -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    values = bytes(random.randrange(256) for _ in range(high * wide * channels))  # type: ignore[attr-defined]
    picture = Picture(high, wide, channels, values)
    read = image.open(io.BytesIO(png_bytes(picture)))
    assert read.size == (wide, high)
    for row in range(high):
        for column in range(wide):
            seen = read.getpixel((column, row))
            assert (seen if channels == 3 else (seen,) * 3) == picture.pixel(row, column)


def test_tiles_lie_in_rows() -> None:
    tiles = [Picture(1, 2, 1, bytes([value, value])) for value in (1, 2, 3)]
    whole = tiled(tiles, 2)
    assert (whole.height, whole.width) == (3, 5)
    assert whole.values == bytes([1, 1, 255, 2, 2, *[255] * 5, 3, 3, 255, 255, 255])
    with pytest.raises(ValueError, match="no pictures"):
        tiled([], 3)


def test_small_pictures_are_shown_larger() -> None:
    assert zoom(Picture(5, 5, 1, b"")) == 6
    assert zoom(Picture(28, 28, 1, b"")) == 5
    assert zoom(Picture(400, 900, 1, b"")) == 1


# --- text for other programs


@pytest.mark.parametrize(("model", "given"), SOME)
def test_mermaid_is_whole(model: str, given: tuple[str, ...], trace_of: TraceOf) -> None:
    text = trace_to_mermaid(trace_of(model, *given))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "flowchart TD"
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")
    boxes = {line.partition("[")[0] for line in lines if '["' in line and ":::" in line}
    edges = [line.split(" --> ") for line in lines if " --> " in line]
    assert edges
    assert {name for edge in edges for name in edge} <= boxes
    used = {line.rpartition(":::")[2] for line in lines if ":::" in line}
    assert used == {line.split()[1] for line in lines if line.startswith("classDef")}
    for line in lines:
        assert line.count('"') in (0, 2)


@pytest.mark.parametrize(("model", "given"), SOME)
def test_dot_is_whole(model: str, given: tuple[str, ...], trace_of: TraceOf) -> None:
    text = trace_to_dot(trace_of(model, *given))
    assert text.count("{") == text.count("}")
    nodes = set(re.findall(r"^\s*(\w+) \[label=", text, re.MULTILINE))
    edges = re.findall(r"^\s*(\w+) -> (\w+);$", text, re.MULTILINE)
    assert edges
    assert {name for edge in edges for name in edge} <= nodes


def test_mermaid_of_a_failure_marks_it(trace_of: TraceOf) -> None:
    text = trace_to_mermaid(trace_of("lenet5", "1,1,28,28"))
    assert "fails here" in text
    assert ":::failure" in text


def test_repeats_are_folded_in_text_too(trace_of: TraceOf) -> None:
    text = trace_to_mermaid(trace_of(f"{MODELS}:Residual", "1,3,32,32"))
    assert 'subgraph m3 ["blocks.0 .. 3: Block x 4"]' in text


@settings(deadline=None)
@given(st.text(max_size=20))
def test_nothing_ends_a_label_of_mermaid(name: str) -> None:
    assert not set(name.translate(_ESCAPES)) & set('"<>[]|`')


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_nothing_ends_a_string_of_dot(one: str, other: str) -> None:
    inner = _quoted(one, other)[1:-1]
    assert re.fullmatch(r'(?:[^"\\]|\\.)*', inner, re.DOTALL)


# --- a terminal


@pytest.mark.parametrize("width", [40, 80, 100, 160])
@pytest.mark.parametrize("model", ["lenet5", "network", "cifar-cnn", "lenet5-tanh", "mnist-cnn"])
def test_blocks_fit_the_terminal(model: str, width: int, trace_of: TraceOf) -> None:
    lines = block_lines(trace_of(model), Surface(width=width))
    assert max(line.width for line in lines) <= width
    text = "\n".join(line.plain for line in lines)
    assert "conv" in text
    assert text.count("MACs") >= 3


def test_blocks_in_ascii(trace_of: TraceOf) -> None:
    lines = block_lines(trace_of("lenet5"), Surface(width=120, unicode=False))
    assert all(line.plain.isascii() for line in lines)
    assert any("+----" in line.plain for line in lines)


def test_blocks_mark_the_failure(trace_of: TraceOf) -> None:
    lines = block_lines(trace_of("lenet5", "1,1,28,28"), Surface(width=120))
    assert ("fails here", "heading") in [part for line in lines for part in line.parts]
    assert any(style == "mismatch" for line in lines for _, style in line.parts)


def test_blocks_say_what_they_cannot_draw(trace_of: TraceOf) -> None:
    lines = block_lines(trace_of(f"{MODELS}:Parallel", "2,4", "2,6"), Surface())
    assert [line.plain for line in lines] == [
        "this model branches throughout: -o picture.svg draws it as a graph"
    ]


def test_a_sparkline() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▂▅█"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""
    assert sparkline([1, 8], unicode=False).isascii()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=30))
def test_a_sparkline_keeps_the_order(values: list[float]) -> None:
    bars = [(" " + BARS).index(bar) for bar in sparkline(values)]
    assert len(bars) == len(values)
    for one, two in zip(values, bars, strict=True):
        for other, three in zip(values, bars, strict=True):
            if one <= other:
                assert two <= three
