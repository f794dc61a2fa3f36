"""Loss and accuracy over epochs as SVG in the colours of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from shapescope.render.drawing.palette import variables
from shapescope.render.drawing.svg import FONTS
from shapescope.render.shapes import printable

PAGE = variables()
WIDTH, HEIGHT = 460.0, 230.0
MOST_DOTS = 60
"""Epochs of longer runs have no dot each."""
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 26.0, 32.0
_DASHES = {"train": "none", "test": "6 3", "validation": "2 3"}
_ROLES = {"train": "conv-line", "test": "pool-line", "validation": "dense-line"}


def curve_svg(
    metrics: Sequence[Mapping[str, Any]],
    key: str,
    title: str,
    colours: Mapping[str, str] = PAGE,
) -> str:
    """One quantity of every split over epochs; empty where no line of the metrics has it.

    Args:
        metrics: lines of `metrics.jsonl`.
        key: `loss` or `top1_accuracy`.
        title: above the curve.
        colours: of the roles of `palette.py`; those of the page it stands on if left out.
    """
    series: dict[str, list[tuple[float, float]]] = {}
    for line in metrics:
        value = line.get(key)
        if isinstance(value, int | float) and value == value and abs(value) != float("inf"):
            series.setdefault(str(line["split"]), []).append((float(line["epoch"]), float(value)))
    if not series:
        return ""
    everything = [point for one in series.values() for point in one]
    x_range = _padded([x for x, _ in everything])
    low, high = _padded([y for _, y in everything])
    air = 0.06 * (high - low)
    y_range = (low - air if low < 0 else max(low - air, 0.0), high + air)
    if key == "top1_accuracy":
        y_range = (y_range[0], min(y_range[1], 1.0))
    told = "; ".join(
        f"{split} {one[0][1]:.4g} to {one[-1][1]:.4g}" for split, one in series.items()
    )
    label = f"{escape(title)} over epochs: {escape(printable(told))}"
    size = f'width="{WIDTH:g}" height="{HEIGHT:g}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}"'
    parts = [
        f'<svg class="curve" {size} role="img" aria-label="{label}" font-family="{FONTS}">',
        _text(LEFT, 15, title, colours["text"], "start", bold=True),
        *_axes(x_range, y_range, colours),
    ]
    for place, (split, points) in enumerate(series.items()):
        parts.extend(_line(split, points, x_range, y_range, colours, place))
    return "".join([*parts, "</svg>"])


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        return low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    return low, high


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values between two bounds, a few of them."""
    span = high - low
    step = 10.0 ** floor(log10(span / most))
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= most:
            step *= factor
            break
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _text(x: float, y: float, content: str, colour: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="11" text-anchor="{anchor}"{weight}'
    return f'<text {place} fill="{colour}">{escape(printable(content))}</text>'


def _axes(
    x_range: tuple[float, float], y_range: tuple[float, float], colours: Mapping[str, str]
) -> list[str]:
    parts = []
    bottom = HEIGHT - BOTTOM
    for value in ticks(*y_range):
        y = _y(value, y_range)
        across = f"M{LEFT:g} {y:.1f}H{WIDTH - RIGHT:g}"
        parts.append(f'<path d="{across}" stroke="{colours["hair"]}"/>')
        parts.append(_text(LEFT - 6, y + 3.5, f"{value:.4g}", colours["faint"], "end"))
    for epoch in sorted({round(value) for value in ticks(*x_range)}):
        if x_range[0] <= epoch <= x_range[1]:
            x = _x(epoch, x_range)
            parts.append(_text(x, bottom + 14, f"{epoch}", colours["faint"], "middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 4, "epoch", colours["faint"], "middle"))
    across = f"M{LEFT:g} {bottom:g}H{WIDTH - RIGHT:g}"
    parts.append(f'<path d="{across}" stroke="{colours["faint"]}"/>')
    return parts


def _line(
    split: str,
    line: Sequence[tuple[float, float]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    colours: Mapping[str, str],
    place: int,
) -> list[str]:
    colour = colours[_ROLES.get(split, "block-line")]
    dashes = _DASHES.get(split, "1 3")
    look = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dashes}"'
    points = " ".join(f"{_x(x, x_range):.1f},{_y(y, y_range):.1f}" for x, y in line)
    parts = [f'<polyline points="{points}" {look}/>']
    name = escape(printable(split))
    for x, y in line if len(line) <= MOST_DOTS else ():
        where = f'cx="{_x(x, x_range):.1f}" cy="{_y(y, y_range):.1f}"'
        told = f"<title>{name}, epoch {x:g}: {y:.4g}</title>"
        parts.append(f'<circle {where} r="2.6" fill="{colour}">{told}</circle>')
    left = WIDTH - RIGHT - 230 + place * 95
    parts.append(f'<path d="M{left:g} 11h22" {look}/>')
    parts.append(_text(left + 28, 15, split, colours["faint"], "start"))
    return parts


def _x(value: float, bounds: tuple[float, float]) -> float:
    share = (value - bounds[0]) / (bounds[1] - bounds[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float, bounds: tuple[float, float]) -> float:
    share = (value - bounds[0]) / (bounds[1] - bounds[0])
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
