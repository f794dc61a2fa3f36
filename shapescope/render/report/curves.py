"""Loss and accuracy over epochs as SVG in the colours of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10
from typing import Any

WIDTH, HEIGHT = 460.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 26.0, 32.0
_DASHES = {"train": "", "test": "6 3", "validation": "2 3"}
_ROLES = {"train": "conv-line", "test": "pool-line", "validation": "dense-line"}


def curve_svg(metrics: Sequence[Mapping[str, Any]], key: str, title: str) -> str:
    """One quantity of every split over epochs; empty where no line of the metrics has it."""
    series: dict[str, list[tuple[float, float]]] = {}
    for line in metrics:
        value = line.get(key)
        if isinstance(value, int | float) and value == value and abs(value) != float("inf"):
            series.setdefault(str(line["split"]), []).append((float(line["epoch"]), float(value)))
    if not series:
        return ""
    everything = [point for one in series.values() for point in one]
    x_range = _padded([x for x, _ in everything])
    y_range = _padded([y for _, y in everything])
    if key == "top1_accuracy":
        y_range = (y_range[0], min(y_range[1], 1.0))
    told = "; ".join(
        f"{split} {one[0][1]:.4g} to {one[-1][1]:.4g}" for split, one in series.items()
    )
    label = f"{escape(title)} over epochs: {escape(told)}"
    parts = [
        f'<svg class="curve" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{label}">',
        f'<text x="{LEFT:g}" y="15" class="plot-title">{escape(title)}</text>',
        *_axes(x_range, y_range),
    ]
    for place, (split, points) in enumerate(series.items()):
        parts.extend(_line(split, points, x_range, y_range, place))
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
    first = floor(low / step) + (0 if low % step == 0 else 1)
    return [place * step for place in range(int(first), floor(high / step + 1e-9) + 1)]


def _axes(x_range: tuple[float, float], y_range: tuple[float, float]) -> list[str]:
    parts = []
    bottom = HEIGHT - BOTTOM
    for value in ticks(*y_range):
        y = _y(value, y_range)
        parts.append(f'<path d="M{LEFT:g} {y:.1f}H{WIDTH - RIGHT:g}" class="grid"/>')
        parts.append(
            f'<text x="{LEFT - 6:g}" y="{y + 3.5:.1f}" class="tick end">{value:.4g}</text>'
        )
    for value in ticks(*x_range):
        if value == int(value):
            x = _x(value, x_range)
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 16:g}" class="tick middle">{value:g}</text>'
            )
    parts.append(f'<path d="M{LEFT:g} {bottom:g}H{WIDTH - RIGHT:g}" class="axis"/>')
    return parts


def _line(
    split: str,
    line: Sequence[tuple[float, float]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    place: int,
) -> list[str]:
    role = _ROLES.get(split, "block-line")
    points = " ".join(f"{_x(x, x_range):.1f},{_y(y, y_range):.1f}" for x, y in line)
    look = f'style="stroke:var(--draw-{role})" stroke-dasharray="{_DASHES.get(split, "")}"'
    parts = [f'<polyline points="{points}" class="line" {look}/>']
    for x, y in line if len(line) <= 60 else ():
        told = f"{escape(split)}, epoch {x:g}: {y:.4g}"
        parts.append(
            f'<circle cx="{_x(x, x_range):.1f}" cy="{_y(y, y_range):.1f}" r="2.6" '
            f'style="fill:var(--draw-{role})"><title>{told}</title></circle>'
        )
    left = WIDTH - RIGHT - 230 + place * 95
    parts.append(f'<path d="M{left:g} 11h22" class="line" {look}/>')
    parts.append(f'<text x="{left + 28:g}" y="15" class="tick">{escape(split)}</text>')
    return parts


def _x(value: float, bounds: tuple[float, float]) -> float:
    share = (value - bounds[0]) / (bounds[1] - bounds[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float, bounds: tuple[float, float]) -> float:
    share = (value - bounds[0]) / (bounds[1] - bounds[0])
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
