from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.render.shapes import (
    bytes_text,
    count_text,
    per_axis,
    plural,
    printable,
    several_text,
    shape_text,
    short_count,
    tensor_text,
    tensors_text,
)
from shapescope.trace import TensorSpec


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_a_shape_reads_back(sizes: list[int]) -> None:
    text = shape_text(tuple(sizes))
    assert [int(part) for part in text.split(" x ")] == sizes


def test_no_axes_are_a_scalar() -> None:
    assert shape_text(()) == "scalar"


def test_formulas_stand_in_parentheses_between_other_axes() -> None:
    assert shape_text(("N", 6, "H - 4", "W//2")) == "N x 6 x (H - 4) x (W//2)"
    assert shape_text(("H - 4",)) == "H - 4"


def test_only_an_unusual_dtype_is_told() -> None:
    assert tensor_text(TensorSpec((2, 3))) == "2 x 3"
    assert tensor_text(TensorSpec((2, 3), "int64")) == "2 x 3 int64"
    assert tensors_text((TensorSpec((1,)), TensorSpec((2,), "bool"))) == "1, 2 bool"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (61_750, "61.8 k"),
        (416_520, "417 k"),
        (1_814_073_344, "1.81 G"),
        (17_563_828_224, "17.6 G"),
        (2_359_296, "2.36 M"),
    ],
)
def test_large_counts_in_three_digits(count: int, text: str) -> None:
    assert short_count(count) == text


def test_counts_and_amounts() -> None:
    assert count_text(1234567) == "1,234,567"
    assert bytes_text(1000) == "1000 B"
    assert bytes_text(247_000) == "241.2 KiB"
    assert bytes_text(5 * 1024**4 * 1024) == "5120.0 TiB"


def test_nouns_agree_with_their_count() -> None:
    assert plural(1, "step") == "1 step"
    assert plural(0, "step") == "0 steps"
    assert plural(2, "branch", "branches") == "2 branches"


def test_axes_that_agree_are_told_once() -> None:
    assert per_axis((5, 5), "k") == "k5"
    assert per_axis((5, 3), "k") == "k5x3"


@given(st.text())
def test_printable_text_moves_no_cursor(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_escape_sequences_become_visible() -> None:
    assert printable("a\x1b[31mb\nc") == r"a\x1b[31mb\nc"


def test_of_many_texts_the_first_are_told() -> None:
    assert several_text(["a", "b"]) == "a, b"
    assert several_text(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert several_text(list("abcdefghi")) == "a, b, c, d, e, f and 3 more"
