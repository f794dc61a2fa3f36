"""Receptive fields against gradients: which inputs does one output depend on?"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shapescope import arithmetic as ar

LENGTH = 64


def seen(network: Callable[[Tensor], Tensor], length: int, output: int) -> tuple[int, int] | None:
    """First and last input that one output has a gradient for."""
    x = torch.ones(1, 1, length, requires_grad=True)
    network(x)[0, 0, output].backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    found = x.grad[0, 0].nonzero().flatten().tolist()
    return (found[0], found[-1]) if found else None


def out_length(network: Callable[[Tensor], Tensor], length: int) -> int:
    with torch.no_grad():
        return network(torch.ones(1, 1, length)).shape[-1]


WINDOW = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(WINDOW, min_size=1, max_size=4), st.floats(0, 1))
def test_a_chain_of_windows(layers: list[tuple[int, ...]], where: float) -> None:
    def network(x: Tensor) -> Tensor:
        for k, s, p, d in layers:
            x = F.conv1d(x, torch.ones(1, 1, k), None, s, p, d)
        return x

    n = LENGTH
    field: ar.Field = ar.INPUT_FIELD
    for k, s, p, d in layers:
        if ar.conv_refusal((n,), k, s, p, d):
            return
        n = ar.conv_output(n, k, s, (p, p), d)
        field = ar.receptive_field_step(*field, k, s, p, d)
    size, jump, start = field
    assert all(type(value) is int for value in field)
    output = min(int(where * n), n - 1)
    low, high = start + output * jump, start + output * jump + size - 1
    observed = seen(network, LENGTH, output)
    if observed is not None:
        assert low <= observed[0] and observed[1] <= high
    if low >= 0 and high < LENGTH:
        assert observed == (low, high)


@settings(max_examples=200, deadline=None)
@given(WINDOW, st.integers(3, 9), st.integers(0, 60))
def test_transposed(layer: tuple[int, ...], n: int, output: int) -> None:
    k, s, p, d = layer
    if ar.transposed_refusal((n,), k, s, p, 0, d):
        return

    def network(x: Tensor) -> Tensor:
        return F.conv_transpose1d(x, torch.ones(1, 1, k), None, s, p, dilation=d)

    made = out_length(network, n)
    output = output % made
    observed = seen(network, n, output)
    interval = ar.transposed_interval(output, output, k, s, p, d)
    size, jump, start = ar.receptive_field_step_transposed(*ar.INPUT_FIELD, k, s, p, d)
    assert jump == Fraction(1, s)
    if interval is None:
        assert observed is None
        return
    low, high = interval
    assert high - low + 1 <= size
    if low >= 0 and high < n:
        assert observed == interval
    elif observed is not None:
        assert low <= observed[0] and observed[1] <= high
    # the linear field is right to within one element on either side
    assert start + output * jump - 1 < low + 1
    assert high < start + output * jump + size + 1


def test_transposed_reaches_its_widest_span() -> None:
    # kernel 4, stride 2: every output adds up two inputs
    assert ar.receptive_field_step_transposed(1, 1, 0, 4, 2, 1) == (2, Fraction(1, 2), -1)
    # kernel 3, stride 2: every other output adds up two
    assert ar.receptive_field_step_transposed(1, 1, 0, 3, 2, 1)[0] == 2
    # a kernel as long as the stride copies
    assert ar.receptive_field_step_transposed(1, 1, 0, 2, 2) == (1, Fraction(1, 2), 0)
    # dilation that shares no factor with the stride spreads the inputs
    assert ar.receptive_field_step_transposed(1, 1, 0, 3, 2, 0, 3)[0] == 4
    assert ar.transposed_interval(1, 1, 1, 2) is None


@pytest.mark.parametrize(("mode", "neighbours"), [("nearest", 1), ("linear", 2), ("bicubic", 4)])
@pytest.mark.parametrize(("n", "out"), [(6, 12), (6, 18), (12, 6), (9, 12), (8, 8)])
def test_resized(mode: str, neighbours: int, n: int, out: int) -> None:
    def network(x: Tensor) -> Tensor:
        if mode == "bicubic":
            square = x[:, :, None].expand(1, 1, 5, x.shape[-1])
            return F.interpolate(square, size=(5, out), mode=mode)[:, :, 2]
        return F.interpolate(x, size=out, mode=mode)

    size, jump, start = ar.receptive_field_step_resized(*ar.INPUT_FIELD, n, out, neighbours)
    assert (size, jump) == (neighbours, Fraction(n, out))
    for output in range(out):
        observed = seen(network, n, output)
        assert observed is not None
        assert observed[0] >= min(start + output * jump, n - size) - 1
        assert observed[1] < max(start + output * jump + size + 1, size)


def test_an_adaptive_pool_is_a_window_with_a_fractional_stride() -> None:
    windows = [ar.adaptive_window(i, 7, 3) for i in range(3)]
    assert windows == [(0, 3), (2, 3), (4, 3)]
    for i, (first, count) in enumerate(windows):
        observed = seen(lambda x: F.adaptive_avg_pool1d(x, 3), 7, i)
        assert observed == (first, first + count - 1)
    field = ar.receptive_field_step(1, 1, 0, 3, Fraction(7, 3))
    assert field == (3, Fraction(7, 3), 0)
    # where the output divides, the numbers are whole again
    assert ar.receptive_field_step(*field, 1, Fraction(3)) == (3, 7, 0)


def test_document_numbers() -> None:
    # LeNet-5: conv 5, pool 2, conv 5, pool 2
    field: ar.Field = ar.INPUT_FIELD
    for kernel, stride in ((5, 1), (2, 2), (5, 1), (2, 2)):
        field = ar.receptive_field_step(*field, kernel, stride)
    assert field == (16, 4, 0)
    # AlexNet up to its third pool: conv 11/4 pad 2, pool, conv 5 pad 2, pool, convs 3 pad 1, pool
    field = ar.INPUT_FIELD
    for kernel, stride, padding in (
        (11, 4, 2),
        (3, 2, 0),
        (5, 1, 2),
        (3, 2, 0),
        (3, 1, 1),
        (3, 1, 1),
        (3, 1, 1),
        (3, 2, 0),
    ):
        field = ar.receptive_field_step(*field, kernel, stride, padding)
    assert field[:2] == (195, 32)
