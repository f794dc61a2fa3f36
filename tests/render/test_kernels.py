from __future__ import annotations

import ast
import json
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.render.kernels import MANY_VALUES, heading, kernels_lines, values_lines
from shapescope.render.line import ansi_text, plain_text
from shapescope.render.theme import Surface

PLAIN = Surface(width=80)
COLOUR = Surface(width=80, colour=True)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=0, max_size=4))
def test_values_read_back(shape: list[int]) -> None:
    tensor = torch.randn(shape)
    text = plain_text(values_lines(tensor.tolist(), shape, PLAIN))
    assert torch.allclose(torch.tensor(ast.literal_eval(text)), tensor, atol=1e-4)


def test_values_look_as_torch_prints_them() -> None:
    lines = values_lines([[[1.0, -2.5]], [[0.0, 1e-7]]], (2, 1, 2), PLAIN)
    assert [line.plain for line in lines] == [
        "[[[   1.0000,   -2.5000]],",
        " [[   0.0000, 1.000e-07]]]",
    ]


def test_long_axes_are_cut_in_the_middle() -> None:
    size = MANY_VALUES + 1
    lines = values_lines(list(range(size)), (size,), PLAIN)
    assert lines[0].plain.replace(" ", "") == f"[0,1,2,...,{size - 3},{size - 2},{size - 1}]"
    assert lines[1].plain == "2,001 values; the middle of long axes is left out"
    deep = values_lines(torch.zeros(100, 100).tolist(), (100, 100), PLAIN)
    assert len(deep) == 8
    assert deep[3].plain.strip() == "..."


def test_a_scalar_and_nothing() -> None:
    assert plain_text(values_lines(1.5, (), PLAIN)) == "1.5000\n"
    assert plain_text(values_lines([], (0,), PLAIN)) == "[]\n"
    assert plain_text(values_lines([True, False], (2,), PLAIN)).split() == ["[", "True,", "False]"]


KERNEL = [[0.0, 1.0], [2.0, 3.0], [4.0, 4.0]]


def test_signs_grow_denser_with_the_value() -> None:
    lines = [line.plain.rstrip() for line in kernels_lines([KERNEL], ["0"], PLAIN)]
    assert lines == ["0", "  ░░", "▒▒▓▓", "████", "0.0000  ░▒▓█ 4.0000"]


def test_ascii() -> None:
    text = plain_text(kernels_lines([KERNEL], ["0"], Surface(unicode=False)))
    assert text.isascii()
    assert "@@@@" in text


def test_half_blocks_where_there_is_colour() -> None:
    lines = kernels_lines([KERNEL], ["0"], COLOUR)
    assert lines[1].plain.rstrip() == "▀▀▀▀"
    drawn = ansi_text(lines[1:2])
    assert re.findall(r"38;5;(\d+)", drawn) == ["232", "238"]  # 0 and 1 of 4, in 24 greys
    assert re.findall(r"48;5;(\d+)", drawn) == ["244", "250"]  # below them 2 and 3
    odd = ansi_text(lines[2:3])
    assert "48;5" not in odd  # the last line has no row below


def test_kernels_share_one_scale_and_the_width() -> None:
    kernels = [[[float(number)] * 5] * 5 for number in range(20)]
    lines = kernels_lines(kernels, [str(number) for number in range(20)], PLAIN)
    assert max(line.width for line in lines) <= 80
    assert "████" in lines[-3].plain
    titles = " ".join(line.plain for line in lines if not set(line.plain) & set("░▒▓█"))
    assert set(map(str, range(20))) <= set(titles.split())


def test_only_the_first_of_many() -> None:
    lines = kernels_lines([[[0.0, 1.0]]] * 100, [str(number) for number in range(100)], PLAIN)
    assert lines[-1].plain == "the first 64 of 100 kernels"


def test_equal_values_are_in_the_middle_of_the_scale() -> None:
    assert "▒▒▒▒" in kernels_lines([[[1.0, 1.0]]], ["0"], PLAIN)[1].plain


@pytest.mark.parametrize("meaning", ["", "6 kernels"])
def test_the_heading(meaning: str) -> None:
    text = heading("conv1.weight", (6, 1, 5, 5), meaning).plain
    assert text == "conv1.weight  6 x 1 x 5 x 5" + (f"  {meaning}" if meaning else "")


def test_long_rows_are_broken_to_the_width() -> None:
    rows = [[float(row * 40 + column) for column in range(40)] for row in range(2)]
    lines = [line.plain for line in values_lines(rows, (2, 40), Surface(width=60))]
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("[[ 0.0000,  1.0000,")
    assert lines[0].endswith(",")
    assert lines[1].startswith("  ")
    assert lines[-1].endswith("79.0000]]")
    read = json.loads("".join(lines))
    assert read == rows
