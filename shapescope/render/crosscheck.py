"""Our totals beside those of torchinfo and of torch, with what makes the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapescope.render.line import Line, wrapped
from shapescope.render.shapes import count_text, printable
from shapescope.render.theme import Surface
from shapescope.result import TraceResult

if TYPE_CHECKING:
    from shapescope.capture.further.crosscheck import CrossCheck


def crosscheck_lines(result: TraceResult, found: CrossCheck, surface: Surface) -> list[Line]:
    """A row for each tool, then a line for each part of a difference; these add up."""
    rows = [("shapescope", count_text(result.totals.params), count_text(result.totals.macs), "")]
    for peer in found.peers:
        params = "" if peer.params is None else count_text(peer.params)
        macs = "" if peer.macs is None else count_text(peer.macs)
        rows.append((peer.name, params, macs, printable(peer.problem)))
    titles = ("crosscheck", "params", "MACs", "")
    widths = [max(len(row[place]) for row in (titles, *rows)) for place in range(3)]
    lines = [_row(titles, widths, "faint"), *(_row(row, widths, "") for row in rows)]
    for one in found.differences:
        text = f"{one.amount:+,} {one.figure} in {one.peer}: {one.reason}"
        lines += wrapped(text, surface.width, "  ", "faint")
    if not found.differences and all(peer.macs is not None for peer in found.peers):
        lines.append(Line("  all agree", "match"))
    return lines


def _row(texts: tuple[str, str, str, str], widths: list[int], style: str) -> Line:
    name, params, macs, problem = texts
    line = Line(f"{name:<{widths[0]}}  {params:>{widths[1]}}  {macs:>{widths[2]}}", style)
    return line.add(f"  {problem}" if problem else "", "unknown")
