"""The graph of a model in Mermaid, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from shapescope.render.drawing.palette import KINDS, THEMES
from shapescope.render.outline import Box, Frame, outline_of
from shapescope.trace import Trace

_ESCAPES = str.maketrans(
    {
        "#": "#35;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "&": "#amp;",
        "`": "#96;",
        "[": "#91;",
        "]": "#93;",
        "|": "#124;",
    }
)


def trace_to_mermaid(trace: Trace) -> str:
    """A `flowchart` of the trace; names of the model's are escaped."""
    outline = outline_of(trace)
    lines = ["flowchart TD"]
    used: set[str] = set()
    lines.extend(_frame(outline.root, "  ", used))
    lines.extend(f"  {one} --> {other}" for one, other in outline.edges)
    colours = THEMES["light"]
    for kind in (*KINDS, "failure"):
        if kind in used:
            fill = colours["failure-fill"] if kind == "failure" else colours[kind]
            edge = colours["failure"] if kind == "failure" else colours[f"{kind}-line"]
            look = f"fill:{fill},stroke:{edge},color:{colours['text']}"
            lines.append(f"  classDef {kind} {look}")
    return "\n".join(lines) + "\n"


def _frame(frame: Frame, indent: str, used: set[str]) -> Iterator[str]:
    for part in frame.parts:
        if isinstance(part, Frame):
            yield f'{indent}subgraph {part.name} ["{part.title.translate(_ESCAPES)}"]'
            yield from _frame(part, indent + "  ", used)
            yield f"{indent}end"
        else:
            yield indent + _box(part, used)


def _box(box: Box, used: set[str]) -> str:
    kind = "failure" if box.failed else box.kind
    used.add(kind)
    text = "<br/>".join(line.translate(_ESCAPES) for line in box.lines)
    return f'{box.name}["{text}"]:::{kind}'
