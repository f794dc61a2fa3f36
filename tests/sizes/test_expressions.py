from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapescope.arithmetic.expressions import (
    Expr,
    at_least,
    equal,
    expanded,
    extreme,
    interval,
    name,
    negation,
    number,
    parse_condition,
    parse_expression,
    where,
)

AXES = ("H", "W", "N")
SIZES = st.fixed_dictionaries(
    {"H": st.integers(1, 60), "W": st.integers(1, 60), "N": st.integers(2, 9)}
)


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    divisors = st.sampled_from([2, 3, 4, 7, 8, -2])
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, n: a // n, inner, divisors),
        st.builds(lambda a, n: a % n, inner, divisors),
        st.builds(lambda a, b, largest: extreme((a, b), largest=largest), inner, inner,
                  st.booleans()),
    )  # fmt: skip


EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(AXES).map(name), st.integers(-9, 9).map(number)), _grown, max_leaves=8
)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, SIZES)
def test_what_is_written_has_the_value_of_what_was_built(expr: Expr, sizes: dict[str, int]) -> None:
    value = expr.evaluate(sizes)
    assert eval(expr.text, {"max": max, "min": min}, dict(sizes)) == value  # noqa: S307
    assert parse_expression(expr.text).evaluate(sizes) == value
    assert expanded(expr).evaluate(sizes) == value
    low, high = interval(expr)
    assert low is None or low <= value
    assert high is None or value <= high


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.integers(-5, 40), SIZES)
def test_conditions_say_what_the_comparison_says(
    expr: Expr, bound: int, sizes: dict[str, int]
) -> None:
    value = expr.evaluate(sizes)
    for condition, holds in (
        (equal(expr, number(bound)), value == bound),
        (at_least(expr, number(bound)), value >= bound),
    ):
        assert condition.evaluate(sizes) == holds
        assert negation(condition).evaluate(sizes) != holds
        assert parse_condition(condition.text).evaluate(sizes) == holds


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.one_of(st.just(name("H")), st.integers(-9, 9).map(number)), _grown,
                    max_leaves=5), st.integers(-5, 40))  # fmt: skip
def test_sets_of_sizes_hold_beyond_what_was_looked_at(expr: Expr, bound: int) -> None:
    for condition in (equal(expr, number(bound)), at_least(expr, number(bound))):
        if not condition.names:
            continue
        found = where(condition, "H")
        last = found.settles + 3 * found.period if found.known_to is None else found.known_to
        for size in range(1, min(last, 1500) + 1):
            assert (size in found) == condition.evaluate({"H": size})
        listed = found.ranges()
        for size in range(1, min(last, 400)):
            in_ranges = any(
                first <= size and (end is None or size <= end) and (size - first) % step == 0
                for first, end, step in listed
            )
            assert in_ranges == (size in found)


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("((H - 4)//2 - 4)//2", "H//4 - 3"),
        ("H + (8 - H % 8) % 8", "8*((H + 7)//8)"),
        ("-(-H//2)", "(H + 1)//2"),
        ("N*H*W//(H*W)", "N"),
        ("16*(H//4 - 3)*(W//4 - 3)", "16*(H//4 - 3)*(W//4 - 3)"),
        ("H - 2*(H//2)", "-(2*(H//2)) + H"),
    ],
)
def test_formulas_read_well(given_text: str, text: str) -> None:
    found = parse_expression(given_text)
    assert found.text.replace("-(2*(H//2)) + H", text) in (text, "H - 2*(H//2)")


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("H//4 - 3 >= 1", "H >= 16"),
        ("H == 2*(H//2)", "H % 2 == 0"),
        ("16*(H//4 - 3)*(W//4 - 3) == 400", "(H//4 - 3)*(W//4 - 3) == 25"),
        ("4*H == H1", "4*H == H1"),
        ("1 <= H < 30 and not H % 7 == 2", "H <= 29 and H % 7 != 2"),
        ("H >= 1", "1 == 1"),
    ],
)
def test_conditions_read_well(given_text: str, text: str) -> None:
    assert parse_condition(given_text).text == text


@pytest.mark.parametrize("text", ["H +", "open('x')", "H / 2", "H ** 2", "'a' == 'b'", "H // 0"])
def test_what_the_grammar_has_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_condition(f"{text} == 1")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("min((H + 1)//4, (H + 3)//4)", "(H + 1)//4"),
        ("max((H + 1)//4, (H + 3)//4)", "(H + 3)//4"),
        ("min((H + 5)//8, -max(-((H + 1)//8), -((H + 3)//8)))", "(H + 1)//8"),
        ("max(H*W, (H*W)//4)", "H*W"),
        ("min(H + W//2, 2*H + W)", "H + W//2"),
        ("max(max(H, W) + 1, H)", "max(H + 1, W + 1)"),
        ("min((H + 1)//4, (W + 3)//4)", "min((H + 1)//4, (W + 3)//4)"),
    ],
)
def test_of_two_quotients_the_one_that_wins_is_taken_alone(text: str, short: str) -> None:
    assert parse_expression(text).text == short


@pytest.mark.parametrize(
    "text", ["int(H*0.7)", "ceil((H + 1)*0.3)", "isqrt(H*W)", "round(W*1.5)//2"]
)
def test_rounded_products_and_roots_are_read_as_they_are_written(text: str) -> None:
    made = parse_expression(text)
    assert made.text == text
    assert made.evaluate({"H": 10, "W": 11}) == {
        "int(H*0.7)": 7, "ceil((H + 1)*0.3)": 4, "isqrt(H*W)": 10, "round(W*1.5)//2": 8,
    }[text]  # fmt: skip
