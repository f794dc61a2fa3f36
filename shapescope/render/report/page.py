"""The page: template, style, script and data put together."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

from shapescope import __version__
from shapescope.analysis.cost import module_costs
from shapescope.diagnostic import Severity
from shapescope.render.diagnostics import diagnostic_lines
from shapescope.render.drawing import draw, scene_to_svg
from shapescope.render.drawing.palette import variable_rules
from shapescope.render.line import Line
from shapescope.render.report.curves import curve_svg
from shapescope.render.report.data import page_data, script_json
from shapescope.render.report.png import data_address, zoom
from shapescope.render.report.run_view import RunView
from shapescope.render.shapes import (
    bytes_text,
    count_text,
    plural,
    printable,
    shape_text,
    short_count,
)
from shapescope.render.theme import Surface
from shapescope.result import TraceResult
from shapescope.trace import Step, Trace

WIDE = Surface(width=110)
MOST_BARS = 14
SCRIPTS = ("steps", "rows", "choice", "drawing", "details", "page")
"""In this order: each reads what those before it say."""
MANY_STEPS = 400
"""Without a script the table of a longer model is not written out."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The cost of one part of the model, and its shares of the whole in percent."""

    name: str
    step: int
    params: str
    params_share: float
    macs: str
    macs_share: float


def report_html(result: TraceResult, run: RunView | None = None, *, served: bool = False) -> str:
    """The whole page.

    Args:
        result: what a trace gave; failed ones too.
        run: what to show of a run.
        served: the page is served by `report --serve` and listens for changes.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    script = _script()
    trace = result.trace
    return environment.from_string(_file("report.html.j2")).render(
        title=printable(trace.model),
        version=__version__,
        policy=_policy(script, served=served),
        style=Markup(_style()),
        script=Markup(script),
        data=Markup(script_json(page_data(result))),
        served=served,
        facts=_facts(result),
        notes=[printable(note) for note in result.notes],
        verdict=_verdict(result),
        picture=Markup(_picture(trace)),
        diagnostics=[
            {
                "severity": str(one.severity),
                "text": lines_html(diagnostic_lines(one, WIDE)),
                "step": -1 if one.step is None else one.step,
                "rule": one.rule,
            }
            for one in result.diagnostics
        ],
        bars=_bars(trace),
        plain=_plain_rows(result),
        steps=len(trace.steps),
        run=run,
        curves=_curves(run),
        confusion=_confusion(run),
        address=data_address,
        zoom=zoom,
        count=count_text,
    )


@cache
def _file(name: str) -> str:
    return resources.files("shapescope.render.report").joinpath(name).read_text(encoding="utf-8")


def _script() -> str:
    """The page's parts in one scope of their own."""
    parts = "\n".join(_file(f"scripts/{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _style() -> str:
    light, dark = variable_rules("light"), variable_rules("dark")
    return (
        f":root{{{light}}}"
        f":root[data-theme=dark]{{{dark}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
        f"@media print{{:root,:root[data-theme=dark],:root:not([data-theme=light]){{{light}}}}}"
        + _file("report.css")
    )


def _policy(script: str, *, served: bool) -> str:
    """Only this page's own script may run, and nothing may be loaded."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    rules = ["default-src 'none'", "img-src data:", "style-src 'unsafe-inline'"]
    rules.append(f"script-src 'sha256-{digest}'")
    rules.append("base-uri 'none'")
    if served:
        rules.append("connect-src 'self'")
    return "; ".join(rules)


def lines_html(lines: Iterable[Line]) -> Markup:
    """Styled lines as text with a class for each style."""
    shown = []
    for line in lines:
        parts = (
            Markup('<span class="t-{}">{}</span>').format(style, text) if style else escape(text)
            for text, style in line.parts
        )
        shown.append(Markup("").join(parts))
    return Markup("\n").join(shown)


def _facts(result: TraceResult) -> list[tuple[str, str]]:
    trace, totals = result.trace, result.totals
    facts = [
        ("input", f"{spec.name or 'input'}: {shape_text(spec.shape)}") for spec in trace.inputs
    ]
    facts += [("output", shape_text(spec.shape)) for spec in trace.outputs[:3]]
    if len(trace.outputs) > 3:
        facts.append(("output", f"and {len(trace.outputs) - 3} more"))
    trainable = totals.trainable_params
    fixed = "" if trainable == totals.params else f", {count_text(trainable)} trainable"
    facts.append(("params", count_text(totals.params) + fixed))
    facts.append(("size", bytes_text(totals.param_bytes)))
    facts.append(("MACs", count_text(totals.macs)))
    facts.append(("FLOPs", count_text(totals.flops)))
    if totals.not_counted:
        facts.append(("not counted", ", ".join(totals.not_counted)))
    facts.append(("steps", f"{count_text(len(trace.leaves))}, traced on {trace.mode} tensors"))
    return [(name, printable(text)) for name, text in facts]


def _verdict(result: TraceResult) -> tuple[str, str]:
    """The one line that says whether all is well, and its class."""
    failure = result.trace.failure
    if failure is not None:
        error = next((one for one in result.diagnostics if one.severity is Severity.ERROR), None)
        if error is not None:
            return "error", printable(f"fails: {error.message.splitlines()[0]}")
        what = failure.message.splitlines()[0] if failure.message else ""
        return "error", printable(f"fails: {failure.exception}: {what}".rstrip(": "))
    statuses = [check.status for check in result.checks]
    checked = sum(status != "not_applicable" for status in statuses)
    good = statuses.count("match")
    errors = sum(one.severity is Severity.ERROR for one in result.diagnostics)
    if errors or "mismatch" in statuses:
        return "error", f"{plural(errors, 'error')}; {good} of {plural(checked, 'check')} match"
    text = f"{good} of {plural(checked, 'check')} match"
    return ("good" if good == checked else "unsure"), text


def _picture(trace: Trace) -> str:
    return scene_to_svg(draw(trace, heading=False), "page")


# --- cost


def _bars(trace: Trace) -> list[Bar]:
    """The parts of the model with their costs: opened from the top while few enough to compare."""
    costs = module_costs(trace)
    children: dict[int | None, list[Step]] = {}
    for step in trace.steps:
        children.setdefault(step.parent, []).append(step)
    parts = children.get(None, [])
    while True:
        opened = [
            one
            for step in parts
            for one in (children.get(step.index, [step]) if step.is_composite else [step])
        ]
        costly = [one for one in opened if costs[one.index].params or costs[one.index].macs]
        if len(costly) > MOST_BARS or opened == parts or not costly:
            break
        parts = opened
    costly = [one for one in parts if costs[one.index].params or costs[one.index].macs]
    params = max(sum(costs[one.index].params for one in costly), 1)
    macs = max(sum(costs[one.index].macs for one in costly), 1)
    return [
        Bar(
            printable(step.path or step.op),
            step.index,
            short_count(costs[step.index].params),
            100 * costs[step.index].params / params,
            short_count(costs[step.index].macs),
            100 * costs[step.index].macs / macs,
        )
        for step in costly[: MOST_BARS * 3]
    ]


def _plain_rows(result: TraceResult) -> list[tuple[str, ...]]:
    """The steps for readers without scripts, where they are not too many."""
    if len(result.trace.steps) > MANY_STEPS:
        return []
    return [
        (
            printable(step.path),
            printable(step.class_name if step.is_composite else step.op),
            ", ".join(shape_text(spec.shape) for spec in step.outputs),
            "; ".join(dict.fromkeys(check.formula)),
        )
        for step, check in zip(result.trace.steps, result.checks, strict=True)
    ]


# --- a run


def _curves(run: RunView | None) -> list[Markup]:
    if run is None:
        return []
    found = (
        curve_svg(run.metrics, "loss", "loss"),
        curve_svg(run.metrics, "top1_accuracy", "accuracy"),
    )
    return [Markup(one) for one in found if one]


def _confusion(run: RunView | None) -> list[dict[str, Any]]:
    """Rows of the confusion matrix: the class, and each count with its shade.

    The shade is the root of the share of its row, so that rare mistakes are seen as well, and
    right and wrong of one share are as dark as each other.
    """
    if run is None:
        return []
    rows = []
    for number, row in enumerate(run.confusion):
        total = max(sum(row), 1)
        cells = [
            {"count": count, "shade": (count / total) ** 0.5, "right": place == number}
            for place, count in enumerate(row)
        ]
        rows.append({"name": _class(run.classes, number), "cells": cells})
    return rows


def _class(classes: Sequence[str], number: int) -> str:
    return printable(classes[number]) if number < len(classes) else str(number)
