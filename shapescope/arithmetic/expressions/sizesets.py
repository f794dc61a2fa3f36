"""Sets of sizes of one axis that end or repeat: `{1, 6, 14, 22, ...}` without end, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import lcm

from shapescope.arithmetic.expressions.conditions import Condition
from shapescope.arithmetic.expressions.growth import horizon

Range = tuple[int, int | None, int]
"""First size, last size (None without end), step; both ends belong to it."""

UNPROVEN_TO = 2048
"""How far a condition is looked at where nothing shows how it goes on."""


@dataclass(frozen=True, slots=True)
class SizeSet:
    """Sizes from 1 on: explicit up to `settles + period`, then repeating with `period`.

    Bit n - 1 of `bits` tells of size n. `known_to` is the last size the set speaks of, None where
    it speaks of all.
    """

    settles: int
    period: int
    bits: int
    known_to: int | None = None

    def __contains__(self, size: int) -> bool:
        if size > self.settles + self.period:
            size = (size - self.settles - 1) % self.period + self.settles + 1
        return size >= 1 and bool(self.bits >> (size - 1) & 1)

    def __and__(self, other: SizeSet) -> SizeSet:
        return _joined(self, other, lambda a, b: a & b)

    def __or__(self, other: SizeSet) -> SizeSet:
        return _joined(self, other, lambda a, b: a | b)

    def __invert__(self) -> SizeSet:
        full = (1 << self.settles + self.period) - 1
        return SizeSet(self.settles, self.period, full & ~self.bits, self.known_to)

    def same_as(self, other: SizeSet) -> bool:
        """Whether both hold the same sizes, as far as both speak."""
        return _joined(self, other, lambda a, b: a ^ b).bits == 0

    @property
    def is_empty(self) -> bool:
        """Whether no size is in it."""
        return self.bits == 0

    @property
    def is_full(self) -> bool:
        """Whether every size is in it."""
        return (~self).is_empty

    @property
    def is_finite(self) -> bool:
        """Whether it ends."""
        return not self.bits >> self.settles

    def first(self) -> int | None:
        """The smallest size."""
        return (self.bits & -self.bits).bit_length() or None

    def up_to(self, last: int) -> Iterator[int]:
        """Its sizes up to `last`, in order."""
        return (size for size in range(1, last + 1) if size in self)

    def ranges(self) -> tuple[Range, ...]:
        """The set as ranges, few and in order."""
        return _ranges(_shortest(self))


def everything() -> SizeSet:
    """All sizes."""
    return SizeSet(0, 1, 1)


def nothing() -> SizeSet:
    """No size."""
    return SizeSet(0, 1, 0)


def of_sizes(sizes: Iterable[int], known_to: int | None = None) -> SizeSet:
    """Exactly these sizes, of which nothing is said beyond `known_to`."""
    bits = 0
    for size in sizes:
        bits |= 1 << (size - 1)
    return SizeSet(bits.bit_length(), 1, bits, known_to)


@lru_cache(1 << 12)
def where(condition: Condition, axis: str) -> SizeSet:
    """The sizes of `axis` for which a condition on it alone holds."""
    found = horizon(condition)
    last = UNPROVEN_TO if found is None else found.last
    bits = 0
    for size in range(1, last + 1):
        if condition.evaluate({axis: size}):
            bits |= 1 << (size - 1)
    if found is None:
        return SizeSet(last - 1, 1, bits, last)
    return _shortest(SizeSet(found.settles, found.period, bits))


def _joined(a: SizeSet, b: SizeSet, combine: Callable[[int, int], int]) -> SizeSet:
    settles, period = max(a.settles, b.settles), lcm(a.period, b.period)
    ends = [known for known in (a.known_to, b.known_to) if known is not None]
    known_to = min(ends) if ends else None
    if known_to is not None:
        settles, period = min(settles, known_to), 1
        settles = max(settles, known_to - 1)
    bits = combine(_unrolled(a, settles + period), _unrolled(b, settles + period))
    return _shortest(SizeSet(settles, period, bits, known_to))


def _unrolled(given: SizeSet, last: int) -> int:
    """The bits for sizes 1 to `last`."""
    have = given.settles + given.period
    bits = given.bits
    if last <= have:
        return bits & ((1 << last) - 1)
    cycle = bits >> given.settles
    while have < last:
        # doubling keeps this linear in the number of bits
        bits |= cycle << have
        cycle |= cycle << (have - given.settles)
        have += have - given.settles
    return bits & ((1 << last) - 1)


def _shortest(given: SizeSet) -> SizeSet:
    """The same set with the smallest period and the smallest start of it."""
    if given.known_to is not None:
        return given
    settles, period, bits = given.settles, given.period, given.bits
    cycle = bits >> settles
    for divisor in _divisors(period):
        mask = (1 << divisor) - 1
        piece = cycle & mask
        if all(cycle >> start & mask == piece for start in range(0, period, divisor)):
            period, cycle = divisor, piece
            break
    while settles:
        # the last explicit size already follows the rule
        if (bits >> (settles - 1) & 1) != (cycle >> (period - 1) & 1):
            break
        cycle = (cycle << 1 | cycle >> (period - 1)) & ((1 << period) - 1)
        settles -= 1
    return SizeSet(settles, period, bits & ((1 << settles) - 1) | cycle << settles)


def _divisors(number: int) -> list[int]:
    small = [n for n in range(1, int(number**0.5) + 1) if number % n == 0]
    return sorted({*small, *(number // n for n in small)})


def _ranges(given: SizeSet) -> tuple[Range, ...]:
    last = given.settles + given.period if given.known_to is None else given.known_to
    if given.known_to is not None:
        return tuple(_finite(list(given.up_to(last))))
    cycle = [size for size in range(given.settles + 1, last + 1) if size in given]
    if not cycle:
        return tuple(_finite(list(given.up_to(given.settles))))
    if len(cycle) == given.period:
        head = list(given.up_to(given.settles))
        start = given.settles + 1
        while head and head[-1] == start - 1:
            start = head.pop()
        return (*_finite(head), (start, None, 1))
    # each residue of the cycle runs on without end, and back as far as it is in the set
    head_sizes = set(given.up_to(given.settles))
    endless = []
    for size in cycle:
        while size - given.period in head_sizes:
            size -= given.period
            head_sizes.discard(size)
        endless.append((size, None, given.period))
    return (*_finite(sorted(head_sizes)), *sorted(endless))


def _finite(sizes: list[int]) -> list[Range]:
    """Runs of equal distance, the long ones kept whole."""
    ranges: list[Range] = []
    position = 0
    while position < len(sizes):
        end = position + 1
        step = 1
        if end < len(sizes):
            step = sizes[end] - sizes[position]
            while end + 1 < len(sizes) and sizes[end + 1] - sizes[end] == step:
                end += 1
        if step == 1 or end - position >= 2:
            stop = min(end, len(sizes) - 1)
            ranges.append((sizes[position], sizes[stop], step if stop > position else 1))
            position = stop + 1
        else:
            ranges.append((sizes[position], sizes[position], 1))
            position += 1
    return ranges
