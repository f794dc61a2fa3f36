"""Formulas that grow with every layer end, and so does the search for sizes."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from shapescope.arithmetic.expressions import expanded, name, parse_expression
from shapescope.capture.input_spec import parse_inputs
from shapescope.capture.loader import load
from shapescope.cli.app import run
from shapescope.sizing import valid_sizes
from shapescope.valid_sizes import ValidSizes

MODELS = Path(__file__).parent / "models" / "growing.py"


def _answer(model: str) -> ValidSizes:
    return valid_sizes(load(f"{MODELS}:{model}"), parse_inputs(["1,3,32,32"]))


@pytest.mark.parametrize("model", ["Squares", "Powers"])
def test_sizes_whose_formulas_grow_are_tried_and_not_proven(model: str) -> None:
    began = process_time()
    found = _answer(model)
    assert process_time() - began < 60
    assert found.as_asked_fits
    assert found.searched_to == 300
    assert found.notes == ("tried, not proven: the formulas grow with every step",)


def test_the_few_sizes_that_fit_are_found_beside_the_one_that_was_asked_for() -> None:
    found = _answer("SquaresIntoLinear")
    assert not found.as_asked_fits
    (part,) = found.valid
    assert part.ranges == {"H": ((32, 32, 1),), "W": ((27, 27, 1), (31, 31, 1), (34, 34, 1))}


def test_a_sum_of_very_many_products_stays_as_it_stands() -> None:
    width, height = name("W"), name("H")
    inner = (width + height + 3) * (width + 2 * height + 1)
    power = inner * inner * inner * inner * inner * inner
    assert expanded(inner).terms != inner.terms
    grown = power * power * power * power
    assert expanded(grown) == grown
    sizes = {"H": 3, "W": 5}
    assert parse_expression(grown.text).evaluate(sizes) == grown.evaluate(sizes)


def test_a_condition_that_nobody_can_read_is_told_by_its_length(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["sizes", f"{MODELS}:ThriceIntoLinear", "--input", "1,3,32,32"]) in (0, 1)
    text = capsys.readouterr().out
    assert "characters, which --format json has whole" in text
    assert "% 11" not in text
