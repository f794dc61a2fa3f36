"""Which networks have the form of a U, and the bars that stand for their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from shapescope.render.drawing.ranks import spatial_rank
from shapescope.render.drawing.units import Unit, UnitGraph
from shapescope.trace import Shape

FEWEST_SKIPS = 2


@dataclass(slots=True)
class Bar:
    """One tensor. `copied` channels of it come across from the other arm."""

    unit: Unit | None
    shape: Shape
    level: int
    moves: Unit | None = None
    copied_from: int | None = None
    copied: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def channels(self) -> int:
        """Of the whole tensor."""
        size = self.shape[1]
        return size if isinstance(size, int) else 1

    @property
    def thickness(self) -> float:
        """Grows with the channels."""
        return min(max(1.05 * sqrt(self.channels), 4.0), 40.0)


def bars_of(graph: UnitGraph) -> tuple[Bar, ...] | None:
    """The bars in order of execution; None where the model has not the form of a U."""
    trace = graph.trace
    if len(trace.inputs) != 1 or trace.failure is not None or len(graph.units) < 7:
        return None
    rank = max((spatial_rank(step) for unit in graph.units for step in unit.steps), default=0)
    shape = trace.inputs[0].shape
    if not rank or len(shape) != rank + 2:
        return None
    bars = [Bar(None, shape, 0)]
    of_unit: dict[int, int] = {-1: 0}
    pending: Unit | None = None
    for unit in graph.units:
        bar = _bar(unit, bars, of_unit, pending)
        if bar is None:
            return None
        if _is_held(graph, unit):
            pending = unit
            of_unit[unit.number] = -2
            continue
        bars.append(bar)
        of_unit[unit.number] = len(bars) - 1
        pending = None
    return tuple(bars) if pending is None and _is_u(bars) else None


def _is_held(graph: UnitGraph, unit: Unit) -> bool:
    """Whether the unit only brings its tensor up to the one that is copied across."""
    if unit.kind != "resize" or unit.number + 1 >= len(graph.units):
        return False
    following = graph.units[unit.number + 1]
    return following.kind == "merge" and unit.number in following.sources


def _bar(
    unit: Unit, bars: Sequence[Bar], of_unit: dict[int, int], pending: Unit | None
) -> Bar | None:
    """The bar of a unit that goes on from the last one; None where it comes from elsewhere."""
    shape = unit.shape
    whole = bars[0].shape
    if len(shape) != len(whole) or not all(isinstance(size, int) for size in shape):
        return None
    level = _level(whole, shape)
    if level is None:
        return None
    last = pending.number if pending is not None else None
    places = [-2 if source == last else of_unit.get(source, -3) for source in unit.sources]
    if pending is None:
        straight = places == [len(bars) - 1]
        return Bar(unit, shape, level, moves=unit) if straight else None
    across = [place for place in places if place >= 0]
    if unit.kind != "merge" or len(across) != 1 or len(places) != 2:
        return None
    origin = bars[across[0]]
    if origin.level != level:
        return None
    copied = origin.channels if unit.head == "concat" else 0
    return Bar(unit, shape, level, pending, across[0], copied)


def _level(whole: Shape, shape: Shape) -> int | None:
    """How often the side was halved; None where it is no halving, not even a rounded one."""
    side, full = shape[-1], whole[-1]
    if not isinstance(side, int) or not isinstance(full, int) or side < 1:
        return None
    level = 0
    while full > side * 1.45:
        full = -(-full // 2)
        level += 1
    return level if side <= full * 1.1 else None


def _is_u(bars: Sequence[Bar]) -> bool:
    levels = [bar.level for bar in bars]
    turn = levels.index(max(levels))
    down = all(0 <= two - one <= 1 for one, two in pairwise(levels[: turn + 1]))
    rest = levels[turn:]
    up = all(0 <= one - two <= 1 for one, two in pairwise(rest))
    skips = sum(bar.copied_from is not None for bar in bars)
    return down and up and skips >= FEWEST_SKIPS and max(levels) >= FEWEST_SKIPS
