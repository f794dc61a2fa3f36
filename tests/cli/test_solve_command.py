from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

import pytest

from shapescope.arithmetic.nearest import nearest_chains, nearest_windows


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]

CHAIN = ["conv k3 s2 p1", "conv k3 s2 p1"]


@pytest.mark.parametrize(
    "asked",
    [("28 -> 14 -> 7",), ("28", "to", "14", "to", "7"), ("28 => 7 in 2 steps",), ("28→7 in 2",)],
)
def test_a_chain_in_words(asked: tuple[str, ...], program: Run) -> None:
    ran = program("solve", *asked, "--limit", "1")
    assert ran.code == 0
    first, *stages = ran.out.splitlines()
    assert first == "28 -> 14 -> 7"
    assert [stage.split("  ")[0] for stage in stages] == CHAIN


def test_a_shell_that_took_the_arrow_for_a_file(program: Run) -> None:
    ran = program("solve", "224", "-", "in", "5", "stages")
    assert (ran.code, ran.out) == (2, "")
    assert "a shell takes > for a file: shapescope solve 224 to 7 in 5 stages" in ran.err


def test_one_stage_may_be_any_window(program: Run) -> None:
    ran = program("solve", "224 -> 7", "--limit", "1")
    assert ran.out == "conv k32 s32                (224 - 32 + 2*0)/32 + 1 = 7\n"


def test_each_stage_may_be_any_window(program: Run) -> None:
    for sizes in ("224 to 55", "55 to 27", "224 to 55 to 27"):
        assert program("solve", sizes).code == 0
    ran = program("solve", "224 to 55 to 27", "--limit", "1")
    assert ran.out.splitlines()[0] == "224 -> 55 -> 27"
    assert len(ran.out.splitlines()) == 3
    assert program("solve", "7 to 20 to 20", "--kind", "pool").code == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--kernel-size", "5"), "--kernel-size"),
        (("--padding", "0", "-s", "2"), "--stride or --padding"),
        (("--in", "28"), "--in"),
        (("--kind", "pool", "--ceil-mode"), "--ceil-mode"),
    ],
)
def test_a_chain_takes_no_settings(options: tuple[str, ...], named: str, program: Run) -> None:
    ran = program("solve", "28 -> 14", *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: a chain in words takes no {named}\n")


def test_long_settings_stand_clear_of_their_formula(program: Run) -> None:
    ran = program("solve", "--in", "7", "--out", "14", "--kind", "transposed")
    formulas = {line.index("(7 - 1)") for line in ran.out.splitlines()}
    assert len(formulas) == 1
    assert all(line[formulas.copy().pop() - 1] == " " for line in ran.out.splitlines())


def test_where_there_is_no_answer_the_nearest_are_shown(program: Run) -> None:
    ran = program("solve", "--in", "10", "--out", "7", "--stride", "3")
    assert ran.code == 1
    assert ran.out.splitlines()[:3] == [
        "no window does that",
        "the nearest:",
        "conv k4 s1                  (10 - 4 + 2*0)/1 + 1 = 7",
    ]
    data = json.loads(
        program("solve", "--in", "10", "--out", "7", "-s", "3", "--format", "json").out
    )
    assert data["answers"] == []
    assert data["nearest"][0][0]["kernel_size"] == 4


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        (("--in", "10", "--out", "14"), "conv k5 s1 p4"),
        (("--in", "10", "--out", "14", "-k", "3"), "conv k3 s1 p3"),
        (("--in", "28", "--out", "40", "-k", "3", "-s", "1"), "conv k3 s1 p7"),
        (("--in", "7", "--out", "4", "-k", "2", "--kind", "transposed"), "transposed k2 s1 p2"),
    ],
)
def test_padding_beyond_half_of_the_kernel_is_an_answer_where_no_other_is(
    asked: tuple[str, ...], first: str, program: Run
) -> None:
    ran = program("solve", *asked)
    assert ran.code == 0
    head, answer, *_ = ran.out.splitlines()
    assert head == "only with padding beyond half of the kernel:"
    assert answer.split("(")[0].strip() == first
    data = json.loads(program("solve", *asked, "--format", "json").out)
    assert data["answers"][0][0]["out"] == int(asked[3])


def test_no_stride_or_pool_amid_mere_padding(program: Run) -> None:
    ran = program("solve", "--in", "28", "--out", "28", "-k", "4", "-d", "1")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "no window does that")
    ran = program("solve", "--in", "10", "--out", "14", "--kind", "pool")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "no window does that")


def test_patches_are_not_padded(program: Run) -> None:
    first, *_ = program("solve", "--in", "100", "--out", "10", "-k", "10").out.splitlines()
    assert first.startswith("conv k10 s10  ")
    first, *_ = program("solve", "--in", "16000", "--out", "50", "-k", "400").out.splitlines()
    assert first.startswith("conv k400 s313  ")


@pytest.mark.parametrize("kind", ["conv", "pool"])
def test_a_larger_map_takes_a_transposed_convolution(kind: str) -> None:
    first, *_ = nearest_windows(7, 14, {}, kind=kind)  # type: ignore[arg-type]
    assert (first.kind, first.out, first.kernel_size, first.stride) == ("transposed", 14, 4, 2)


@pytest.mark.parametrize(
    ("n", "out", "settings"),
    [
        (10, 7, {"stride": 3}),
        (5, 3, {"kernel_size": 7, "padding": 0}),
        (2, 5, {"kernel_size": 3, "stride": 1, "padding": 0}),
        (13, 9, {"kernel_size": 2, "stride": 2}),
        (None, 3, {"kernel_size": 1, "padding": 9, "stride": 1}),
    ],
)
def test_the_nearest_windows_are_right(n: int | None, out: int, settings: dict[str, int]) -> None:
    found = nearest_windows(n, out, settings)
    assert found
    for window in found:
        assert window.refusal() is None
        assert window.output(window.n) == window.out
        kept = sum(getattr(window, name) == value for name, value in settings.items())
        as_asked = n in (None, window.n) and window.out == out
        assert as_asked or kept == len(settings)


def test_the_nearest_chains() -> None:
    more, other = nearest_chains(100, 1, 2, None)
    assert len(more) == 3
    assert (more[0].n, more[-1].out) == (100, 1)
    assert len(other) == 2
    assert other[-1].out != 1


def test_a_window_that_pytorch_refuses_is_said_to_be_one(program: Run) -> None:
    ran = program("solve", "--in", "4", "-k", "2", "-p", "3", "--kind", "pool")
    assert ran.code == 1
    first, *_ = ran.out.splitlines()
    assert first == "no window does that: padding 3 is more than half of the kernel size 2"


def test_rounding_up_is_for_pools(program: Run) -> None:
    ran = program("solve", "--in", "28", "--out", "14", "--ceil-mode")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --ceil-mode is for pools\n")
    assert "--kind pool --ceil-mode" in ran.err


@pytest.mark.parametrize("asked", ["32x32 -> 8x8 in 2 stages", "28,28 to 14,14"])
def test_two_sides_are_said_to_be_one_too_many(asked: str, program: Run) -> None:
    ran = program("solve", asked)
    assert ran.code == 2
    assert "speaks of two sides" in ran.err
    assert "along one axis" in ran.err
