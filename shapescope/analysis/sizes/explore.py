"""Every way through the model: passes at sizes that go a way not seen yet, until none is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shapescope.analysis.sizes.regions import region_of
from shapescope.analysis.sizes.witness import GRID, find
from shapescope.arithmetic.expressions import Condition, negation
from shapescope.valid_sizes import Passage

Run = Callable[[Mapping[str, int]], Passage]

MOST_PASSAGES = 160
MOST_SECONDS = 40.0
"""Of the processor's time: what is answered does not depend on what else the machine does."""


@dataclass(frozen=True)
class Exploration:
    """All ways that were found.

    Attributes:
        passages: one for each way, in the order they were found.
        open: why other sizes may behave otherwise; empty where every size goes one of the ways.
        known_to: up to where every way is known, None for all sizes.
    """

    passages: tuple[Passage, ...]
    open: tuple[str, ...] = ()
    known_to: int | None = None

    @property
    def fitting(self) -> tuple[Passage, ...]:
        """The ways on which the model runs and keeps the batch."""
        return tuple(passage for passage in self.passages if passage.fits)


@dataclass
class _Node:
    """A question on the way, and where each answer leads."""

    question: Condition | None = None
    is_limit: bool = False
    children: dict[bool, _Node] = field(default_factory=dict)
    closed: set[bool] = field(default_factory=set)
    done: bool = False


def explore(
    run: Run,
    axes: Sequence[str],
    start: Mapping[str, int],
    unless: Callable[[Passage], bool] = lambda passage: False,
) -> Exploration:
    """Run the model at `start` and then wherever it has not been, until all ways are known.

    Args:
        run: one pass at given sizes.
        axes: the names of the free axes.
        start: where to begin; other sizes are chosen near it.
        unless: stops the exploration at a passage of which this is true.
    """
    root = _Node()
    passages: list[Passage] = []
    reasons: list[str] = []
    known_to: int | None = None
    began = time.process_time()
    sizes: Mapping[str, int] | None = start
    while sizes is not None:
        passage = run(sizes)
        passages.append(passage)
        if unless(passage):
            break
        clash = _insert(root, passage)
        if clash:
            reasons.append(clash)
            break
        reasons.extend(doubt for doubt in passage.doubts if doubt not in reasons)
        if passage.pinned:
            reasons.append("the forward makes plain numbers of sizes")
        if reasons and any(one.fits for one in passages):
            break
        if len(passages) >= MOST_PASSAGES or time.process_time() - began > MOST_SECONDS:
            reasons.append("there are too many ways through the model")
            break
        sizes = None
        for node, answer, conditions in _open_branches(root):
            search = find(region_of(conditions, axes), start)
            if search.sizes is not None:
                sizes = search.sizes
                break
            node.closed.add(answer)
            if not search.proven:
                known_to = GRID
    return Exploration(tuple(passages), tuple(dict.fromkeys(reasons)), known_to)


def _insert(root: _Node, passage: Passage) -> str:
    node = root
    for decision in passage.decisions:
        if node.question is None:
            node.question = decision.condition
        if decision.condition == node.question:
            answer = True
        elif negation(decision.condition) == node.question:
            answer = False
        else:
            return "the model asks different questions at the same sizes"
        if decision.is_limit:
            # the other answer is known to fail
            node.closed.add(not answer)
        node = node.children.setdefault(answer, _Node())
    node.done = True
    return ""


def _open_branches(root: _Node) -> Iterator[tuple[_Node, bool, list[Condition]]]:
    """Answers not followed yet, with the conditions that lead there: the latest questions first."""
    stack: list[tuple[_Node, list[Condition]]] = [(root, [])]
    found: list[tuple[_Node, bool, list[Condition]]] = []
    while stack:
        node, conditions = stack.pop()
        if node.question is None:
            continue
        for answer in (True, False):
            condition = node.question if answer else negation(node.question)
            here = [*conditions, condition]
            if answer in node.children:
                stack.append((node.children[answer], here))
            elif answer not in node.closed:
                found.append((node, answer, here))
    # what failed late came far: its last question is the one to turn around
    found.sort(key=lambda item: -len(item[2]))
    yield from found
