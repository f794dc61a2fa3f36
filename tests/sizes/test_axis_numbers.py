"""Sizes compute like ints, and their formulas hold wherever everything that was asked holds."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.arithmetic.expressions import name
from shapescope.capture.sizes.judge import Judge
from shapescope.capture.sizes.numbers import Int, expr_of, now, sized

Program: TypeAlias = tuple[Any, ...]
"""`("H",)`, `(3,)`, or an operation and its operands."""

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "-x": operator.neg,
    "abs(x)": abs,
    "~x": operator.invert,
    "x**2": lambda x: x**2,
    "x >> 1": lambda x: x >> 1,
    "x & 3": lambda x: x & 3,
    "divmod(x, 4)": lambda x: sum(divmod(x, 4)),
    "math.ceil(x / 3)": lambda x: math.ceil(x / 3),
    "math.floor(x * 1.5 + 1)": lambda x: math.floor(x * 1.5 + 1),
    "round((x - 1) / 2)": lambda x: round((x - 1) / 2),
    "int(x * 0.7)": lambda x: Int(x * 0.7),
    "int(5 - x / 4)": lambda x: Int(5 - x / 4),
    "int(abs(x)**0.5)": lambda x: Int(abs(x) ** 0.5),
    "x if x else 1": lambda x: x if x else 1,
    "x if (x / 2).is_integer() else x + 1": lambda x: x if (x / 2).is_integer() else x + 1,
}
COMPARING: dict[str, Callable[[Any, Any], Any]] = {
    "max": lambda a, b: a if a > b else b,
    "min": lambda a, b: a if a <= b else b,
    "same": lambda a, b: a if a == b else b,
    "half": lambda a, b: a if a / 2 < b else b,
}
LEAVES = st.one_of(st.sampled_from(["H", "W"]), st.integers(-3, 7)).map(lambda leaf: (leaf,))


def grown(parts: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    return st.one_of(
        st.tuples(st.sampled_from([*BINARY, *COMPARING]), parts, parts),
        st.tuples(st.sampled_from([*UNARY]), parts),
    )


PROGRAMS = st.recursive(LEAVES, grown, max_leaves=5)
SIZE = st.integers(1, 40)


def run(program: Program, sizes: dict[str, Any]) -> Any:
    """What the program gives; None where it divides by zero."""
    what, *parts = program
    if not parts:
        return sizes.get(what, what)
    values = [run(part, sizes) for part in parts]
    if None in [now(value) for value in values]:
        return None
    try:
        return (BINARY | COMPARING | UNARY)[what](*values)
    except ZeroDivisionError:
        return None


def judged(h: int, w: int) -> tuple[Judge, dict[str, Any]]:
    judge = Judge({"H": h, "W": w}, lambda: (None, None))
    return judge, {axis: sized(name(axis), size, judge) for axis, size in judge.sizes.items()}


@settings(max_examples=400, deadline=None)
@given(PROGRAMS, SIZE, SIZE)
def test_a_program_on_sizes(program: Program, h: int, w: int) -> None:
    judge, sizes = judged(h, w)
    result = run(program, sizes)
    assert now(result) == run(program, {"H": h, "W": w})
    if judge.doubts:
        return
    for height, width in product(range(1, 14), (w, 1, 6)):
        elsewhere = {"H": height, "W": width}
        if all(one.condition.evaluate(elsewhere) for one in judge.decisions):
            there = run(program, elsewhere)
            found = None if result is None else expr_of(result).evaluate(elsewhere)
            assert found == there, elsewhere


def test_a_size_passes_for_an_int() -> None:
    _, sizes = judged(12, 5)
    size: Any = sizes["H"]
    assert [isinstance(one, kind) for one, kind in ((size, int), (size / 2, float))] == [True, True]
    assert (f"{size:>4}", repr(size), size.numerator, size.denominator) == ("  12", "12", 12, 1)
    assert copy.deepcopy([size])[0] is size


@pytest.mark.parametrize(
    ("use", "result"),
    [
        (lambda size: list(range(size)), [0, 1, 2, 3]),
        (lambda size: [0] * size, [0, 0, 0, 0]),
        (lambda size: {4: "four"}[size], "four"),
        (lambda size: size | 1, 5),
        (lambda size: 2**size, 16),
        (lambda size: float(size / 8), 0.5),
        (lambda size: math.sqrt(size) * 3, 6.0),
    ],
)
def test_a_plain_number_out_of_a_size_binds_it(use: Callable[[Any], Any], result: Any) -> None:
    judge, sizes = judged(4, 5)
    assert use(sizes["H"]) == result
    assert judge.pinned
    holds = [
        size
        for size in range(1, 20)
        if all(one.condition.evaluate({"H": size, "W": 5}) for one in judge.decisions)
    ]
    assert holds == [4]
