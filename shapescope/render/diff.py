"""Two traces side by side, as text, Markdown for pull requests, and JSON."""

from __future__ import annotations

from typing import Any

from shapescope.analysis.cost import Totals, step_macs
from shapescope.analysis.diff import (
    ADDED,
    CHANGED,
    MACS,
    ORDER,
    PARAMS,
    REMOVED,
    SAME,
    StepChange,
    TraceDiff,
)
from shapescope.render.json import to_json
from shapescope.render.line import Line
from shapescope.render.markdown import escape
from shapescope.render.settings import op_text, settings_text
from shapescope.render.shapes import count_text, plural, printable, shape_text, tensors_text
from shapescope.render.theme import Surface
from shapescope.trace import Step, Trace

SCHEMA = "shapescope.diff/1"
SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~", SAME: " "}
_STYLES = {ADDED: "added", REMOVED: "mismatch", CHANGED: "unknown", SAME: "faint"}
_NAMED = 6
"""Renamed modules that are listed."""

_SHOWN = 0.05
"""Percent that one decimal still shows."""
_LEAST = 0.01
"""Percent below which only the sign is told."""

_TITLES = ("", "path", "op", "output", "params", "MACs")


def diff_lines(
    diff: TraceDiff, names: tuple[str, str], surface: Surface, *, every: bool = False
) -> list[Line]:
    """The steps that differ, every step with `every`, and what that comes to in all."""
    lines = [Line(printable(f"{names[0]} -> {names[1]}"), "heading")]
    shown = [one for one in diff.changes if every or one.kind != SAME]
    if shown:
        rows = [_cells(one) for one in shown]
        widths = [max(len(row[place]) for row in (*rows, _TITLES)) for place in range(len(_TITLES))]
        styles = [_STYLES[one.kind] for one in shown]
        lines.append(Line())
        if sum(widths) + 2 * (len(widths) - 1) <= surface.width:
            lines.append(_joined(_TITLES, widths, "faint"))
            lines.append(Line(surface.glyphs.rule * lines[-1].width, "faint"))
            lines += [_joined(row, widths, style) for row, style in zip(rows, styles, strict=True)]
        else:
            for row, style in zip(rows, styles, strict=True):
                lines += [Line(text, style) for text in _folded(row, surface.width)]
    lines.append(Line())
    return [*lines, *(Line(text) for text in summary(diff))]


def diff_markdown(diff: TraceDiff, names: tuple[str, str]) -> str:
    """A table for a pull request, and what the change comes to in all."""
    shown = [one for one in diff.changes if one.kind != SAME]
    lines = [f"**{escape(names[0])} -> {escape(names[1])}**", ""]
    if shown:
        lines += ["| | path | op | output | params | MACs |", "|---|---|---|---|---:|---:|"]
        lines += ["| " + " | ".join(escape(cell) for cell in _cells(one)) + " |" for one in shown]
        lines.append("")
    lines += [f"- {escape(text)}" for text in summary(diff)]
    return "\n".join(lines) + "\n"


def diff_json(diff: TraceDiff, names: tuple[str, str]) -> str:
    """One object: the steps that differ and both totals."""
    before, after = diff.totals
    data = {
        "schema": SCHEMA,
        "before": {"model": names[0], **_totals(before), "outputs": _outputs(diff.before)},
        "after": {"model": names[1], **_totals(after), "outputs": _outputs(diff.after)},
        "same": diff.same,
        "changes": [
            {"kind": one.kind, "what": list(one.what),
             "before": _step(one.before), "after": _step(one.after)}
            for one in diff.changes
            if one.kind != SAME
        ],
    }  # fmt: skip
    return to_json(data)


def summary(diff: TraceDiff) -> list[str]:
    """What the change comes to: counts, output, parameters, multiply-adds."""
    if diff.same:
        return [f"no difference in {plural(len(diff.changes), 'step')}", *_asides(diff)]
    counted = [
        (sum(one.kind == kind for one in diff.changes), kind) for kind in (CHANGED, ADDED, REMOVED)
    ]
    texts = [", ".join(f"{plural(count, 'step')} {kind}" for count, kind in counted if count)]
    if diff.outcomes_differ:
        texts.append(f"output {_outcome(diff.before)} -> {_outcome(diff.after)}")
    before, after = diff.totals
    texts.append(f"params {_change(before.params, after.params)}")
    texts.append(f"MACs {_change(before.macs, after.macs)}")
    if diff.before.failure is not None or diff.after.failure is not None:
        texts[-1] += ", up to where it fails"
    return [text for text in (*texts, *_asides(diff)) if text]


def _asides(diff: TraceDiff) -> list[str]:
    """The inputs and other names, which explain much and change no shape by themselves."""
    texts = []
    before, after = tensors_text(diff.before.inputs), tensors_text(diff.after.inputs)
    if diff.inputs_differ:
        texts.append(f"the inputs differ: {before} -> {after}")
    elif before:
        texts.append(f"both with input {before}")
    renamed = [f"{old} -> {new}" for old, new in diff.renamed]
    if renamed:
        more = f" and {len(renamed) - _NAMED} more" if len(renamed) > _NAMED else ""
        texts.append(printable(f"weights under other names: {', '.join(renamed[:_NAMED])}{more}"))
    return texts


def _cells(one: StepChange) -> tuple[str, ...]:
    before, after = one.before, one.after
    return (
        SIGNS[one.kind],
        printable(_pair(_path(before), _path(after))),
        _pair(_settings(before), _settings(after)) + (", moved" if ORDER in one.what else ""),
        _pair(_output(before), _output(after)),
        _counts(_params(before), _params(after))
        if one.kind != CHANGED or PARAMS in one.what
        else "",
        _counts(_macs(before), _macs(after)) if one.kind != CHANGED or MACS in one.what else "",
    )


def _joined(cells: tuple[str, ...], widths: list[int], style: str) -> Line:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return Line("  ".join(padded).rstrip(), style)


def _folded(cells: tuple[str, ...], width: int) -> list[str]:
    """A row as a paragraph: the step, and indented below it what is known of it."""
    sign, path, op, output, params, macs = cells
    facts = [op, output, params and f"params {params}", macs and f"MACs {macs}"]
    lines, line = [], f"{sign}  {path}".rstrip()
    for fact in filter(None, facts):
        if len(line) + 2 + len(fact) > width:
            lines.append(line)
            line = f"     {fact}"
        else:
            line += f"  {fact}"
    return [*lines, line]


def _pair(before: str | None, after: str | None) -> str:
    if before is None or after is None or before == after:
        return (after if before is None else before) or ""
    return f"{before} -> {after}"


def _counts(before: str | None, after: str | None) -> str:
    """Two counts, where a step that has none may stand beside one that has some."""
    if before is None or after is None or before == after:
        return _pair(before, after)
    return _pair(before or "none", after or "none")


def _path(step: Step | None) -> str | None:
    return None if step is None else step.path


def _settings(step: Step | None) -> str | None:
    if step is None:
        return None
    return f"{op_text(step)} {settings_text(step, kernel=False)}".strip()


def _output(step: Step | None) -> str | None:
    if step is None:
        return None
    return shape_text(step.outputs[0].shape) if step.outputs else "fails"


def _params(step: Step | None) -> str | None:
    if step is None:
        return None
    count = sum(param.numel for param in step.params)
    return count_text(count) if count else ""


def _macs(step: Step | None) -> str | None:
    if step is None:
        return None
    count = step_macs(step)
    return count_text(count) if count else ""


def _change(before: int, after: int) -> str:
    if before == after:
        return f"{count_text(before)}, unchanged"
    share = f", {_percent(after - before, before)}" if before else ""
    sign = "+" if after > before else "-"
    return (
        f"{count_text(before)} -> {count_text(after)} "
        f"({sign}{count_text(abs(after - before))}{share})"
    )


def _percent(change: int, before: int) -> str:
    """A change in percent: `+4.2 %`; what one decimal would show as 0 keeps its first digit."""
    value = 100 * change / before
    if abs(value) >= _SHOWN:
        return f"{value:+.1f} %"
    if abs(value) >= _LEAST:
        return f"{value:+.1g} %"
    return f"{'+' if change > 0 else '-'} under {_LEAST} %"


def _outcome(trace: Trace) -> str:
    if trace.failure is not None:
        failed = None if trace.failure.step is None else trace.steps[trace.failure.step]
        if failed is None:
            return "fails"
        return printable(f"fails at {failed.path or failed.class_name or failed.op}")
    return ", ".join(shape_text(spec.shape) for spec in trace.outputs)


def _totals(found: Totals) -> dict[str, int]:
    return {"params": found.params, "macs": found.macs}


def _outputs(trace: Trace) -> list[list[int | str]] | None:
    return None if trace.failure else [list(spec.shape) for spec in trace.outputs]


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "index": step.index,
        "path": step.path,
        "op": step.op,
        "outputs": [list(spec.shape) for spec in step.outputs],
        "params": sum(param.numel for param in step.params),
        "macs": step_macs(step),
    }
