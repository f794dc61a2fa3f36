"""The confusion matrix and the mistakes of a run's report: what is told apart, and can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shapescope.render.report as report
from shapescope.render.drawing.palette import THEMES
from shapescope.render.evaluation import mistake_titles
from shapescope.render.report import RunView
from shapescope.render.report.page import _confusion
from shapescope.training.evaluation import Evaluation, Mistake

CSS = (Path(report.__file__).parent / "report.css").read_text()


def test_counts_differ_in_shade_and_right_is_no_paler_than_wrong() -> None:
    view = RunView("n", (), [], classes=("a", "b"), split="test", confusion=((12, 12), (7, 17)))
    first, second = (row["cells"] for row in _confusion(view))
    assert first[0]["shade"] == first[1]["shade"] == pytest.approx(0.5**0.5)
    assert 0 < second[0]["shade"] < first[1]["shade"] < second[1]["shade"] <= 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_digits_can_be_read_on_the_darkest_shade(theme: str, kind: str) -> None:
    found = re.search(
        rf"\.confusion \.{kind}{{background:color-mix\(in srgb,var\(--draw-([\w-]+)\) "
        r"calc\(var\(--shade\)\*(\d+)%\)",
        CSS,
    )
    assert found is not None
    colours, share = THEMES[theme], int(found[2]) / 100
    mixed = [
        share * one + (1 - share) * other
        for one, other in zip(_rgb(colours[found[1]]), _rgb(colours["paper"]), strict=True)
    ]
    assert _contrast(mixed, _rgb(colours["text"])) >= 4.5  # WCAG 2, level AA
    assert _contrast(mixed, _rgb(colours["paper"])) >= 2


def test_a_mistake_says_what_it_is_first() -> None:
    mistakes = (Mistake(number=6, actual=1, predicted=0, probability=0.9, loss=2.0),)
    figures = Evaluation("test", 1.0, 1.0, 1, 2, ((1, 0), (1, 0)), mistakes, 0.1)
    assert mistake_titles(figures, ("kreis", "drei eck")) == ["6: drei eck taken for kreis"]


def _rgb(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: list[float]) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
