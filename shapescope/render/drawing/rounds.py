"""Long levels of a figure made short: rounds of a loop are folded, runs of small steps closed.

A detector computes on its boxes with dozens of steps that have no parameters, a recurrent model
runs the same modules round after round: drawn one by one they hide the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from shapescope.render.drawing.folding import Item, class_of
from shapescope.render.loops import rounds_from

LONGEST_ROUND = 16
"""Rounds of more items than these are not looked for."""
FEWEST_ROUNDS = 3
SHORTEST_RUN = 4
_ALWAYS_DRAWN = frozenset(("conv", "attention", "recurrent"))


def condense(root: Item, alias: list[int], limit: int, failed: int | None) -> None:
    """Make every level of more than `limit` items shorter, where it repeats or has small steps.

    Args:
        root: the tree, its repeated modules folded.
        alias: for each unit the one that is drawn for it; rounds that are left out are entered.
        limit: levels of so many items stay as they are.
        failed: the step where the model failed; it stays in sight.
    """
    stack = [root]
    while stack:
        level = stack.pop()
        if len(level.children) > limit:
            level.children = _rounds(_runs(level.children, failed), alias)
        stack.extend(child for child in level.children if child.unit is None and not child.sealed)


# --- runs


def _runs(children: Sequence[Item], failed: int | None) -> list[Item]:
    """The items, each run of small ones as one that stays closed."""
    shown: list[Item] = []
    run: list[Item] = []
    for child in [*children, None]:
        if child is not None and _is_small(child, failed):
            run.append(child)
            continue
        shown.extend(run if len(run) < SHORTEST_RUN else [Item(None, None, run, sealed=True)])
        run = []
        if child is not None:
            shown.append(child)
    return shown


def _is_small(item: Item, failed: int | None) -> bool:
    return item.times == 1 and all(
        unit.kind not in _ALWAYS_DRAWN
        and not any(step.params or step.index == failed for step in unit.steps)
        for unit in item.units()
    )


# --- rounds


def _rounds(children: Sequence[Item], alias: list[int]) -> list[Item]:
    """The items, those that come round after round as one module with a count."""
    looks = [_look(child) for child in children]
    shown: list[Item] = []
    start = 0
    while start < len(children):
        length, times = rounds_from(
            looks,
            start,
            longest=LONGEST_ROUND,
            fewest=FEWEST_ROUNDS,
            goes_on=partial(_goes_on, children),
        )
        if times < FEWEST_ROUNDS:
            shown.append(children[start])
            start += 1
            continue
        first = list(children[start : start + length])
        for offset in range(length, length * times, length):
            later = children[start + offset : start + offset + length]
            for one, other in zip(first, later, strict=True):
                _redirect(one, other, alias)
        shown.append(Item(None, None, first, times))
        start += length * times
    return shown


def _goes_on(children: Sequence[Item], start: int, length: int) -> bool:
    """Whether an item of the round that starts here rests on the same one of the round before."""
    for place in range(start - length, start):
        made = set(_numbers(children[place]))
        for child in children[place + 1 : place + length + 1]:
            fed = any(source in made for unit in child.units() for source in unit.sources)
            if fed and child is children[place + length]:
                return True
            made.update(_numbers(child) if fed else ())
    return False


def _look(item: Item) -> object:
    """What makes two items the same to a reader."""
    if item.unit is not None:
        return item.unit.parts, item.shape
    if item.sealed:
        return "steps", item.shape
    return class_of(item), item.times, item.shape, len(item.children)


def _redirect(one: Item, other: Item, alias: list[int]) -> None:
    """Let the units of a round that is left out be drawn as those of the round that is shown."""
    drawn = [alias[number] for number in _numbers(one)]
    for place, number in enumerate(_numbers(other)):
        alias[number] = drawn[min(place, len(drawn) - 1)]
    for number, target in enumerate(alias):
        alias[number] = alias[target]


def _numbers(item: Item) -> Iterator[int]:
    return (unit.number for unit in item.units())
