"""The graph of a model in the DOT language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.render.drawing.palette import THEMES
from shapescope.render.outline import Box, Frame, outline_of
from shapescope.trace import Trace


def trace_to_dot(trace: Trace) -> str:
    """A `digraph` of the trace; names of the model's are quoted."""
    outline = outline_of(trace)
    lines = [
        f"digraph {_quoted(trace.model)} {{",
        '  graph [fontname="Helvetica", rankdir=TB, ranksep=0.3];',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10];',
        '  edge [arrowsize=0.6, color="#57606a"];',
    ]
    lines.extend(_frame(outline.root, "  "))
    lines.extend(f"  {one} -> {other};" for one, other in outline.edges)
    lines.append("}")
    return "\n".join(lines) + "\n"


def _frame(frame: Frame, indent: str) -> Iterator[str]:
    for part in frame.parts:
        if isinstance(part, Frame):
            yield f"{indent}subgraph cluster_{part.name} {{"
            yield f'{indent}  label={_quoted(part.title)}; color="#c4ccd4"; fontsize=10;'
            yield from _frame(part, indent + "  ")
            yield f"{indent}}}"
        else:
            yield indent + _box(part)


def _box(box: Box) -> str:
    colours = THEMES["light"]
    fill, edge = colours[box.kind], colours[f"{box.kind}-line"]
    if box.failed:
        fill, edge = colours["failure-fill"], colours["failure"]
    text = _quoted(*box.lines)
    return f'{box.name} [label={text}, fillcolor="{fill}", color="{edge}"];'


def _quoted(*lines: str) -> str:
    """A string of DOT: backslashes and quotes escaped, lines broken as Graphviz breaks them."""
    texts = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(texts) + '"'
