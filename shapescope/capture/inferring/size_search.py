"""The free sizes of an input, searched by tracing: which ones does the model run with?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from shapescope.capture.inferring.candidates import Choice
from shapescope.capture.inferring.entrance import Entrance
from shapescope.capture.inferring.outcome import UNKNOWN, Outcome, outcome_of
from shapescope.capture.input_spec import InputSpec
from shapescope.trace import Trace

__all__ = ["Attempt", "Candidate", "SizeSearch", "Specs"]

Specs: TypeAlias = tuple[InputSpec, ...]
Attempt: TypeAlias = Callable[[Specs], "Trace | bool"]
"""Traces with these inputs, as cheaply as possible; a bool says only whether it went through."""

_MOST_ATTEMPTS = 48
_LARGEST = {1: 65_536, 2: 512, 3: 128}
_USUAL = 4
"""With several inputs there is no time for more of the usual sizes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """All inputs of a model, some sizes still free.

    Attributes:
        choices: what each input is, in order.
        names: the name by which each is given, "" for those given by position.
        shares: what each free size is divided by: maps of a pyramid halve from one to the next.
    """

    choices: tuple[Choice, ...]
    names: tuple[str, ...] = ()
    shares: tuple[int, ...] = ()
    listed: bool = False

    @property
    def leading(self) -> Entrance | None:
        """The input whose free sizes are searched; the others go along."""
        free = [it for it in self.choices if isinstance(it, Entrance) and it.free]
        return max(free, key=lambda it: it.free, default=None)

    def specs(self, *sizes: int) -> Specs:
        """The inputs with these sizes of the free axes; the likeliest if none are given."""
        made = []
        for at, choice in enumerate(self.choices):
            if isinstance(choice, InputSpec):
                spec = choice
            elif not choice.free:
                spec = choice.spec()
            else:
                spec = choice.spec(*self._sizes_of(at, choice, sizes))
            name = self.names[at] if self.names else ""
            if name and spec.name is None:
                spec = _called(spec, name)
            made.append(_in_list(spec) if self.listed else spec)
        return tuple(made)

    def _sizes_of(self, at: int, choice: Entrance, sizes: tuple[int, ...]) -> tuple[int, ...]:
        leading = self.leading
        if not sizes or leading is None or choice.free != leading.free:
            sizes = choice.sizes[:1]
        if self.shares:
            return tuple(max(size // self.shares[at], 1) for size in sizes)
        return sizes


def _called(spec: InputSpec, name: str) -> InputSpec:
    return InputSpec(spec.shape, spec.dtype, name, spec.bound, spec.listed, spec.value, spec.source)


def _sizes(specs: Specs) -> list[int]:
    return [size for spec in specs for size in spec.shape or ()]


def _in_list(spec: InputSpec) -> InputSpec:
    return InputSpec(spec.shape, spec.dtype, spec.name, spec.bound, listed=True)


@dataclass(slots=True)
class SizeSearch:
    """Attempts made so far; none is made twice, and there is an end to them."""

    try_trace: Attempt
    made: dict[Specs, Outcome] = field(default_factory=dict)
    most: int = _MOST_ATTEMPTS

    @property
    def count(self) -> int:
        """How many attempts were made."""
        return len(self.made)

    def further(self) -> SizeSearch:
        """As many attempts again; those that were made are known."""
        return SizeSearch(self.try_trace, dict(self.made), len(self.made) + _MOST_ATTEMPTS)

    @property
    def exhausted(self) -> bool:
        """Whether there will be no more attempts."""
        return len(self.made) >= self.most

    @property
    def was_guided(self) -> bool:
        """Whether an attempt showed how much too large the input was, or too small."""
        return any(outcome.surplus for outcome in self.made.values())

    def __call__(self, specs: Specs) -> Outcome:
        """What happens with these inputs; nothing does once attempts are used up."""
        if specs not in self.made:
            if self.exhausted:
                return Outcome(fits=False, runs=False)
            result = self.try_trace(specs)
            self.made[specs] = (
                Outcome(result, result, UNKNOWN) if isinstance(result, bool) else outcome_of(result)
            )
        return self.made[specs]

    def progress(self, candidate: Candidate) -> tuple[bool, int]:
        """How far the model came with the likeliest sizes."""
        outcome = self(candidate.specs())
        return outcome.runs, outcome.progress

    def farthest(self, candidate: Candidate) -> Specs:
        """The inputs, of those that were tried, with which the model came farthest.

        Of several the likeliest: what fails with them is nearest to what is wrong.
        """
        best = candidate.specs()
        usual = _sizes(best)
        for specs, outcome in self.made.items():
            pairs = zip(_sizes(specs), usual, strict=False)
            other = next((size for size, likeliest in pairs if size != likeliest), None)
            if other is not None and candidate.specs(other) == specs:
                best = specs if outcome.progress > self(best).progress else best
        return best

    def running_sizes(self, candidate: Candidate) -> tuple[int, ...] | None:
        """Sizes, of those that were tried, with which the model runs though no batch is kept."""
        leading = candidate.leading
        choices = [()] if leading is None else [(size,) for size in leading.sizes]
        for sizes in choices:
            outcome = self.made.get(candidate.specs(*sizes))
            if outcome is not None and outcome.runs:
                return sizes
        return None

    def fitting_sizes(self, candidate: Candidate) -> tuple[int, ...] | None:
        """Sizes of the free axes with which the model runs; square where any square fits."""
        leading = candidate.leading
        if leading is None:
            return () if self(candidate.specs()).fits else None
        first = self(candidate.specs(leading.sizes[0]))
        if first.fits:
            return leading.sizes[:1]
        largest = max(_LARGEST[leading.free], leading.sizes[0])
        if first.surplus is None and first.progress == 0:
            return None
        several = len(candidate.choices) > 1
        usual = [size for size in leading.sizes if size <= largest]
        if several and first.surplus is None:
            usual = usual[:_USUAL]
        by_surplus = self._bisect(sorted(usual), candidate)
        if by_surplus is not None:
            # Of several usual sizes that fit, the likeliest.
            near = [size for size in usual if abs(size - by_surplus) * 4 <= by_surplus]
            return (next(size for size in near if self(candidate.specs(size)).fits),)
        if not several or first.surplus is not None:
            exact = self._bisect(range(1, largest + 1), candidate)
            if exact is not None:
                return (exact,)
        for size in usual:
            outcome = self(candidate.specs(size))
            if outcome.surplus is None and outcome.fits:
                return (size,)
        return self._oblong(candidate, largest) if leading.free == 2 else None

    def _bisect(self, sizes: Sequence[int], candidate: Candidate) -> int | None:
        """A size that fits, where a larger input only ever gives a larger map."""
        low, high = 0, len(sizes) - 1
        while low <= high:
            middle = (low + high) // 2
            outcome = self(candidate.specs(sizes[middle]))
            if outcome.fits:
                return sizes[middle]
            if outcome.surplus is not None and outcome.surplus > 0:
                high = middle - 1
            else:
                # Too small for its windows, or for the layer behind the flatten.
                low = middle + 1
        return None

    def _oblong(self, candidate: Candidate, largest: int) -> tuple[int, ...] | None:
        """Sizes that differ per axis, where the features wanted make no square map."""
        known = [outcome for outcome in self.made.values() if outcome.surplus is not None]
        if not known:
            return None
        positions = known[0].wanted // known[0].channels
        pairs = [
            (height, positions // height)
            for height in range(int(positions**0.5), 0, -1)
            if positions % height == 0
        ]
        for height, width in pairs[:3]:
            high = self._size_for(height, 0, candidate, largest)
            wide = self._size_for(width, 1, candidate, 2 * largest)
            if high and wide and self(candidate.specs(high, wide)).fits:
                return high, wide
        return None

    def _size_for(self, wanted: int, axis: int, candidate: Candidate, largest: int) -> int | None:
        """The smallest input size whose map has `wanted` positions along an axis."""
        low, high = 1, largest
        while low < high:
            middle = (low + high) // 2
            spatial = self(candidate.specs(middle)).spatial
            if len(spatial) > axis and spatial[axis] >= wanted:
                high = middle
            else:
                low = middle + 1
        spatial = self(candidate.specs(low)).spatial
        return low if len(spatial) > axis and spatial[axis] == wanted else None
