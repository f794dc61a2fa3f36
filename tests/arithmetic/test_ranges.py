"""The inverses against every input up to a bound."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from shapescope import arithmetic as ar

BOUND = 40


def preimage(output: Callable[[int], int], out: int) -> tuple[int, int] | None:
    found = [n for n in range(1, BOUND + 1) if output(n) == out]
    assert found == list(range(found[0], found[-1] + 1)) if found else True
    return (found[0], found[-1]) if found else None


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pool(ceil_mode: bool) -> None:
    for k, s, d, out in itertools.product(range(1, 6), range(1, 5), (1, 2, 3), range(5)):
        for before, after in itertools.product(range(k // 2 + 1), repeat=2):
            settings = (k, s, (before, after), d, ceil_mode)
            expected = preimage(lambda n, a=settings: ar.pool_output(n, *a), out)  # type: ignore[misc]
            if out < 1:
                expected = None
            assert ar.pool_input_range(out, *settings) == expected, (out, settings)


def test_pool_without_a_stride() -> None:
    assert ar.pool_input_range(4, 2) == (8, 9)
    assert ar.pool_input_range(4, 2, ceil_mode=True) == (7, 8)


def test_conv_with_padding_beyond_the_window() -> None:
    for k, s, d, p, out in itertools.product(
        range(1, 5), range(1, 5), (1, 2), range(5), range(1, 6)
    ):
        expected = preimage(lambda n, a=(k, s, (p, p + 1), d): ar.conv_output(n, *a), out)  # type: ignore[misc]
        assert ar.conv_input_range(out, k, s, (p, p + 1), d) == expected


def test_conv_that_no_input_gives() -> None:
    # one element with padding 2 already has 3 windows
    assert ar.conv_input_range(2, 3, 1, (2, 2)) is None
    assert ar.conv_input_range(0, 3) is None
    assert ar.conv_input_range(24, 5) == (28, 28)
    assert ar.conv_input_range(14, 3, 2, (1, 1)) == (27, 28)


def test_transposed() -> None:
    for k, s, p, e, d, out in itertools.product(
        range(1, 5), range(1, 4), range(3), range(2), (1, 2), range(1, 12)
    ):
        settings = (k, s, p, e, d)
        expected = preimage(lambda n, a=settings: ar.transposed_output(n, *a), out)  # type: ignore[misc]
        assert ar.transposed_input_range(out, *settings) == expected
    assert ar.transposed_input_range(0, 2, 1, 1) is None


def test_unpool_undoes_itself() -> None:
    for k, s, p, n in itertools.product(range(1, 5), range(1, 4), range(2), range(1, 9)):
        out = ar.unpool_output(n, k, s, p)
        assert ar.unpool_input_range(out, k, s, p) == ((n, n) if out >= 1 else None)
    assert ar.unpool_input_range(7, 2) is None
    assert ar.unpool_input_range(8, 2) == (4, 4)


@pytest.mark.parametrize("factor", [0.07, 0.29, 0.5, 1 / 3, 1.0, 1.1, 1.15, 1.5, 2, 2.5, 3])
def test_interpolate(factor: float) -> None:
    for out in range(1, 30):
        found = [n for n in range(1, 600) if ar.interpolate_output(n, scale_factor=factor) == out]
        expected = (found[0], found[-1]) if found else None
        assert ar.interpolate_input_range(out, factor) == expected


def test_interpolate_to_nothing() -> None:
    assert ar.interpolate_input_range(0, 2) is None
    assert ar.interpolate_input_range(4, -1.0) is None
    assert ar.interpolate_input_range(7, 2) is None


def test_the_others() -> None:
    assert ar.tensor_unfold_input_range(3, 4, 3) == (10, 12)
    assert ar.pad_input_range(9, 1, 2) == (6, 6)
    assert ar.pad_input_range(2, 1, 2) is None
    assert ar.pad_input_range(3, -4, -4) == (11, 11)
    # cropping takes more than there is, whatever the other side adds
    assert ar.pad_refusal((4,), [(-5, 3)]) is not None
    assert ar.pad_input_range(2, -5, 3) is None
    assert ar.pixel_shuffle_input_range(18, 2) == (9, 9)
    assert ar.pixel_shuffle_input_range(17, 2) is None
    assert ar.pixel_unshuffle_input_range(3, 3) == (9, 9)
