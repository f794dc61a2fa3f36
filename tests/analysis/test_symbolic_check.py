"""Formulas of H and W against our arithmetic, at several sizes."""

from __future__ import annotations

from typing import Any

from shapescope.analysis.check import check_trace
from shapescope.analysis.step_check import Check
from shapescope.attrs import CallAttrs, ConvAttrs, LinearAttrs, ModuleAttrs, PoolAttrs, ResizeAttrs
from shapescope.trace import Shape, Step, TensorSpec, Trace

CONV = ConvAttrs(1, 6, (5, 5), (2, 2), (0, 0), (1, 1))
POOL = PoolAttrs((2, 2), (2, 2), (0, 0), (1, 1))


def checks(*steps: tuple[str, Shape, Shape, Any], holds_where: tuple[str, ...] = ()) -> list[str]:
    made = tuple(
        Step(at, "", op, "function", None, (), (TensorSpec(given, name="x"),), (TensorSpec(out),),
             attrs)
        for at, (op, given, out, attrs) in enumerate(steps)
    )  # fmt: skip
    trace = Trace("m", "symbolic", made[0].inputs, made, made[-1].outputs, holds_where=holds_where)
    return [check.status for check in check_trace(trace)]


def test_a_right_formula_matches() -> None:
    after: Shape = (1, 6, "(H + 1)//2 - 2", "(W + 1)//2 - 2")
    assert checks(
        ("conv2d", (1, 1, "H", "W"), after, CONV),
        ("relu", after, after, None),
        ("max_pool2d", after, (1, 6, "(H + 1)//4 - 1", "(W + 1)//4 - 1"), POOL),
    ) == ["match", "match", "match"]


def test_a_wrong_formula_does_not_match() -> None:
    assert checks(("conv2d", (1, 1, "H", "W"), (1, 6, "H//2 - 1", "W//2 - 1"), CONV)) == [
        "not_applicable"
    ]


def test_a_shape_of_an_attribute_is_evaluated() -> None:
    flat = CallAttrs((("shape", ("N", "6*H*W")),))
    assert checks(("view", ("N", 6, "H", "W"), ("N", "6*H*W"), flat)) == ["match"]
    half = CallAttrs((("index", (":", ":", ":H//2")),))
    assert checks(("getitem", ("N", 6, "H"), ("N", 6, "H//2"), half)) == ["match"]


def test_words_stay_words() -> None:
    resized = ResizeAttrs(("2*H", 8), None, "nearest")  # type: ignore[arg-type]
    assert checks(("interpolate", (1, 1, "H", 4), (1, 1, "2*H", 8), resized)) == ["match"]


def test_what_holds_for_one_size_alone_is_not_judged() -> None:
    doubled = ResizeAttrs(None, (2.0, 2.0), "nearest")
    assert checks(("interpolate", (1, 1, "H", "W"), (1, 1, 12, 12), doubled)) == ["not_applicable"]


def test_a_step_is_judged_where_the_trace_holds() -> None:
    head = ("linear", ("N", "16*(H//4 - 3)*(W//4 - 3)"), ("N", 120), LinearAttrs(400, 120))
    wrong = ("linear", ("N", "16*(H//4 - 3)*(W//4 - 3)"), ("N", 120), LinearAttrs(300, 120))
    image: tuple[str, Shape, Shape, Any] = ("relu", ("N", 1, "H", "W"), ("N", 1, "H", "W"), None)
    limits = ("H >= 16", "W >= 16", "(H//4 - 3)*(W//4 - 3) == 25")
    assert checks(image, head, holds_where=limits) == ["match", "match"]
    assert checks(image, wrong, holds_where=limits) == ["match", "not_applicable"]
    assert checks(image, head) == ["match", "not_applicable"]


def test_clips_are_found_among_sizes_of_three_axes() -> None:
    tokens = "((D + 1)//2)*((H + 3)//4)*((W + 3)//4)"
    clip: tuple[str, Shape, Shape, Any] = ("relu", ("N", "D", "H", "W"), ("N", "D", "H", "W"), None)
    added = ("add", ("N", tokens), ("N", 25088), None)
    assert checks(clip, added, holds_where=(f"{tokens} == 25088",)) == ["match", "match"]


def test_sizes_that_a_float_makes_are_evaluated() -> None:
    resized = ResizeAttrs(None, (0.7, 0.7), "nearest")
    step = ("interpolate", (1, 1, "H", "W"), (1, 1, "int(H*0.7)", "int(W*0.7)"), resized)
    assert checks(step) == ["match"]


def test_fixed_steps_opened_modules_and_unknown_ops() -> None:
    assert checks(
        ("my_own_kernel", (1, "H"), (1, "H"), None),
        ("relu", (1, 4), (1, 4), None),
        ("module", (1, "H"), (1, "H"), ModuleAttrs("Net")),
    ) == ["unknown", "match", "not_applicable"]


def test_a_fixed_step_shows_its_formula() -> None:
    given = TensorSpec((1, 1, 28, 28), name="x")
    made = TensorSpec((1, 6, 12, 12))
    open_axis = TensorSpec((1, "H"), name="y")
    steps = (Step(0, "", "conv2d", "module", None, (), (given,), (made,), CONV),)
    (check,) = check_trace(Trace("m", "symbolic", (given, open_axis), steps, (made,)))
    assert check == Check("match", ("(28 - 5 + 2*0)//2 + 1 = 12",) * 2, (1, 6, 12, 12))
