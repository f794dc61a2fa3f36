"""The pairing of steps: least cost, in order, every step once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shapescope.analysis.alignment import Pair, align, path_cost


def letters(old: str, new: str) -> float:
    if old == new:
        return 0.0
    return 0.5 if old.lower() == new.lower() else float("inf")


def test_what_is_alike_is_paired_and_the_rest_came_or_went() -> None:
    assert align("abc", "abc", letters) == [(0, 0), (1, 1), (2, 2)]
    assert align("ac", "abc", letters) == [(0, 0), (None, 1), (1, 2)]
    assert align("abc", "ac", letters) == [(0, 0), (1, None), (2, 1)]
    assert align("abc", "aBc", letters) == [(0, 0), (1, 1), (2, 2)]
    assert align("", "a", letters) == [(None, 0)]
    assert align("", "", letters) == []


def test_one_more_of_the_same_moves_the_rest() -> None:
    # Pairing by place would make five changes of it.
    pairs = align("AbAbAb", "AbAbbAb", letters)
    assert [j for i, j in pairs if i is None] == [4]


@given(st.text("abAB", max_size=9), st.text("abAB", max_size=9))
def test_each_step_is_there_once_and_in_order(old: str, new: str) -> None:
    pairs = align(old, new, letters)
    assert [i for i, _ in pairs if i is not None] == list(range(len(old)))
    assert [j for _, j in pairs if j is not None] == list(range(len(new)))
    assert all(letters(old[i], new[j]) < 2 for i, j in pairs if i is not None and j is not None)
    assert _total(pairs, old, new) <= len(old) + len(new)
    assert _total(pairs, old, new) == _total(align(new, old, letters), new, old)


def _total(pairs: list[Pair], old: str, new: str) -> float:
    return sum(1.0 if i is None or j is None else letters(old[i], new[j]) for i, j in pairs)


def test_long_runs_are_paired_near_to_one_another() -> None:
    old = [str(number % 50) for number in range(1500)]
    new = ["x", *old[:700], "y", "z", *old[700:], "w"]
    pairs = align(old, new, lambda a, b: 0.0 if a == b else 3.0)
    assert [new[j] for i, j in pairs if i is None and j is not None] == ["x", "y", "z", "w"]


def test_another_place_in_a_list_is_nearly_the_same_path() -> None:
    assert path_cost("features.3", "features.3") == 0
    assert 0 < path_cost("features.3", "features.4") < path_cost("conv1", "conv2")
