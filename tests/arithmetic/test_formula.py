from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope import arithmetic as ar

N = st.integers(1, 300)
K = st.integers(1, 12)
S = st.integers(1, 6)
P = st.integers(0, 6)
D = st.integers(1, 4)
PAIR = st.tuples(P, P)


def evaluate(expression: str) -> float:
    names = {"floor": math.floor, "ceil": math.ceil, "__builtins__": {}}
    value: float = eval(expression, names)  # noqa: S307 - text made two lines above the assertion
    return value


def assert_true(text: str, out: int) -> None:
    """The left side is worth what stands behind the `=`, and the line ends in the answer."""
    left, right = text.rsplit(" = ", 1)
    assert evaluate(left) == int(right.split(",")[0])
    assert int(right.rsplit(": ", 1)[-1]) == out


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (ar.conv_formula(28, 5), "(28 - 5 + 2*0)/1 + 1 = 24"),
        (ar.conv_formula(28, 5, general=True), "(28 + 2*0 - 1*(5-1) - 1)//1 + 1 = 24"),
        (ar.conv_formula(28, 5, 1, (2, 2)), "(28 - 5 + 2*2)/1 + 1 = 28"),
        (ar.conv_formula(29, 2, 2), "(29 - 2 + 2*0)//2 + 1 = 14"),
        (ar.conv_formula(28, 5, dilation=2), "(28 + 2*0 - 2*(5-1) - 1)//1 + 1 = 20"),
        (ar.conv_formula(28, 4, padding=(1, 2)), "(28 - 4 + 1 + 2)/1 + 1 = 28"),
        (
            ar.conv_formula(9, 4, padding=(4, 5), dilation=3),
            "(9 + 4 + 5 - 3*(4-1) - 1)//1 + 1 = 9",
        ),
        (ar.pool_formula(1, 3, 2), "(1 - 3 + 2*0)/2 + 1 = 0"),
        (ar.pool_formula(28, 2), "(28 - 2 + 2*0)/2 + 1 = 14"),
        (
            ar.pool_formula(6, 2, 3, ceil_mode=True),
            "ceil((6 - 2)/3) + 1 = 3, last window starts past the input: 2",
        ),
        (ar.pool_formula(7, 2, 3, ceil_mode=True), "ceil((7 - 2)/3) + 1 = 3"),
        (ar.pool_formula(6, 3, 2, (1, 1), ceil_mode=True), "ceil((6 - 3 + 2*1)/2) + 1 = 4"),
        (
            ar.pool_formula(8, 3, 2, (1, 1), 2, True),
            "ceil((8 + 2*1 - 2*(3-1) - 1)/2) + 1 = 4",
        ),
        (ar.pool_formula(8, 3, 2, ceil_mode=True), "ceil((8 - 3)/2) + 1 = 4"),
        (ar.transposed_formula(7, 3, 2, 1, 1), "(7 - 1)*2 - 2*1 + 1*(3-1) + 1 + 1 = 14"),
        (ar.unfold_formula(10, 2, 2, 1, 2), "(10 + 2*1 - 2*(2-1) - 1)//2 + 1 = 5"),
        (ar.tensor_unfold_formula(10, 4, 3), "(10 - 4)/3 + 1 = 3"),
        (ar.tensor_unfold_formula(11, 4, 3), "(11 - 4)//3 + 1 = 3"),
        (ar.product_formula((16, 5, 5)), "16 * 5 * 5 = 400"),
        (ar.product_formula((7,)), "7"),
        (ar.pad_formula(6, 1, 2), "6 + 1 + 2 = 9"),
        (ar.pad_formula(6, -3, 0), "6 - 3 + 0 = 3"),
        (ar.unpool_formula(3, 2), "(3 - 1)*2 - 2*0 + 2 = 6"),
        (ar.adaptive_formula(10, 7), "output_size = 7"),
        (ar.adaptive_formula(10, None), "output_size None keeps 10"),
        (ar.fractional_pool_formula(100, output_ratio=0.29), "floor(100 * 0.29) = 28"),
        (ar.fractional_pool_formula(100, output_size=8), "output_size = 8"),
        (ar.interpolate_formula(100, scale_factor=1.15), "floor(100 * 1.15) = 114"),
        (ar.interpolate_formula(100, size=7), "size = 7"),
        (ar.pixel_shuffle_formula(9, 2), "9 * 2 = 18"),
        (ar.pixel_shuffle_channels_formula(8, 2), "8/(2*2) = 2"),
        (ar.pixel_unshuffle_formula(9, 3), "9/3 = 3"),
        (ar.pixel_unshuffle_channels_formula(2, 3), "2 * 3*3 = 18"),
    ],
)
def test_text(made: str, text: str) -> None:
    assert made == text


@settings(max_examples=400, deadline=None)
@given(N, K, S, PAIR, D, st.booleans())
def test_conv_is_true(n: int, k: int, s: int, pair: tuple[int, int], d: int, general: bool) -> None:
    made = ar.conv_formula(n, k, s, pair, d, general=general)
    assert_true(made, ar.conv_output(n, k, s, pair, d))
    # an exact division is written as one, and only that
    if d == 1 and not general:
        assert ("//" in made) == ((n - k + sum(pair)) % s != 0)


@settings(max_examples=400, deadline=None)
@given(N, K, st.one_of(st.none(), S), PAIR, D, st.booleans(), st.booleans())
def test_pool_is_true(
    n: int, k: int, s: int | None, pair: tuple[int, int], d: int, ceil: bool, general: bool
) -> None:
    made = ar.pool_formula(n, k, s, pair, d, ceil, general=general)
    assert_true(made, ar.pool_output(n, k, s, pair, d, ceil))


@pytest.mark.parametrize(
    ("formula", "output", "arguments"),
    [
        (ar.transposed_formula, ar.transposed_output, st.tuples(N, K, S, P, P, D)),
        (ar.unfold_formula, ar.unfold_output, st.tuples(N, K, S, P, D)),
        (ar.tensor_unfold_formula, ar.tensor_unfold_output, st.tuples(N, K, S)),
        (ar.pad_formula, ar.pad_output, st.tuples(N, P, st.integers(-6, 6))),
        (ar.unpool_formula, ar.unpool_output, st.tuples(N, K, S, P)),
        (ar.pixel_shuffle_formula, ar.pixel_shuffle_output, st.tuples(N, S)),
    ],
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_others_are_true(
    formula: Callable[..., str], output: Callable[..., int], arguments: Any, data: st.DataObject
) -> None:
    values = data.draw(arguments)
    assert_true(formula(*values), output(*values))


@settings(max_examples=300, deadline=None)
@given(N, st.floats(0.01, 9))
def test_interpolation_is_true_in_floating_point(n: int, factor: float) -> None:
    made = ar.interpolate_formula(n, scale_factor=factor)
    assert_true(made, ar.interpolate_output(n, scale_factor=factor))
    ratio = ar.fractional_pool_formula(n, output_ratio=factor)
    assert_true(ratio, ar.fractional_pool_output(n, output_ratio=factor))
