"""What is known of sizes makes formulas and conditions shorter, and never wrong."""

from __future__ import annotations

import random

import pytest

from shapescope.arithmetic.expressions import (
    Exact,
    Expr,
    Facts,
    at_least,
    equal,
    learn,
    name,
    number,
    parse_condition,
    parse_expression,
    without_settled,
)


@pytest.mark.parametrize(
    ("known", "formula", "shorter"),
    [
        (["H % 4 == 0"], "4*((H + 3)//4)", "H"),
        (["H % 4 == 0"], "(H + 3)//4", "H//4"),
        (["H % 4 == 0"], "8*((H + 7)//8)", "8*((H + 7)//8)"),
        (["H % 4 == 3"], "4*((H + 3)//4)", "H + 1"),
        (["(H + 1)//2 % 2 == 0"], "2*((3*((H + 1)//2))//2)", "3*((H + 1)//2)"),
        (["(H + 3)//4 % 2 == 0", "(H + 7)//8 % 2 == 0"], "4*((H + 15)//16)", "(H + 3)//4"),
        (["(-(H//4)) % 7 == 0"], "7*((H + 24)//28)", "H//4"),
        (["H == 32"], "W*(H//2)", "16*W"),
        (["W % 4 == 0"], "4*((H + 3)//4)", "4*((H + 3)//4)"),
    ],
)
def test_a_known_remainder_makes_a_formula_short(
    known: list[str], formula: str, shorter: str
) -> None:
    assert Exact(map(parse_condition, known)).shorter(parse_expression(formula)).text == shorter


def test_a_known_remainder_settles_a_condition() -> None:
    exact = Exact(map(parse_condition, ["H//4 % 7 == 0", "W//4 % 7 == 0"]))
    condition = parse_condition("49*((H + 24)//28)*((W + 24)//28) == (H//4)*(W//4)")
    assert exact.settled(condition).evaluate({}) is True


def _formula(chance: random.Random) -> Expr:
    axis = name(chance.choice("HW"))
    formula = (axis + chance.randint(-3, 9)) // chance.choice([1, 2, 4])
    for _ in range(chance.randint(1, 3)):
        by = chance.choice([2, 3, 4, 7])
        other = name(chance.choice("HW")) + chance.randint(0, by)
        formula = chance.choice(
            [formula // by, formula * by, formula % by, formula + other // by, formula - other]
        )
    return formula


def test_what_is_known_never_makes_a_formula_wrong() -> None:
    chance = random.Random(0)
    shorter = 0
    for _ in range(400):
        known = []
        for _ in range(chance.randint(1, 3)):
            axis = (name(chance.choice("HW")) + chance.randint(-2, 7)) // chance.choice([1, 2, 4])
            by = chance.choice([2, 4, 7])
            known.append(equal(axis % by, number(chance.choice([0, 0, by - 1]))))
        exact, formula, other = Exact(known), _formula(chance), _formula(chance)
        found = exact.shorter(formula)
        conditions = [equal(formula, other), at_least(formula, other)]
        settled = [exact.settled(condition) for condition in conditions]
        shorter += found != formula
        assert "~" not in found.text + settled[0].text + settled[1].text
        for _ in range(40):
            sizes = {"H": chance.randint(1, 120), "W": chance.randint(1, 120)}
            if all(condition.evaluate(sizes) for condition in known):
                assert found.evaluate(sizes) == formula.evaluate(sizes)
                for one, two in zip(conditions, settled, strict=True):
                    assert one.evaluate(sizes) == two.evaluate(sizes)
    assert shorter > 20


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("W//16 == min(W//16, 50)", "W <= 815"),
        ("min(T, 50) == 1", "T == 1"),
        ("((H + 7)//8)*((W + 7)//8) == 1", "(H + 7)//8 == 1 and (W + 7)//8 == 1"),
        ("(-(H//4)) % 7 >= 1", "H//4 % 7 != 0"),
        ("H % 7 <= 0", "H % 7 == 0"),
        ("(-H) % 7 == 0", "H % 7 == 0"),
    ],
)
def test_conditions_are_read_in_their_plainest_form(given: str, plain: str) -> None:
    condition, other = parse_condition(given), parse_condition(plain)
    for size in range(1, 140):
        for more in (1, 3, 50, size):
            sizes = {"H": size, "W": more, "T": size, "T1": more}
            assert condition.evaluate(sizes) == other.evaluate(sizes), sizes
    assert condition == other


def test_parts_that_others_make_needless_are_left_out() -> None:
    facts = Facts()
    learn(parse_condition("T >= T1"), facts)
    either = parse_condition("T1 <= 64 or T1 == 1 or T1 >= T + 1")
    assert without_settled(either, facts).text == "T1 <= 64"
    both = parse_condition("T >= T1 and T1 <= 64 and T1 <= 100")
    assert without_settled(both, facts).text == "T1 <= 64"
