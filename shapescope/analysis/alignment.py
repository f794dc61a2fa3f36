"""Which step of one run is which step of another: the pairing that leaves the least to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Pair: TypeAlias = tuple[int | None, int | None]

ALONE = 1.0
"""What a step costs that came or went; a pair that costs more than two of it is none."""
_CELLS = 400_000
"""Pairs that are looked at: in longer runs only those near to one another."""


def align(old: Sequence[T], new: Sequence[T], cost: Callable[[T, T], float]) -> list[Pair]:
    """Pair the steps of two runs in order, so that the costs come to the least.

    Args:
        old: the steps before.
        new: the steps after.
        cost: 0 for a pair that is the same, more for each thing that differs.

    Returns:
        Pairs of places, in order; one of the two is None for a step that came or went.
    """
    shared = min(len(old), len(new))
    head = 0
    while head < shared and cost(old[head], new[head]) == 0:
        head += 1
    tail = 0
    while tail < shared - head and cost(old[-1 - tail], new[-1 - tail]) == 0:
        tail += 1
    inner = _align(old[head : len(old) - tail], new[head : len(new) - tail], cost)
    moved = [(None if i is None else head + i, None if j is None else head + j) for i, j in inner]
    ends = zip(range(len(old) - tail, len(old)), range(len(new) - tail, len(new)), strict=True)
    return [*((place, place) for place in range(head)), *moved, *ends]


def _align(old: Sequence[T], new: Sequence[T], cost: Callable[[T, T], float]) -> list[Pair]:
    """The table of least costs from each pair of places to the end, then the way through it."""
    rows, columns = len(old), len(new)
    far = float("inf")
    width = max(_CELLS // max(rows, columns, 1), abs(rows - columns) + 8)
    best = [[far] * (columns + 1) for _ in range(rows + 1)]
    paired = [[False] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        middle = i * columns // max(rows, 1)
        for j in range(min(columns, middle + width), max(0, middle - width) - 1, -1):
            if i == rows and j == columns:
                best[i][j] = 0.0
                continue
            gone = best[i + 1][j] + ALONE if i < rows else far
            come = best[i][j + 1] + ALONE if j < columns else far
            both = best[i + 1][j + 1] + cost(old[i], new[j]) if i < rows and j < columns else far
            best[i][j] = min(gone, come, both)
            paired[i][j] = both <= min(gone, come)
    return list(_way(best, paired))


def _way(best: list[list[float]], paired: list[list[bool]]) -> Iterator[Pair]:
    i, j = 0, 0
    rows, columns = len(best) - 1, len(best[0]) - 1
    while i < rows or j < columns:
        if paired[i][j]:
            yield i, j
            i, j = i + 1, j + 1
        elif j == columns or (i < rows and best[i + 1][j] <= best[i][j + 1]):
            yield i, None
            i += 1
        else:
            yield None, j
            j += 1


def path_cost(old: str, new: str) -> float:
    """What another module path adds to a pair: little where only the places in a list differ."""
    if old == new:
        return 0.0
    names = [part for part in old.split(".") if not part.isdigit()]
    return 0.05 if names == [part for part in new.split(".") if not part.isdigit()] else 0.3
