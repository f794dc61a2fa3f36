"""Chains of windows: `224 -> 7 in 5 stages`, along one axis."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from typing import TypeAlias

from shapescope.arithmetic.solve import Kind, Window

_Steps: TypeAlias = Callable[[int], list[tuple[int, Window]]]

# stages as people build them, by kind, the common ones first; sizes are filled in later
_STAGES: dict[str, tuple[Window, ...]] = {
    "conv": (
        Window("conv", 0, 0, 3, 2, 1),
        Window("conv", 0, 0, 3, 1, 0),
        Window("conv", 0, 0, 5, 1, 0),
        Window("conv", 0, 0, 5, 2, 2),
        Window("conv", 0, 0, 4, 2, 1),
        Window("conv", 0, 0, 2, 2, 0),
        Window("conv", 0, 0, 7, 2, 3),
        Window("conv", 0, 0, 3, 2, 0),
        Window("conv", 0, 0, 3, 1, 1),
        Window("conv", 0, 0, 7, 1, 0),
        Window("conv", 0, 0, 4, 4, 0),
        Window("conv", 0, 0, 3, 3, 1),
        Window("conv", 0, 0, 7, 4, 3),
        Window("conv", 0, 0, 1, 1, 0),
    ),
    "pool": (
        Window("pool", 0, 0, 2, 2, 0),
        Window("pool", 0, 0, 3, 2, 1),
        Window("pool", 0, 0, 3, 2, 0),
        Window("pool", 0, 0, 3, 3, 0),
        Window("pool", 0, 0, 4, 4, 0),
        Window("pool", 0, 0, 2, 1, 0),
    ),
    "transposed": (
        Window("transposed", 0, 0, 4, 2, 1),
        Window("transposed", 0, 0, 2, 2, 0),
        Window("transposed", 0, 0, 3, 2, 1, output_padding=1),
        Window("transposed", 0, 0, 4, 1, 0),
        Window("transposed", 0, 0, 5, 2, 2, output_padding=1),
        Window("transposed", 0, 0, 3, 2, 1),
        Window("transposed", 0, 0, 3, 1, 0),
        Window("transposed", 0, 0, 3, 1, 1),
        Window("transposed", 0, 0, 4, 4, 0),
        Window("transposed", 0, 0, 7, 1, 0),
    ),
}
# a stage of another make than the one before costs as much as a far less common stage
_CHANGE = 20


def solve_chain(
    n: int, out: int, stages: int, *, kinds: Sequence[Kind] | None = None, limit: int = 20
) -> list[tuple[Window, ...]]:
    """Chains of common windows that turn `n` into `out`, the plainest first.

    A chain of equal stages comes before one that changes, and common stages before rare ones.

    Args:
        n: Input size.
        out: Output size.
        stages: Number of windows.
        kinds: Kinds of windows to use; by default convolutions and pools to shrink or keep a map,
            transposed convolutions to enlarge it.
        limit: Number of chains at most.

    Returns:
        The chains, each window with its sizes and accepted by PyTorch; empty where there is none.

    Raises:
        ValueError: A size or the number of stages is smaller than 1.
    """
    for name, value in (("input", n), ("output", out), ("stages", stages)):
        if value < 1:
            raise ValueError(f"{name} is {value}, but has to be at least 1")
    usual: Sequence[Kind] = ("transposed",) if out > n else ("conv", "pool")
    palette = [(cost, stage) for kind in kinds or usual for cost, stage in enumerate(_STAGES[kind])]

    @cache
    def steps(size: int) -> list[tuple[int, Window]]:
        applied = [(cost, stage.applied(size)) for cost, stage in palette]
        return [step for step in applied if step[1].out >= 1 and step[1].refusal() is None]

    remaining = _remaining_cost(n, out, stages, steps)
    if n not in remaining[stages]:
        return []
    # A*: the cheapest completion is known exactly but for the changes, so no dead end is opened
    order = count()
    queue: list[tuple[int, int, int, tuple[Window, ...]]] = [
        (remaining[stages][n], next(order), 0, ())
    ]
    chains: list[tuple[Window, ...]] = []
    while queue and len(chains) < limit:
        _, _, spent, chain = heapq.heappop(queue)
        if len(chain) == stages:
            chains.append(chain)
            continue
        ahead = remaining[stages - len(chain) - 1]
        for cost, window in steps(chain[-1].out if chain else n):
            if window.out in ahead:
                total = spent + cost + _change(chain, window)
                entry = (total + ahead[window.out], next(order), total, (*chain, window))
                heapq.heappush(queue, entry)
    return chains


def _change(chain: tuple[Window, ...], window: Window) -> int:
    """Cost of a stage that repeats neither the one before nor, as conv and pool in turn, that."""
    if not chain:
        return 0
    make = window.applied(1)
    return 0 if any(make == stage.applied(1) for stage in chain[-2:]) else _CHANGE


def _remaining_cost(n: int, out: int, stages: int, steps: _Steps) -> list[dict[int, int]]:
    """For 0, 1, ... stages to go: the sizes from which `out` can be reached, and at what cost."""
    reached = [{n}]
    for _ in range(stages):
        reached.append({window.out for size in reached[-1] for _, window in steps(size)})
    remaining = [{out: 0} if out in reached[stages] else {}]
    for done in range(stages - 1, -1, -1):
        ahead = remaining[-1]
        costs: dict[int, int] = {}
        for size in reached[done]:
            options = [c + ahead[w.out] for c, w in steps(size) if w.out in ahead]
            if options:
                costs[size] = min(options)
        remaining.append(costs)
    return remaining
