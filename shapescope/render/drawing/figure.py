"""From a trace to its picture: the style that suits it, and what stands above and below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.analysis.cost import totals
from shapescope.diagnostic import ShapescopeError
from shapescope.render.drawing.bars import bars_of
from shapescope.render.drawing.columns import in_columns, in_row
from shapescope.render.drawing.feature_maps import feature_maps, notes_of
from shapescope.render.drawing.fields import fields_of
from shapescope.render.drawing.graph import GraphFigure
from shapescope.render.drawing.scene import Item, Scene, Text, extent, framed
from shapescope.render.drawing.stages import Stage, is_chain, stages_of
from shapescope.render.drawing.text_metrics import shortened, text_width
from shapescope.render.drawing.tree import tree_of
from shapescope.render.drawing.units import UnitGraph, unit_graph
from shapescope.render.drawing.ushape import ushape_items
from shapescope.render.drawing.wording import size_text
from shapescope.render.shapes import plural, printable, shape_text, short_count
from shapescope.trace import Trace

STYLES = ("auto", "maps", "graph")
TITLE_SIZE = 14.0
FACT_SIZE = 10.0
NARROWEST = 420.0
"""Facts above a narrow picture are broken into lines of this width."""
MOST_TOLD = 40


@dataclass(frozen=True, slots=True)
class _Picture:
    """What was drawn, what it tells a reader who cannot see it, and what explains its signs."""

    items: list[Item]
    told: str
    notes: tuple[str, ...] = ()


def draw(trace: Trace, style: str = "auto", *, heading: bool = True) -> Scene:
    """The picture of a trace.

    Args:
        trace: whole, or up to where it failed: the step that failed is marked.
        style: `maps` for rows of feature maps, `graph` for boxes and edges; `auto` takes maps for
            models without branches and for U-shaped ones, and the graph for all others.
        heading: whether the model's name and figures stand above.

    Raises:
        ShapescopeError: `maps` was asked for, and the model branches throughout.
    """
    if style not in STYLES:
        raise ShapescopeError(
            f"there is no style `{style}`", advice=("styles are " + ", ".join(STYLES),)
        )
    picture = _picture(trace, style)
    name = printable(trace.model)
    items = _with_texts(picture, _heading(trace) if heading else [], name if heading else "")
    return framed(items, f"Architecture of {name}", picture.told, margin=14.0)


def _picture(trace: Trace, style: str) -> _Picture:
    if not any(not step.is_composite for step in trace.steps):
        text = Text(0, 0, "no step was traced", FACT_SIZE, "start", "faint")
        return _Picture([text], "The model could not be run: no step was traced.")
    graph = unit_graph(trace)
    if style != "graph":
        bars = bars_of(graph)
        if bars is not None:
            return _Picture(ushape_items(bars), _told_units(graph, "U-shaped network"))
        stages = stages_of(trace)
        if stages is not None and (style == "maps" or _suits_maps(trace, stages)):
            items = feature_maps(stages, fields_of(trace))
            return _Picture(items, _told_stages(trace, stages), notes_of(stages, items))
        if style == "maps":
            raise ShapescopeError(
                f"{trace.model} branches throughout, so it is no row of feature maps",
                advice=("--style graph draws it",),
            )
    tree = tree_of(graph)
    laid = GraphFigure(trace, tree).root()
    row = None if any(item.opened for item in tree.root.children) else in_row(laid)
    return _Picture(row or in_columns(laid), _told_units(graph, "Graph"))


def _suits_maps(trace: Trace, stages: Sequence[Stage]) -> bool:
    """Whether every stage is a map or a vector, and there is no branch that a row would hide."""
    drawable = all(stage.rank or len(stage.shape) <= 2 for stage in stages)
    shown = any(stage.rank or stage.kind == "dense" for stage in stages)
    return drawable and shown and is_chain(trace)


# --- texts around the picture


def _heading(trace: Trace) -> list[str]:
    """Figures of the model, as phrases."""
    facts = [f"input {shape_text(spec.shape)}" for spec in trace.inputs[:3]]
    if trace.failure is not None:
        facts.append(f"fails: {trace.failure.exception}")
    facts.extend(f"output {shape_text(spec.shape)}" for spec in trace.outputs[:1])
    if len(trace.outputs) > 1:
        facts[-1] += f" and {len(trace.outputs) - 1} more"
    sums = totals(trace)
    facts.append(f"{short_count(sums.params)} params")
    if sums.macs:
        facts.append(f"{short_count(sums.macs)} MACs")
    return [printable(fact) for fact in facts]


def _with_texts(picture: _Picture, facts: Sequence[str], title: str) -> list[Item]:
    """The title and the figures above the picture, its notes below."""
    box = extent(picture.items)
    wide = max(box.width, NARROWEST)
    above: list[Item] = []
    y = 0.0
    if title:
        shown = shortened(_without_folders(title, wide), TITLE_SIZE, wide, bold=True)
        above.append(Text(box.left, y, shown, TITLE_SIZE, "start", bold=True))
        for row in _rows(facts, " · ", wide):
            y += FACT_SIZE * 1.45
            above.append(Text(box.left, y, row, FACT_SIZE, "start", "faint"))
    below: list[Item] = []
    bottom = box.bottom + 24
    for row in _rows(picture.notes, " · ", wide):
        below.append(Text(box.left, bottom, row, FACT_SIZE - 1, "start", "faint"))
        bottom += FACT_SIZE * 1.4
    if above:
        lift = box.top - 20 - y
        above = [item.moved(0, lift) for item in above]
    return [*above, *picture.items, *below]


def _without_folders(title: str, width: float) -> str:
    """The title, of a path that is too wide only its end: it tells the model apart."""
    while text_width(title, TITLE_SIZE, bold=True) > width and "/" in title.lstrip("…/"):
        title = "…/" + title.lstrip("…/").partition("/")[2]
    return title


def _rows(phrases: Sequence[str], between: str, width: float) -> list[str]:
    rows: list[str] = []
    for phrase in phrases:
        longer = f"{rows[-1]}{between}{phrase}" if rows else phrase
        if rows and text_width(longer, FACT_SIZE) <= width:
            rows[-1] = longer
        else:
            rows.append(phrase)
    return [shortened(row, FACT_SIZE, width) for row in rows]


# --- the same in words


def _told_stages(trace: Trace, stages: Sequence[Stage]) -> str:
    told = []
    for stage in stages[1:]:
        times = f" ({stage.times} times)" if stage.times > 1 else ""
        told.append(f"{stage.words}{times} to {size_text(stage.shape, stage.rank)}")
    start = f"Feature maps from left to right: input {size_text(stages[0].shape, stages[0].rank)}"
    return _sentence(start, told, trace)


def _told_units(graph: UnitGraph, form: str) -> str:
    told = [f"{unit.words} to {unit.size}" for unit in graph.units]
    inputs = ", ".join(shape_text(spec.shape) for spec in graph.trace.inputs)
    return _sentence(f"{form} from input {inputs}", told, graph.trace)


def _sentence(start: str, told: Sequence[str], trace: Trace) -> str:
    more = len(told) - MOST_TOLD
    shown = list(told[:MOST_TOLD])
    if more > 0:
        shown.append(f"and {plural(more, 'more step')}")
    text = "; ".join([start, *shown]) + "."
    if trace.failure is not None:
        text += f" The model fails there: {trace.failure.exception}."
    return text
