"""The last lines of a trace: what the model costs, how far it sees, how many checks hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shapescope.render.line import Line, cells, wrapped
from shapescope.render.shapes import bytes_text, count_text, plural, short_count, time_text
from shapescope.render.theme import Glyphs, Surface
from shapescope.result import TraceResult

_GAP = "    "


def totals_lines(result: TraceResult, surface: Surface) -> list[Line]:
    """Facts side by side as the width allows, then what was not counted or not reached."""
    lines = side_by_side(totals_facts(result, surface.glyphs), surface.width)
    for remark in totals_remarks(result):
        lines += wrapped(remark, surface.width, style="faint")
    return lines


def totals_facts(result: TraceResult, glyphs: Glyphs) -> list[Line]:
    """One fact each: params, MACs, memory, receptive field, checks."""
    facts = [
        _params(result),
        _macs(result),
        _memory(result),
        _time(result),
        _receptive_field(result),
        _checks(result, glyphs),
    ]
    return [fact for fact in facts if fact is not None]


def totals_remarks(result: TraceResult) -> list[str]:
    """What the figures leave out."""
    remarks = (_slowest(result), _not_counted(result), _not_reached(result))
    return [text for text in remarks if text]


def side_by_side(facts: Sequence[Line], width: int) -> list[Line]:
    """As many facts on each line as fit."""
    lines: list[Line] = []
    for fact in facts:
        if lines and lines[-1].width + cells(_GAP) + fact.width <= width:
            lines[-1].add(_GAP)
        else:
            lines.append(Line())
        for part in fact.parts:
            lines[-1].add(*part)
    return lines


def _fact(name: str, text: str, style: str = "number") -> Line:
    return Line(f"{name} ", "faint").add(text, style)


def _params(result: TraceResult) -> Line:
    totals = result.totals
    trainable = totals.trainable_params
    text = count_text(totals.params)
    if totals.params and trainable == totals.params:
        text += " (all trainable)"
    elif totals.params:
        text += f" ({count_text(trainable)} trainable)"
    if totals.buffers:
        text += f" + {plural(totals.buffers, 'value')} in buffers"
    return _fact("params", text)


def _macs(result: TraceResult) -> Line | None:
    if result.trace.mode == "symbolic":
        # With sizes left open there is no number, and 0 would pass for one.
        return None
    macs = result.totals.macs
    text = count_text(macs)
    return _fact("MACs", text if macs < 10_000_000 else f"{text} ({short_count(macs)})")


def _memory(result: TraceResult) -> Line:
    totals = result.totals
    text = f"{bytes_text(totals.param_bytes)} params"
    if isinstance(totals.activation_bytes, int) and result.trace.mode != "symbolic":
        text += f", {bytes_text(totals.activation_bytes)} activations"
    return _fact("memory", text)


def _time(result: TraceResult) -> Line | None:
    """The whole pass, and how much of it the kernels of the steps take together."""
    times = result.times
    if times is None:
        return None
    steps = time_text(sum(filter(None, times.steps)))
    how = f"median of {times.runs} on the CPU, {plural(times.threads, 'thread')}"
    return _fact("time", f"{time_text(times.forward)} a forward pass, {steps} in its steps ({how})")


def _receptive_field(result: TraceResult) -> Line | None:
    """The field of the last step that still has a map."""
    for step, field in zip(
        reversed(result.trace.steps), reversed(result.receptive_fields), strict=True
    ):
        if field is not None and not step.is_composite:
            size = " x ".join(f"{float(axis):g}" for axis in field.size)
            where = f" at {step.path}" if step.path and step.kind == "module" else ""
            return _fact("receptive field", f"{size}{where}")
    return None


def _checks(result: TraceResult, glyphs: Glyphs) -> Line | None:
    counts = Counter(check.status for check in result.checks)
    total = sum(counts.values()) - counts["not_applicable"]
    if not total:
        return None
    text = f"{counts['match']} of {count_text(total)} match"
    if counts["unknown"]:
        text += f", {counts['unknown']} unknown"
    if counts["mismatch"]:
        return _fact("checks", f"{glyphs.mismatch} {text}", "mismatch")
    style = "unknown" if counts["unknown"] else "match"
    return _fact("checks", f"{glyphs.unknown if counts['unknown'] else glyphs.match} {text}", style)


def _slowest(result: TraceResult) -> str:
    """The three steps that took the most of the measured time."""
    times = result.times
    total = 0.0 if times is None else sum(filter(None, times.steps))
    if times is None or not total:
        return ""
    order = sorted(result.trace.leaves, key=lambda step: -(times.steps[step.index] or 0.0))
    shares = (
        f"{step.path or 'forward'} {step.op if step.kind == 'function' else ''}".rstrip()
        + f" {(times.steps[step.index] or 0.0) / total:.0%}"
        for step in order[:3]
    )
    return f"most of the time: {', '.join(shares)}"


def _not_counted(result: TraceResult) -> str:
    ops = Counter(result.totals.not_counted)
    if not ops or result.trace.mode == "symbolic":
        return ""
    names = ", ".join(op if count == 1 else f"{op} x {count}" for op, count in ops.items())
    return f"no rule for the MACs of: {names}"


def _not_reached(result: TraceResult) -> str:
    """After a failure, the modules that were never called nor held a called one, the outermost."""
    trace = result.trace
    if trace.failure is None:
        return ""
    entered = {""}
    for module in trace.modules:
        path = module.path if module.called else ""
        while path:
            entered.add(path)
            path = path.rpartition(".")[0]
    paths = [
        module.path
        for module in trace.modules
        if module.path not in entered and module.path.rpartition(".")[0] in entered
    ]
    if not paths:
        return ""
    more = f" and {len(paths) - 8} more" if len(paths) > 8 else ""
    return f"not reached: {', '.join(paths[:8])}{more}"
