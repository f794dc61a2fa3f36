"""The cell that proves a step: its formula at full length, and the shorter ways to show it."""

from __future__ import annotations

import re

from shapescope.render.figures import Figures
from shapescope.render.line import Line
from shapescope.render.rows import Row
from shapescope.render.shapes import shape_text
from shapescope.render.theme import Glyphs

_AROUND_SIGNS = re.compile(r" (->|//|[-+*/x=]) ")


def check_texts(row: Row, figures: Figures) -> tuple[Line, ...]:
    """The check of a row, from the whole formula to the mere sign; blank where none applies."""
    if row.step is None or row.heading:
        return (Line(),)
    if row.step.is_composite:
        return _checks_inside(row, figures)
    check = figures.result.checks[row.step.index]
    glyphs = figures.glyphs
    if check.status == "not_applicable":
        return (Line(),)
    formula = "; ".join(dict.fromkeys(check.formula))
    if check.status == "match":
        sign = Line(glyphs.match, "match")
        texts = [formula, _compact(formula), _results(check.formula)]
        return (*_variants(glyphs.match, "match", texts), sign)
    if check.status == "unknown":
        return (Line(glyphs.unknown + " unknown", "unknown"), Line(glyphs.unknown, "unknown"))
    observed = shape_text(row.step.outputs[0].shape) if row.step.outputs else "none"
    expected = shape_text(check.expected) if check.expected is not None else formula
    long = f"{formula}: {expected} expected, {observed} observed"
    texts = [long, f"{expected} expected, {observed} observed", f"{expected} expected"]
    return (*_variants(glyphs.mismatch, "mismatch", texts), Line(glyphs.mismatch, "mismatch"))


def _results(formulas: tuple[str, ...]) -> str:
    """What the formulas come to, an axis each: `= 14 x 256`."""
    ends = [formula.rsplit(" = ", 1) for formula in formulas]
    if not ends or any(len(end) < 2 for end in ends):
        return ""
    return "= " + " x ".join(end[1] for end in ends)


def _variants(sign: str, style: str, texts: list[str]) -> tuple[Line, ...]:
    return tuple(Line(sign, style).add(f" {text}") for text in dict.fromkeys(texts) if text)


def _compact(formula: str) -> str:
    """The formula without the spaces around its signs."""
    return _AROUND_SIGNS.sub(r"\1", _AROUND_SIGNS.sub(r"\1", formula))


def _checks_inside(row: Row, figures: Figures) -> tuple[Line, ...]:
    statuses = [figures.result.checks[step.index].status for step in figures.inside(row)]
    total = sum(status != "not_applicable" for status in statuses)
    good = statuses.count("match")
    if not total:
        return (Line(),)
    sign, style = _verdict(statuses, figures.glyphs)
    return (
        *_variants(sign, style, [f"{good} of {total} match", f"{good} of {total}"]),
        Line(sign, style),
    )


def _verdict(statuses: list[str], glyphs: Glyphs) -> tuple[str, str]:
    if "mismatch" in statuses:
        return glyphs.mismatch, "mismatch"
    return (glyphs.unknown, "unknown") if "unknown" in statuses else (glyphs.match, "match")
