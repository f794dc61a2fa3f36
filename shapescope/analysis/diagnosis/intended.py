"""What a view was meant to do, told from the sizes in front of it and behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod


def intended_swap(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view asks for the very sizes there are, in another order.

    `(b, t, h, d)` viewed as `(b, h, t, d)` means a transpose. Axes of 1 may go anywhere.
    """
    moved = [size for size in sizes if size > 1]
    if len(sizes) != len(made) or len(moved) < 3 or sizes[0] != made[0] or 0 in sizes:
        return None
    if sorted(sizes) != sorted(made) or len(set(sizes)) != len(sizes):
        return None
    order = tuple(sizes.index(size) for size in made)
    kept = [size for size in made if size > 1]
    return None if kept == moved else order


def intended_order(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes that a view seems to mean; None where it keeps or merges what lies so.

    A view is judged behind the axes that it keeps at the front. It is wrong where it cuts an axis
    at a place that does not come out even, while an axis of that very size stands elsewhere.
    """
    front = 0
    while front < min(len(sizes), len(made)) - 1 and sizes[front] == made[front]:
        front += 1
    old, new = sizes[front:], made[front:]
    if len([size for size in old if size > 1]) < 2 or prod(old) != prod(new) or prod(old) == 0:
        return None
    if front == 0 or _comes_out(old, new):
        return None
    for kept in old:
        if kept == 1 or new.count(kept) != 1 or old.count(kept) != 1:
            continue
        order = _ordered(old, new, {kept})
        if order is not None and order != tuple(range(len(old))):
            return (*range(front), *(front + axis for axis in order))
    both = {size for size in old if size > 1 and new.count(size) == old.count(size) == 1}
    order = _ordered(old, new, both) if len(both) > 1 else None
    if order is not None and order != tuple(range(len(old))):
        return (*range(front), *(front + axis for axis in order))
    return None


def intended_fold(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view folds an axis into the first one across others it keeps.

    `(b, c, t, h, w)` viewed as `(b * t, c, h, w)` means frames as samples, and cuts the channels.

    Returns:
        The permutation in front of the view; None where it merges what lies side by side.
    """
    if len(made) >= len(sizes) or len(sizes) < 3 or len(made) < 2:
        return None
    if made[0] == sizes[0] * sizes[1] and _merges(sizes[2:], made[1:]):
        return None
    for place in range(2, len(sizes)):
        rest = tuple(axis for axis in range(1, len(sizes)) if axis != place)
        kept = tuple(sizes[axis] for axis in rest)
        if made[0] == sizes[0] * sizes[place] and _merges(kept, made[1:]) and made[1] == kept[0]:
            crossed = prod(sizes[1:place])
            return (0, place, *rest) if crossed > 1 and sizes[place] > 1 else None
    return None


def _merges(sizes: Sequence[int], made: Sequence[int]) -> bool:
    """Whether axes that lie side by side are merged, or left alone, and nothing else."""
    waiting = list(sizes)
    for size in made:
        room = 1
        while waiting and (room < size or waiting[0] == 1):
            room *= waiting.pop(0)
        if room != size:
            return False
    return not waiting


def intended_turn(sizes: tuple[int, ...], made: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes where a view puts the channels to the other end of a map.

    `(b, h * w, c)` viewed as `(b, c, h, w)`, or that as `(b, h * w, c)`, means them moved.

    Returns:
        The permutation in front of the view; None where no axis changes ends, or it is in doubt
        which one does.
    """
    if len(sizes) < 3 or len(made) < 3 or sizes[0] != made[0]:
        return None
    old, new = sizes[1:], made[1:]
    if prod(old) != prod(new) or 0 in old or _splits_or_merges(old, new):
        return None
    places = tuple(range(1, len(sizes)))
    to_front = new[0] == old[-1] and prod(new[1:]) == prod(old[:-1]) != old[-1]
    to_end = new[-1] == old[0] and prod(new[:-1]) == prod(old[1:]) != old[0]
    if old[0] in (1, new[0]) or old[-1] == 1:
        return None
    if to_front and to_end:
        # On a square map the sides fit as well: the one that moved is the one like no other.
        to_front = old.count(old[-1]) == 1
        to_end = not to_front and old.count(old[0]) == 1
    if to_front and len(old) == 3 and len(new) == 2 and old[1] == old[2]:
        return (0, 2, 1, 3)  # the rows of a square picture: they come before the columns
    if to_front:
        return (0, places[-1], *places[:-1])
    return (0, *places[1:], places[0]) if to_end else None


def intended_split(
    sizes: tuple[int, ...], made: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Sizes and axes where a view means to split an axis around another one that it keeps.

    `(b, t, c)` viewed as `(b, h, t, c/h)` splits the time; `(b, t, h, c/h)` would split `c`, and
    its axes then have to be moved.

    Returns:
        The sizes in the order in which the values lie, and the permutation that gives the sizes
        asked for.
    """
    front = 0
    while front < min(len(sizes), len(made)) - 1 and sizes[front] == made[front]:
        front += 1
    old, new = sizes[front:], made[front:]
    if front == 0 or len(old) != 2 or len(new) != 3 or prod(old) != prod(new) or old[0] == 1:
        return None
    kept, split = old
    if new[1] != kept or new[0] * new[2] != split or kept in (new[0], new[2]) or new[0] == 1:
        return None
    rank = len(made)
    straight = (*made[:front], kept, new[0], new[2])
    return straight, (*range(front), front + 1, front, *range(front + 2, rank))


def _splits_or_merges(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether every axis is as it was, or split into several, or merged from several."""
    left, right = [size for size in old if size > 1], [size for size in new if size > 1]
    while left and right:
        a, b, merged, split = left.pop(0), right.pop(0), False, False
        while a != b:
            if a < b:
                a, merged = a * left.pop(0), True
            else:
                b, split = b * right.pop(0), True
        if merged and split:
            return False
    return not left and not right


def _comes_out(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether the cuts of a view fall on borders of axes, or divide one evenly."""
    waiting = [size for size in old if size != 1]
    for size in new:
        room = size
        while room > 1:
            first = waiting.pop(0)
            if room % first == 0:
                room //= first
            elif first % room == 0:
                waiting.insert(0, first // room)
                room = 1
            else:
                return False
    return True


def _ordered(
    old: Sequence[int], new: Sequence[int], kept: Collection[int]
) -> tuple[int, ...] | None:
    """The axes of `old` in the order in which `new` merges them, those of `kept` sizes whole."""
    order: list[int] = []
    waiting = [axis for axis, size in enumerate(old) if size not in kept]
    for size in new:
        if size in kept:
            order.append(list(old).index(size))
            continue
        room = size
        while room > 1:
            if not waiting or room % old[waiting[0]]:
                return None
            room //= old[waiting[0]]
            order.append(waiting.pop(0))
    order += waiting
    return tuple(order) if len(order) == len(old) else None
