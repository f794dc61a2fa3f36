"""The order of cells within each layer: as few crossings of edges as sweeps by barycentre find."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.render.drawing.cells import SWEEPS, Grid


def order(grid: Grid) -> None:
    """Bring each layer into the order with the fewest crossings that the sweeps find."""
    for layer in grid.layers:
        _number(grid, layer)
    best, fewest = [list(layer) for layer in grid.layers], _crossings(grid)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        layers = grid.layers if sweep % 2 == 0 else grid.layers[::-1]
        for layer in layers:
            layer.sort(key=lambda cell: _wanted(grid, cell, down=sweep % 2 == 0))
            _number(grid, layer)
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in grid.layers], crossings
    grid.layers = best
    for layer in grid.layers:
        _number(grid, layer)


def _number(grid: Grid, layer: Sequence[int]) -> None:
    for position, cell in enumerate(layer):
        grid.cells[cell].position = position


def _wanted(grid: Grid, number: int, *, down: bool) -> tuple[float, int]:
    cell = grid.cells[number]
    neighbours = cell.above if down else cell.below
    if not neighbours:
        return float(cell.position), number
    total = sum(grid.cells[one].position for one in neighbours)
    return total / len(neighbours), number


def _crossings(grid: Grid) -> int:
    """How often two edges between neighbouring layers cross."""
    total = 0
    for layer in grid.layers[:-1]:
        ends = [
            sorted(grid.cells[one].position for one in grid.cells[cell].below) for cell in layer
        ]
        seen: list[int] = []
        for targets in ends:
            total += sum(1 for target in targets for one in seen if one > target)
            seen.extend(targets)
    return total
