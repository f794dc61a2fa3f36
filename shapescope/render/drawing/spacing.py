"""Places along each layer: near the neighbours above and below, the longest way straight.

Weighted least squares with least distances between cells is an isotonic regression, once the
distances are taken off; pooling adjacent violators solves it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.render.drawing.cells import SWEEPS, Cell, Grid


def space(grid: Grid, apart: float) -> None:
    """Give each cell its middle `x`; cells of a layer keep their order and their distances."""
    spine = _spine(grid)
    for layer in grid.layers:
        x = 0.0
        for number in layer:
            cell = grid.cells[number]
            cell.x = x + cell.before
            x += cell.width + apart
        middle = next((grid.cells[one].x for one in layer if one in spine), x / 2)
        for number in layer:
            grid.cells[number].x -= middle
    for sweep in range(SWEEPS * 2):
        layers = grid.layers if sweep % 2 == 0 else grid.layers[::-1]
        for layer in layers:
            _settle(grid, layer, spine, apart, both=sweep >= SWEEPS, down=sweep % 2 == 0)
        if sweep >= SWEEPS:
            _straighten(grid)


def _spine(grid: Grid) -> set[int]:
    """Cells that alone in their layer are on a longest way from top to bottom.

    They stand exactly below each other; branches of equal length stand around their line.
    """
    down: dict[int, int] = {}
    for layer in grid.layers:
        for number in layer:
            cell = grid.cells[number]
            best = max((down[one] for one in cell.above), default=0)
            down[number] = best + (cell.node is not None)
    up: dict[int, int] = {}
    for layer in reversed(grid.layers):
        for number in layer:
            best = max((up[one] for one in grid.cells[number].below), default=0)
            up[number] = best + (grid.cells[number].node is not None)
    longest = max(down.values(), default=0)
    spine: set[int] = set()
    for layer in grid.layers:
        found = [
            number
            for number in layer
            if grid.cells[number].node is not None and down[number] + up[number] - 1 == longest
        ]
        if len(found) == 1:
            spine.add(found[0])
    return spine


def _straighten(grid: Grid) -> None:
    """Give all lanes of an edge the place of the one that stands farthest out."""
    for lanes in grid.lanes.values():
        if len(lanes) < 2:
            continue
        places = [grid.cells[one].x for one in lanes]
        far = max(places) if sum(places) >= 0 else min(places)
        for one in lanes:
            grid.cells[one].x = far


def _settle(
    grid: Grid, layer: Sequence[int], spine: set[int], apart: float, *, both: bool, down: bool
) -> None:
    """Move the cells of one layer to where their neighbours want them, the order kept."""
    goals, weights, offsets = [], [], []
    offset = 0.0
    for place, number in enumerate(layer):
        cell = grid.cells[number]
        if place:
            before = grid.cells[layer[place - 1]]
            offset += before.behind + cell.before + _between(before, cell, apart)
        neighbours = [*cell.above, *cell.below] if both else cell.above if down else cell.below
        total = weight = 0.0
        for other in neighbours:
            # Between two lanes a straight line matters most.
            force = 8.0 if cell.node is None and grid.cells[other].node is None else 1.0
            total += force * grid.cells[other].x
            weight += force
        goal = total / weight if weight else cell.x
        if number in spine:
            goals.append(-offset)
            weights.append(1e5)
        else:
            if both and cell.node is None:
                goal = cell.x
            goals.append(goal - offset)
            weights.append(cell.pull * max(len(neighbours), 1))
        offsets.append(offset)
    for number, start, offset in zip(layer, _monotone(goals, weights), offsets, strict=True):
        grid.cells[number].x = start + offset


def _between(one: Cell, other: Cell, apart: float) -> float:
    """The distance of two cells: lanes may touch."""
    return 0.0 if one.node is None and other.node is None else apart


def _monotone(goals: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nondecreasing values nearest to the goals, by weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for goal, weight in zip(goals, weights, strict=True):
        value, total, count = goal, weight, 1
        while blocks and blocks[-1][0] > value:
            other, mass, size = blocks.pop()
            value = (other * mass + value * total) / (mass + total)
            total, count = total + mass, count + size
        blocks.append((value, total, count))
    return [value for value, _, count in blocks for _ in range(count)]
