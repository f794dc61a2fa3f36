"""How results draw themselves in a notebook: pictures and text that need no script and no style.

Everything is written with attributes of its own, so that nothing of it reaches the cells around
it; names inside a picture are made from its content, so that no two pictures share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from shapescope.diagnostic import Diagnostic
from shapescope.render.diagnostics import diagnostic_lines
from shapescope.render.drawing import THEMES, draw, scene_to_svg
from shapescope.render.line import Line
from shapescope.render.report.curves import curve_svg
from shapescope.render.shapes import printable
from shapescope.render.theme import Surface
from shapescope.trace import Trace

LARGEST_PICTURE = 200_000
"""Longer drawings stay out of a notebook, which keeps every output in its file."""
_LIGHT = THEMES["light"]
_PAPER = f"background:{_LIGHT['paper']};color:{_LIGHT['text']}"
_CARD = f"{_PAPER};padding:8px;overflow-x:auto;max-width:100%"
_LOOKS = {
    "error": f"color:{_LIGHT['failure']};font-weight:bold",
    "mismatch": f"color:{_LIGHT['failure']}",
    "primary": f"color:{_LIGHT['failure']};font-weight:bold",
    "warning": f"color:{_LIGHT['pool-line']};font-weight:bold",
    "note": f"color:{_LIGHT['conv-line']};font-weight:bold",
    "help": f"color:{_LIGHT['dense-line']};font-weight:bold",
    "added": f"color:{_LIGHT['dense-line']}",
    "match": f"color:{_LIGHT['dense-line']}",
    "gutter": f"color:{_LIGHT['conv-line']}",
    "secondary": f"color:{_LIGHT['conv-line']}",
    "faint": f"color:{_LIGHT['faint']}",
    "heading": "font-weight:bold",
}


def record_to_html(record: Trace | Diagnostic) -> str:
    """A record of the centre, which has no figures beside it."""
    return trace_to_html(record) if isinstance(record, Trace) else diagnostic_to_html(record)


def trace_to_html(trace: Trace) -> str:
    """The picture of a trace; a line of text where it would be too long for a notebook."""
    scene = draw(trace)
    svg = scene_to_svg(scene)
    if len(svg) > LARGEST_PICTURE:
        return f"<p>{escape(printable(scene.description))}</p>"
    return f'<div style="{_CARD}">{svg}</div>'


def diagnostic_to_html(diagnostic: Diagnostic) -> str:
    """A diagnostic in its frame, in the colours of a terminal."""
    return lines_to_html(diagnostic_lines(diagnostic, Surface(width=100)))


def lines_to_html(lines: Iterable[Line]) -> str:
    """Styled lines as preformatted text."""
    text = "\n".join("".join(_part(*part) for part in line.parts) for line in lines)
    look = f"{_CARD};margin:0;font:12.5px/1.4 monospace;white-space:pre"
    return f'<pre style="{look}">{text}</pre>'


def _part(text: str, style: str) -> str:
    look = _LOOKS.get(style)
    return f'<span style="{look}">{escape(text)}</span>' if look else escape(text)


def run_to_html(title: str, metrics: Sequence[Mapping[str, Any]]) -> str:
    """The curves of a run, and its last figures."""
    parts = [f"<b>{escape(printable(title))}</b>"]
    last = {str(line["split"]): line for line in metrics}
    for split, line in last.items():
        accuracy = f"{100 * line['top1_accuracy']:.2f} %"
        parts.append(
            f"<div>{escape(printable(split))}, epoch {line['epoch']}: loss {line['loss']:.4f}, "
            f"{line['correct']:,} of {line['count']:,} correct = {accuracy}</div>"
        )
    if not metrics:
        parts.append("<div>its first epoch is not done yet</div>")
    curves = [
        curve_svg(metrics, key, name, _LIGHT)
        for key, name in (("loss", "loss"), ("top1_accuracy", "accuracy"))
    ]
    parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(curves)}</div>')
    return f'<div style="{_CARD};font:13px/1.5 sans-serif">{"".join(parts)}</div>'
