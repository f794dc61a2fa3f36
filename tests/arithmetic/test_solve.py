from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from shapescope import arithmetic as ar
from shapescope.arithmetic import Kind, Window

KINDS: tuple[Kind, ...] = ("conv", "pool", "transposed")


def settings_of(windows: list[Window]) -> list[tuple[int, ...]]:
    return [(w.kernel_size, w.stride, w.padding, w.dilation, w.output_padding) for w in windows]


def run(window: Window) -> int:
    x = torch.ones(1, 1, window.n)
    k, s, p, d = window.kernel_size, window.stride, window.padding, window.dilation
    if window.kind == "pool":
        made = F.max_pool1d(x, k, s, p, d, window.ceil_mode)
    elif window.kind == "conv":
        made = F.conv1d(x, torch.ones(1, 1, k), None, s, p, d)
    else:
        weight = torch.ones(1, 1, k)
        made = F.conv_transpose1d(x, weight, None, s, p, window.output_padding, 1, d)
    return made.shape[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_every_answer_runs(kind: Kind, ceil_mode: bool) -> None:
    for n, out in itertools.product((1, 2, 3, 5, 7, 12, None), (1, 2, 4, 7, 12, 25, None)):
        if n is None and out is None:
            continue
        for window in ar.solve_window(n, out, kind=kind, ceil_mode=ceil_mode):
            assert n in (None, window.n)
            assert out in (None, window.out)
            assert run(window) == window.out
            assert window.formula.endswith(f" {window.out}")


@pytest.mark.parametrize(("kind", "ceil_mode"), [("conv", False), ("pool", False), ("pool", True)])
def test_no_sensible_answer_is_missing(kind: Kind, ceil_mode: bool) -> None:
    for n, out in itertools.product(range(2, 19), range(2, 19)):
        expected = set()
        for k, s in itertools.product(range(1, 12), range(1, 12)):
            for d in range(1, 5) if kind == "conv" and k > 1 and s == 1 else (1,):
                effective = d * (k - 1) + 1
                if s > (effective if k > 1 else 4):
                    continue
                for p in range((effective if kind == "conv" else k) // 2 + 1):
                    window = Window(kind, n, out, k, s, p, d, 0, ceil_mode)
                    if window.refusal() is None and window.output(n) == out:
                        expected.add((k, s, p, d, 0))
        found = settings_of(ar.solve_window(n, out, kind=kind, ceil_mode=ceil_mode))
        assert {row for row in found if row[0] < 12} == expected
        assert len(found) == len(set(found))


def test_no_transposed_answer_is_missing() -> None:
    for n, out in itertools.product(range(1, 10), range(1, 24)):
        expected = {
            (k, s, p, 1, e)
            for k, s, e in itertools.product(range(1, 12), range(1, 12), range(11))
            for p in range(k // 2 + 1)
            if e < s <= (k if k > 1 else 4)
            and Window("transposed", n, 0, k, s, p, 1, e).output(n) == out
        }
        found = settings_of(ar.solve_window(n, out, kind="transposed"))
        assert {row for row in found if row[0] < 12} == expected


@pytest.mark.parametrize(
    ("sizes", "kind", "first"),
    [
        ((28, 28), "conv", [(3, 1, 1), (5, 1, 2), (7, 1, 3), (1, 1, 0)]),
        ((28, 14), "conv", [(3, 2, 1), (5, 2, 2), (7, 2, 3), (2, 2, 0), (4, 2, 1)]),
        ((224, 112), "conv", [(3, 2, 1), (5, 2, 2), (7, 2, 3)]),
        ((28, 24), "conv", [(5, 1, 0)]),
        ((32, 30), "conv", [(3, 1, 0)]),
        ((7, 1), "conv", [(7, 1, 0)]),
        ((224, 14), "conv", [(16, 16, 0)]),
        ((28, 14), "pool", [(2, 2, 0), (3, 2, 1)]),
        ((55, 27), "pool", [(2, 2, 0), (3, 2, 0)]),
        ((7, 1), "pool", [(7, 7, 0)]),
        ((14, 28), "transposed", [(4, 2, 1), (2, 2, 0), (3, 2, 1), (5, 2, 2)]),
        ((7, 13), "transposed", [(3, 2, 1)]),
        ((1, 4), "transposed", [(4, 1, 0)]),
    ],
)
def test_the_common_ones_come_first(
    sizes: tuple[int, int], kind: Kind, first: list[tuple[int, int, int]]
) -> None:
    found = [row[:3] for row in settings_of(ar.solve_window(*sizes, kind=kind))]
    assert found[: len(first)] == first


def test_what_is_given_is_taken() -> None:
    (window,) = ar.solve_window(28, None, 5, 1, 2, 1)
    assert (window.out, window.formula) == (28, "(28 - 5 + 2*2)/1 + 1 = 28")
    assert [w.n for w in ar.solve_window(None, 14, 3, 2, 1, 1)] == [27, 28]
    assert [w.n for w in ar.solve_window(None, 3, 2, 2, 0, kind="pool", ceil_mode=True)] == [6, 5]
    assert {w.dilation for w in ar.solve_window(28, 14, dilation=2)} == {2}
    # a stride that leaves gaps, or is larger than any usual one, is found for a given kernel
    assert (3, 9, 1, 1, 0) in settings_of(ar.solve_window(28, 4, 3))
    assert settings_of(ar.solve_window(28, 1, 3, padding=0, dilation=1)) == [(3, 26, 0, 1, 0)]
    assert ar.solve_window(28, 13, 3, 1, 0) == []
    # padding beyond half of the window only where it is asked for
    assert settings_of(ar.solve_window(8, 12, 3, 1, padding=3)) == [(3, 1, 3, 1, 0)]
    assert ar.solve_window(8, 12, 3, 1) == [] or all(
        w.dilation > 1 for w in ar.solve_window(8, 12, 3, 1)
    )


def test_an_open_end_gets_the_usual_windows() -> None:
    halves = ar.solve_window(28, None)
    assert halves[0] == Window("conv", 28, 28, 3, 1, 1)
    assert Window("conv", 28, 14, 3, 2, 1) in halves
    assert {w.dilation for w in halves} == {1}
    assert ar.solve_window(28, None, kind="pool")[0] == Window("pool", 28, 14, 2, 2, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": None, "out": None}, "give the input size or the output size"),
        ({"n": 0, "out": 3}, "input is 0, but has to be at least 1"),
        ({"n": 3, "out": -1}, "output is -1, but has to be at least 1"),
        ({"n": 3, "out": 3, "kernel_size": 0}, "kernel_size is 0, but has to be at least 1"),
        ({"n": 3, "out": 3, "stride": 0}, "stride is 0, but has to be at least 1"),
        ({"n": 3, "out": 3, "padding": -1}, "padding is -1, but has to be at least 0"),
        ({"n": 3, "out": 3, "dilation": 0}, "dilation is 0, but has to be at least 1"),
    ],
)
def test_bad_requests(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        ar.solve_window(**arguments)


def test_a_window_tells_whether_it_drops_anything() -> None:
    assert Window("conv", 27, 14, 3, 2, 1).is_exact
    assert not Window("conv", 28, 14, 3, 2, 1).is_exact
    assert Window("conv", 28, 14, 3, 2, 1).effective_kernel_size == 3
    assert Window("transposed", 7, 14, 4, 2, 1).is_exact


@pytest.mark.parametrize(
    ("n", "out", "stages", "sizes", "first"),
    [
        (224, 7, 5, [112, 56, 28, 14, 7], Window("conv", 14, 7, 3, 2, 1)),
        (32, 4, 3, [16, 8, 4], Window("conv", 8, 4, 3, 2, 1)),
        (4, 64, 4, [8, 16, 32, 64], Window("transposed", 32, 64, 4, 2, 1)),
        (1, 64, 5, [4, 8, 16, 32, 64], Window("transposed", 32, 64, 4, 2, 1)),
        (28, 28, 2, [28, 28], Window("conv", 28, 28, 3, 1, 1)),
    ],
)
def test_the_plainest_chain_comes_first(
    n: int, out: int, stages: int, sizes: list[int], first: Window
) -> None:
    chain = ar.solve_chain(n, out, stages)[0]
    assert [window.out for window in chain] == sizes
    assert chain[-1] == first


def test_lenet_is_found_from_its_sizes() -> None:
    chains = ar.solve_chain(32, 5, 4)
    assert (
        Window("conv", 32, 28, 5),
        Window("pool", 28, 14, 2, 2),
        Window("conv", 14, 10, 5),
        Window("pool", 10, 5, 2, 2),
    ) in chains


@pytest.mark.parametrize(("n", "out"), [(224, 7), (28, 4), (33, 5), (5, 33), (17, 17), (97, 3)])
@pytest.mark.parametrize("stages", [1, 2, 3, 5])
def test_chains_hold_together(n: int, out: int, stages: int) -> None:
    chains = ar.solve_chain(n, out, stages, limit=10)
    assert len(chains) <= 10
    assert len(set(chains)) == len(chains)
    for chain in chains:
        assert len(chain) == stages
        assert [w.n for w in chain] == [n, *(w.out for w in chain[:-1])]
        assert chain[-1].out == out
        assert all(run(window) == window.out for window in chain)


def test_chains_of_one_kind() -> None:
    for chain in ar.solve_chain(64, 8, 3, kinds=["pool"]):
        assert {window.kind for window in chain} == {"pool"}
    assert ar.solve_chain(7, 7, 2, kinds=["pool"]) == []
    assert ar.solve_chain(10, 200, 1) == []


@pytest.mark.parametrize(
    ("arguments", "name"), [((0, 7, 5), "input"), ((7, 0, 5), "output"), ((7, 7, 0), "stages")]
)
def test_bad_chains(arguments: tuple[int, int, int], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 0, but has to be at least 1$"):
        ar.solve_chain(*arguments)
