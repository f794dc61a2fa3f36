"""`expect`: shapes written down in code are held to, and cost nothing when switched off."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import shapescope
from shapescope.capture.inputs import InputSpec
from shapescope.capture.tracer import trace_model
from shapescope.pattern import ShapeMismatchError, check, expect, expecting


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape)


@pytest.mark.parametrize(
    ("shape", "pattern"),
    [
        ((2, 16, 8, 8), "2 16 8 8"),
        ((2, 16, 8, 8), "N 16 H W"),
        ((2, 16, 8, 8), "N, 16, H, W"),
        ((2, 16, 8, 4), "N C H H/2"),
        ((2, 16, 8, 4), "N C 2*W W"),
        ((2, 16, 8, 4), "N C W + 4 W"),
        ((2, 16, 8, 4), "N C H H//2"),
        ((2, 16, 8, 4), "N ... 4"),
        ((2,), "... N"),
        ((), ""),
        ((2, 3), "_ _"),
    ],
)
def test_a_shape_that_fits_comes_back_as_it_is(shape: tuple[int, ...], pattern: str) -> None:
    tensor = zeros(*shape)
    assert expect(tensor, pattern) is tensor


@pytest.mark.parametrize(
    ("shape", "pattern", "said"),
    [
        ((2, 16, 8, 8), "N 3 H W", "axis 1 is 16, not 3: 2 x 16 x 8 x 8 against `N 3 H W`"),
        ((2, 16, 8, 4), "N C H H", "axis 3 is 4, not H = 8: 2 x 16 x 8 x 4 against `N C H H`"),
        (
            (2, 16, 8, 3),
            "N C H H/2",
            "axis 3 is 3, not H/2 = 4: 2 x 16 x 8 x 3 against `N C H H/2`",
        ),
        ((2, 16), "N C H W", "`N C H W` has 4 axes, 2 x 16 has 2"),
        ((2,), "N ... H W", "`N ... H W` has 4 axes, 2 has 1"),
        ((), "N", "`N` has 1 axes, a scalar has 0"),
    ],
)
def test_a_shape_that_does_not_fit_is_told(shape: tuple[int, ...], pattern: str, said: str) -> None:
    with pytest.raises(ShapeMismatchError) as caught:
        expect(zeros(*shape), pattern)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("N C/2", "`C` in `N C/2` has no size yet; name its axis first"),
        ("N ... ...", "`N ... ...` has more than one `...`"),
        ("N f(2)", "`f(2)` in `N f(2)` is no arithmetic of sizes"),
        ("N 2**3", "`2**3` in `N 2**3` is no arithmetic of sizes"),
        ("N ?", "`?` in `N ?` is no arithmetic of sizes"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_told(pattern: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        expect(zeros(2, 4), pattern)
    assert str(caught.value) == said


@given(st.lists(st.integers(0, 20), max_size=5))
def test_every_shape_fits_itself_and_no_other(shape: list[int]) -> None:
    words = " ".join(map(str, shape))
    check(tuple(shape), words, {})
    for axis in range(len(shape)):
        other = [*shape[:axis], shape[axis] + 1, *shape[axis + 1 :]]
        with pytest.raises(ShapeMismatchError):
            check(tuple(other), words, {})


class Net(nn.Module):
    def __init__(self, stride: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = shapescope.expect(x, "N 3 H W")
        x = self.conv(x)
        return shapescope.expect(x, "N 16 H/2 W/2")


def test_names_hold_within_one_call_and_start_afresh_in_the_next() -> None:
    net = Net()
    for size in (8, 16, 12):
        assert net(zeros(2, 3, size, size)).shape == (2, 16, size // 2, size // 2)
    with pytest.raises(ShapeMismatchError, match=r"axis 2 is 8, not H/2 = 4"):
        Net(stride=1)(zeros(2, 3, 8, 8))


def test_names_start_afresh_in_each_round_of_a_loop() -> None:
    for size in (2, 3, 5):
        expect(zeros(size, size), "K K")


def test_calls_inside_calls_keep_their_names_apart() -> None:
    def inner(x: Tensor) -> Tensor:
        return expect(x, "N C")

    def outer(x: Tensor) -> Tensor:
        expect(x, "N C")
        inner(zeros(7, 9))
        return expect(x[:, :1], "N 1")

    outer(zeros(2, 3))
    outer(zeros(4, 3))


def test_switched_off_it_looks_at_nothing() -> None:
    marker: Any = object()
    with expecting(False):
        assert expect(marker, "N 3") is marker
        assert Net(stride=1)(zeros(1, 3, 8, 8)).shape == (1, 16, 8, 8)
    with pytest.raises(AttributeError):
        expect(marker, "N 3")


def test_the_environment_switches_it_off() -> None:
    code = "import shapescope; print(shapescope.expect(3, 'N'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SHAPESCOPE_EXPECT": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "3\n"


def test_it_leaves_no_step_in_a_trace_and_fails_like_any_line() -> None:
    traced = trace_model(Net(), (InputSpec((2, 3, 8, 8)),))
    assert [step.op for step in traced.trace.steps] == ["module", "conv2d"]
    failed = trace_model(Net(stride=1), (InputSpec((2, 3, 8, 8)),)).trace.failure
    assert failed is not None
    assert failed.exception == "ShapeMismatchError"
    assert failed.call_site is not None
    assert failed.call_site.file.endswith("test_pattern.py")


def test_the_function_stays_callable_beside_its_module() -> None:
    import shapescope.trace

    assert callable(shapescope.trace)
    assert callable(shapescope.expect)
