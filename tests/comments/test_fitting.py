"""Whether a shape fits what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapescope.analysis.comments.fitting import Names, fit, value_of


@pytest.mark.parametrize(
    ("says", "shape"),
    [
        (["16", "14", "14"], (16, 14, 14)),
        (["16", "14", "14"], (8, 16, 14, 14)),
        (["B", "C", "H", "H"], (8, 3, 5, 5)),
        (["B", "2*C", "C"], (8, 6, 3)),
        (["-1", "None", "?", "*"], (1, 2, 3, 4)),
        (["B", "..."], (1, 2, 3)),
        (["...", "3"], (3,)),
        (["B", "32*7*7"], (2, 1568)),
        (["B", "28//4"], (2, 7)),
        (["B", "unknown/2"], (2, 7)),
        (["36*N", "5"], (360, 5)),
        (["36N", "10"], (360, 10)),
    ],
)
def test_fits(says: list[str], shape: tuple[int, ...]) -> None:
    assert fit(says, shape, {}) is None


@pytest.mark.parametrize(
    ("says", "shape", "why"),
    [
        (["B", "16", "7", "7"], (8, 32, 7, 7), "axis 1 is 32, not 16"),
        (["16", "14", "14"], (8, 16, 14, 15), "axis 3 is 15, not 14"),
        (["B", "C", "H", "H"], (8, 3, 5, 6), "axis 3 is 6, not H = 5"),
        (["B", "C", "H"], (8, 3), "2 axes, not 3"),
        (["B", "2*C", "C"], (8, 7, 3), "axis 1 is 7, not 2*C = 6"),
        (["a", "b", "..."], (3,), "rank 1, not at least 2"),
        (["37*N", "5"], (360, 5), "axis 0 is 360, not a multiple of 37"),
        (["36*N", "N"], (360, 11), "axis 0 is 360, not 36*N = 396"),
        (["(ngf*9)", "4", "4"], (2, 64, 4, 4), "axis 1 is 64, not a multiple of 9"),
        (["batch", "len", "dim"], (2, 4, 9, 8), "4 axes, not 3"),
    ],
)
def test_does_not_fit(says: list[str], shape: tuple[int, ...], why: str) -> None:
    assert fit(says, shape, {}) == why


def test_names_learn_from_what_fits_alone() -> None:
    names: Names = {}
    assert fit(["B", "3"], (8, 4), names) is not None
    assert names == {}
    assert fit(["B", "4"], (8, 4), names) is None
    assert names == {"B": 8}
    assert fit(["B", "T"], (9, 4), names) == "axis 0 is 9, not B = 8"


@given(st.lists(st.integers(0, 99), min_size=1, max_size=5))
def test_every_shape_fits_its_own_numbers(shape: list[int]) -> None:
    says = [str(size) for size in shape]
    assert fit(says, tuple(shape), {}, batch=False) is None
    for axis in range(len(shape)):
        other = [*shape[:axis], shape[axis] + 1, *shape[axis + 1 :]]
        assert fit(says, tuple(other), {}, batch=False) is not None


@pytest.mark.parametrize(
    ("word", "value"),
    [("7", 7), ("28//4", 7), ("2H", 10), ("H/2", 2), ("2*(H+1)", 12), ("X", None), ("1/0", None)],
)
def test_arithmetic(word: str, value: int | None) -> None:
    assert value_of(word, {"H": 5}) == value
