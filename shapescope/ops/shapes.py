"""Arithmetic of whole shapes: broadcasting, reshaping, axes counted from the back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, cast

from shapescope.attrs import CallAttrs
from shapescope.trace import Step

Ints = tuple[int, ...]


def shape(step: Step, position: int = 0) -> Ints:
    """The shape of an input, of which the rules know that it holds ints."""
    return cast(Ints, step.inputs[position].shape)


def shapes(step: Step) -> tuple[Ints, ...]:
    """The shapes of all inputs."""
    return tuple(cast(Ints, spec.shape) for spec in step.inputs)


def argument(step: Step, name: str, default: Any = None) -> Any:
    """A plain argument of the call, or the default where it was left out."""
    attrs = step.attrs
    if isinstance(attrs, CallAttrs):
        for given, value in attrs.arguments:
            if given == name:
                return value
    return default


def text(sizes: Iterable[int | str]) -> str:
    """`1 x 6 x 28 x 28`; `scalar` where there are no axes."""
    return " x ".join(map(str, sizes)) or "scalar"


def axis(number: int, rank: int) -> int | None:
    """An axis counted from the front, or None where the tensor has no such axis.

    A tensor without axes takes 0 and -1, as torch does.
    """
    bound = max(rank, 1)
    return number % bound if -bound <= number < bound else None


def axes(given: Any, rank: int) -> Ints | None:
    """Axes from an int, a tuple or None (all of them), or None where one does not exist."""
    if given is None:
        return tuple(range(rank))
    numbers = given if isinstance(given, tuple) else (given,)
    found = [axis(number, rank) for number in numbers if isinstance(number, int)]
    if len(found) != len(numbers) or None in found:
        return None
    return tuple(number for number in found if number is not None)


def broadcast(*given: Sequence[int]) -> Ints | None:
    """The shape to which all of these broadcast, or None where they do not."""
    rank = max(map(len, given), default=0)
    result = [1] * rank
    for sizes in given:
        for position, size in enumerate(sizes, rank - len(sizes)):
            if size == 1:
                continue
            if result[position] not in (1, size):
                return None
            result[position] = size
    return tuple(result)


def broadcast_refusal(*given: Sequence[int]) -> str | None:
    """Why these shapes do not broadcast, or None."""
    if broadcast(*given) is not None:
        return None
    rank = max(map(len, given))
    padded = [(1,) * (rank - len(sizes)) + tuple(sizes) for sizes in given]
    clashes = []
    for position in range(rank):
        sizes = sorted({row[position] for row in padded} - {1})
        if len(sizes) > 1:
            clashes.append(f"axis {position - rank}: " + " != ".join(map(str, sizes)))
    return f"{' and '.join(map(text, given))} do not broadcast ({'; '.join(clashes)})"


def reshaped(sizes: Sequence[int], target: Sequence[int]) -> Ints | str:
    """The shape that `reshape(target)` gives, its -1 filled in, or why it gives none."""
    total = prod(sizes)
    wanted = tuple(target)
    if wanted.count(-1) > 1:
        return f"only one size can be -1, not {wanted.count(-1)} of {text(wanted)}"
    bad = next((size for size in wanted if size < -1), None)
    if bad is not None:
        return f"{bad} is no size"
    known = prod(size for size in wanted if size != -1)
    if -1 not in wanted:
        if known == total:
            return wanted
        return f"{text(sizes)} is {total} values, but {text(wanted)} is {known}"
    if known == 0:
        return f"-1 stands for any size in {text(wanted)}, since another one is 0"
    if total % known:
        return f"{text(sizes)} is {total} values, which {known} does not divide"
    return tuple(total // known if size == -1 else size for size in wanted)


def without(sizes: Sequence[int], dropped: Iterable[int]) -> Ints:
    """The shape without these axes."""
    gone = set(dropped)
    return tuple(size for position, size in enumerate(sizes) if position not in gone)


def replaced(sizes: Sequence[int], position: int, *new: int) -> Ints:
    """The shape with one axis replaced by any number of others."""
    return (*sizes[:position], *new, *sizes[position + 1 :])
