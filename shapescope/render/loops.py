"""Rounds of a loop: the same steps again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LONGEST_ROUND = 48
FEWEST_ROUNDS = 4


def rounds_from(
    looks: Sequence[object],
    start: int,
    *,
    longest: int = LONGEST_ROUND,
    fewest: int = FEWEST_ROUNDS,
    goes_on: Callable[[int, int], bool] = lambda start, length: True,
) -> tuple[int, int]:
    """How long the rounds are that begin here, and how many follow each other; 1 and 1 if none.

    Args:
        looks: what makes two steps the same to a reader, for every step of a level.
        start: the first step of the first round.
        longest: rounds of more steps than these are not looked for.
        fewest: so many rounds at least make a loop.
        goes_on: whether the round of this start and length, which looks like the one before it,
            is of the same loop.
    """
    best = (1, 1)
    for length in range(2, min(longest, len(looks) - start) + 1):
        first = looks[start : start + length]
        times = 1
        while looks[start + times * length : start + (times + 1) * length] == first and goes_on(
            start + times * length, length
        ):
            times += 1
        if times >= fewest and length * times > best[0] * best[1]:
            best = (length, times)
    return best
