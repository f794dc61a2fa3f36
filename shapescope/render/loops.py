"""Rounds of a loop: the same steps again and again."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_ROUND = 48
"""Rounds of more steps than these are not looked for."""
FEWEST_ROUNDS = 4


def rounds_from(looks: Sequence[object], start: int) -> tuple[int, int]:
    """How long the rounds are that begin here, and how many follow each other; 1 and 1 if none.

    Args:
        looks: what makes two steps the same to a reader, for every step of a level.
        start: the first step of the first round.
    """
    best = (1, 1)
    for length in range(2, LONGEST_ROUND + 1):
        first = looks[start : start + length]
        times = 1
        while looks[start + times * length : start + (times + 1) * length] == first:
            times += 1
        if times >= FEWEST_ROUNDS and length * times > best[0] * best[1]:
            best = (length, times)
    return best
