"""The cells of a layered layout: nodes, and the lanes of edges that pass them, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field

SWEEPS = 8
"""How often layers are visited, downwards and upwards in turn, by what improves step by step."""


@dataclass(slots=True)
class Cell:
    """A node or a lane within a layer: what it takes of it, and what it is linked to.

    Attributes:
        width: in pixels.
        pull: how much it insists on its place.
        node: the node's number, None for a lane.
        above: cells of the layer before that it is linked to.
        below: cells of the layer behind that it is linked to.
        skew: how far right of its middle the line through it stands.
        x: of that line; of the middle where `skew` is 0.
        position: its place in the order of its layer.
    """

    width: float
    pull: float
    node: int | None
    skew: float = 0.0
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0
    position: int = 0

    @property
    def before(self) -> float:
        """How much of it lies left of `x`."""
        return self.width / 2 + self.skew

    @property
    def behind(self) -> float:
        """How much of it lies right of `x`."""
        return self.width / 2 - self.skew


@dataclass(slots=True)
class Grid:
    """All cells, the layers they stand in by number, and the lanes of each edge."""

    cells: list[Cell] = field(default_factory=list)
    layers: list[list[int]] = field(default_factory=list)
    lanes: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def add(self, layer: int, cell: Cell) -> int:
        """Put a cell at the end of a layer; its number comes back."""
        self.cells.append(cell)
        self.layers[layer].append(len(self.cells) - 1)
        return len(self.cells) - 1

    def link(self, upper: int, lower: int) -> None:
        """Say that an edge goes from one cell to another one a layer below."""
        self.cells[upper].below.append(lower)
        self.cells[lower].above.append(upper)
