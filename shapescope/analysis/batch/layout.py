"""How the batch lies in a tensor: for each axis, the factors it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import NamedTuple


class Factor(NamedTuple):
    """A part of an axis: the batch, or something else, of this many entries."""

    size: int
    is_batch: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis, the slowest factor first.

    Attributes:
        factors: what it is made of.
        varies: for a tensor that does not come from the input, whether its entries differ along
            this axis: a table of positions does, zeros do not.
        size: number of entries.
        has_batch: whether the batch lies along this axis, alone or with others.
        is_batch: whether the axis is the batch and nothing else.
    """

    factors: tuple[Factor, ...]
    varies: bool = True
    size: int = field(init=False, repr=False, compare=False)
    has_batch: bool = field(init=False, repr=False, compare=False)
    is_batch: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        counting = [factor for factor in self.factors if factor.size != 1 or factor.is_batch]
        has_batch = any(factor.is_batch for factor in self.factors)
        object.__setattr__(self, "size", prod([factor.size for factor in self.factors]))
        object.__setattr__(self, "has_batch", has_batch)
        object.__setattr__(self, "is_batch", has_batch and len(counting) == 1)


@dataclass(frozen=True, slots=True)
class Layout:
    """A tensor's axes; `from_input` tells data from constants, `table` names a buffer or param.

    Attributes:
        sizes: the shape.
    """

    axes: tuple[Axis, ...]
    from_input: bool = True
    table: str | None = None
    sizes: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple([axis.size for axis in self.axes]))

    def __hash__(self) -> int:
        # Equal ones are equally long; one is looked up at every step.
        return hash((self.sizes, self.from_input))

    @property
    def batch_axis(self) -> int | None:
        """The axis that is the batch and nothing else."""
        for at, axis in enumerate(self.axes):
            if axis.is_batch:
                return at
        return None

    @property
    def batch_place(self) -> int | None:
        """The axis the batch lies along, alone or with others."""
        for at, axis in enumerate(self.axes):
            if axis.has_batch:
                return at
        return None


@lru_cache(maxsize=4096)
def plain(size: int, *, varies: bool = True) -> Axis:
    """An axis without batch."""
    return Axis((Factor(size),), varies)


@lru_cache(maxsize=4096)
def uniform(size: int) -> Axis:
    """An axis without batch along which all entries are alike."""
    return Axis((Factor(size),), False)


@lru_cache(maxsize=256)
def batch(size: int) -> Axis:
    """An axis that is the batch."""
    return Axis((Factor(size, True),))


def regroup(axes: Sequence[Axis], sizes: Sequence[int]) -> tuple[Axis, ...] | None:
    """The axes of a reshape: factors keep their order and are cut where sizes say so.

    Returns:
        None where a cut falls inside the batch, or in front of it where sizes do not come out.
    """
    waiting = _coalesced(factor for axis in axes for factor in axis.factors)
    varies = any(axis.varies for axis in axes)
    made: list[Axis] = []
    for place, size in enumerate(sizes):
        taken: list[Factor] = []
        room = size
        while waiting and waiting[0].is_batch and waiting[0].size == 1 and room == 1:
            # A batch of one stays where it is, in front of what has room for nothing else.
            taken.append(waiting.pop(0))
        while room > 1 and waiting:
            factor = waiting.pop(0)
            if room % factor.size == 0:
                taken.append(factor)
                room //= factor.size
                continue
            if factor.is_batch or factor.size % room:
                return None
            taken.append(Factor(room))
            waiting.insert(0, Factor(factor.size // room))
            room = 1
        if room > 1:
            return None
        last = place == len(sizes) - 1
        if last:
            taken += waiting
            waiting = []
        made.append(Axis(tuple(taken) or (Factor(1),), varies))
    if waiting and any(factor.size > 1 for factor in waiting):
        return None
    if waiting and made:
        made[-1] = Axis((*made[-1].factors, *waiting), varies)
    return tuple(made)


def _coalesced(factors: Iterable[Factor]) -> list[Factor]:
    """The factors with neighbours that are no batch made one: where they part says nothing."""
    found: list[Factor] = []
    for factor in factors:
        if factor.is_batch:
            found.append(factor)
        elif found and not found[-1].is_batch:
            found[-1] = Factor(found[-1].size * factor.size)
        elif factor.size != 1:
            found.append(factor)
    return found
