"""An input for a model of which nobody said what it takes.

The layers at its entrance give channels, features or a vocabulary; the free sizes are searched by
tracing, guided by what a later layer wants to have after the flatten.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from torch import nn

from shapescope.capture.entrance import (
    Entrance,
    entrances,
    named_input,
    required_arguments,
    size_hints,
)
from shapescope.capture.input_spec import InputSpec, format_input
from shapescope.capture.outcome import UNKNOWN, Outcome, outcome_of
from shapescope.trace import Trace

if TYPE_CHECKING:
    from shapescope.capture.loader import LoadedModel

__all__ = ["Inferred", "infer_for", "infer_inputs"]

Attempt: TypeAlias = Callable[[tuple[InputSpec, ...]], "Trace | bool"]
"""Traces with these inputs, as cheaply as possible; a bool says only whether it went through."""

_MOST_ATTEMPTS = 48
_LARGEST = {1: 65_536, 2: 512, 3: 128}


@dataclass(frozen=True, slots=True)
class Inferred:
    """Inputs that were found, and how.

    Attributes:
        inputs: the inputs.
        how: one sentence for people.
        fits: whether the model ran with them; if not, they are the most plausible ones.
    """

    inputs: tuple[InputSpec, ...]
    how: str
    fits: bool


def infer_for(model: LoadedModel | nn.Module) -> Inferred | None:
    """`infer_inputs` for a model that was loaded or is alive, by tracing it on meta.

    What meta cannot run (data-dependent control flow, TorchScript) is traced as it has to be.

    Raises:
        ShapescopeError: the model cannot be built.
    """
    from shapescope.capture.tracer import trace_model

    if isinstance(model, nn.Module):
        module, environment = model, _nothing()
    else:
        module, environment = model.build("meta").module, model.environment()
    with environment:
        found = infer_inputs(module, lambda specs: trace_model(module, specs, mode="meta").trace)
        if found is None or found.fits:
            return found
        # A failure on meta may be meta's own: then the way that works is searched as well.
        way = trace_model(module, found.inputs).trace.mode
        if way == "meta":
            return found
        return infer_inputs(module, lambda specs: trace_model(module, specs, mode=way).trace)


def _nothing() -> AbstractContextManager[None]:
    return nullcontext()


def infer_inputs(module: nn.Module, try_trace: Attempt) -> Inferred | None:
    """Find inputs that the model takes.

    Args:
        module: the model, on any device; it is only looked at.
        try_trace: traces it, on meta where possible.

    Returns:
        The inputs. For a model of one argument that runs with none of the sizes tried, the most
        plausible one, so that its failure can be explained. None where nothing can be said.
    """
    options = entrances(module)
    arguments = required_arguments(module)
    if not options or not arguments:
        return None
    hints = size_hints(module)
    options = [_with_hints(option, hints) for option in options]
    search = _Search(try_trace)
    if len(arguments) == 1:
        return _one_input(options, search)
    return _several_inputs(module, arguments, options, search)


def _with_hints(option: Entrance, hints: Sequence[int]) -> Entrance:
    if option.free != 2 or not hints:
        return option
    return replace(option, sizes=(*hints, *(size for size in option.sizes if size not in hints)))


@dataclass(slots=True)
class _Search:
    """Attempts made so far; none is made twice, and there is an end to them."""

    try_trace: Attempt
    made: dict[tuple[InputSpec, ...], Outcome] = field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        return len(self.made) >= _MOST_ATTEMPTS

    def __call__(self, *specs: InputSpec) -> Outcome:
        if specs not in self.made:
            if self.exhausted:
                return Outcome(fits=False, runs=False)
            result = self.try_trace(specs)
            self.made[specs] = (
                Outcome(result, result, UNKNOWN) if isinstance(result, bool) else outcome_of(result)
            )
        return self.made[specs]


def _one_input(options: Sequence[Entrance], search: _Search) -> Inferred | None:
    tried: list[Entrance] = []
    runs: Entrance | None = None
    for option in options[:6]:
        tried.append(option)
        if not option.free:
            outcome = search(option.spec())
            if outcome.fits:
                return Inferred((option.spec(),), _how(option, option.spec()), fits=True)
            if outcome.runs and runs is None:
                runs = option
            continue
        found = _fitting_sizes(option, search)
        if found is not None:
            spec = option.spec(*found)
            return Inferred((spec,), _how(option, spec, search), fits=True)
    if runs is not None:
        return Inferred((runs.spec(),), _how(runs, runs.spec()), fits=True)
    option, spec = _furthest(tried, search)
    outcome = search(spec)
    how = _how(option, spec) + ("" if outcome.runs else "; no size that was tried fits")
    return Inferred((spec,), how, fits=outcome.runs)


def _furthest(tried: Sequence[Entrance], search: _Search) -> tuple[Entrance, InputSpec]:
    """The most plausible of the inputs that failed: the one that came furthest, at a usual size."""
    choices = [
        (option, option.spec(*option.sizes[:1]) if option.free else option.spec())
        for option in tried
    ]
    return max(choices, key=lambda choice: (search(choice[1]).runs, search(choice[1]).progress))


def _fitting_sizes(option: Entrance, search: _Search) -> tuple[int, ...] | None:
    """Sizes of the free axes with which the model runs; square where any square fits."""
    first = search(option.spec(option.sizes[0]))
    if first.fits:
        return option.sizes[:1]
    largest = max(_LARGEST[option.free], option.sizes[0])
    if first.surplus is None and first.progress == 0:
        return None
    usual = [size for size in option.sizes if size <= largest]
    by_surplus = _bisect(sorted(usual), option, search)
    if by_surplus is not None:
        # Of several usual sizes that fit, the likeliest.
        near = [size for size in usual if abs(size - by_surplus) * 4 <= by_surplus]
        return (next(size for size in near if search(option.spec(size)).fits),)
    exact = _bisect(range(1, largest + 1), option, search)
    if exact is not None:
        return (exact,)
    for size in usual:
        if search(option.spec(size)).surplus is None and search(option.spec(size)).fits:
            return (size,)
    return _oblong(option, search, largest) if option.free == 2 else None


def _bisect(sizes: Sequence[int], option: Entrance, search: _Search) -> int | None:
    """A size that fits, where a larger input only ever gives a larger map."""
    low, high = 0, len(sizes) - 1
    while low <= high:
        middle = (low + high) // 2
        outcome = search(option.spec(sizes[middle]))
        if outcome.fits:
            return sizes[middle]
        if outcome.surplus is not None and outcome.surplus > 0:
            high = middle - 1
        else:
            # Too small for its windows, or for the layer behind the flatten.
            low = middle + 1
    return None


def _oblong(option: Entrance, search: _Search, largest: int) -> tuple[int, ...] | None:
    """Sizes that differ per axis, where the features wanted make no square map."""
    known = [outcome for outcome in search.made.values() if outcome.surplus is not None]
    if not known:
        return None
    positions = known[0].wanted // known[0].channels
    pairs = [
        (height, positions // height)
        for height in range(int(positions**0.5), 0, -1)
        if positions % height == 0
    ]
    for height, width in pairs[:3]:
        high = _size_for(height, 0, option, search, largest)
        wide = _size_for(width, 1, option, search, 2 * largest)
        if high and wide and search(option.spec(high, wide)).fits:
            return high, wide
    return None


def _size_for(
    wanted: int, axis: int, option: Entrance, search: _Search, largest: int
) -> int | None:
    """The smallest input size whose map has `wanted` positions along an axis."""
    low, high = 1, largest
    while low < high:
        middle = (low + high) // 2
        spatial = search(option.spec(middle)).spatial
        if spatial and spatial[axis] >= wanted:
            high = middle
        else:
            low = middle + 1
    spatial = search(option.spec(low)).spatial
    return low if spatial and spatial[axis] == wanted else None


def _several_inputs(
    module: nn.Module, arguments: Sequence[str], options: Sequence[Entrance], search: _Search
) -> Inferred | None:
    """Inputs for a forward of several arguments: by their names, else one entrance for each."""
    named = [named_input(name, module, options) for name in arguments]
    free = [position for position, spec in enumerate(named) if spec is None]
    runs: Inferred | None = None
    for chosen in _assignments(options, len(free)):
        for sizes in range(4):
            specs = list(named)
            for position, option in zip(free, chosen, strict=True):
                specs[position] = option.spec(*option.sizes[sizes : sizes + 1])
            complete = tuple(spec for spec in specs if spec is not None)
            outcome = search(*complete)
            if outcome.fits or (outcome.runs and runs is None):
                said = ", ".join(dict.fromkeys(f"{it.path} ({it.says})" for it in chosen))
                shown = " and ".join(format_input(spec) for spec in complete)
                how = f"input {shown} inferred from {said or 'the names of the arguments'}"
                runs = Inferred(complete, how, fits=True)
                if outcome.fits:
                    return runs
            if not any(option.free for option in chosen) or search.exhausted:
                break
        if search.exhausted:
            break
    # One that runs but does not keep the batch is what a diagnosis can speak about.
    return runs


def _assignments(options: Sequence[Entrance], count: int) -> Iterator[tuple[Entrance, ...]]:
    """Entrances for so many arguments: the same for all, then one after the other, then any."""
    first = options[:4]
    seen: set[tuple[Entrance, ...]] = set()
    for chosen in itertools.chain(
        ((option,) * count for option in first[:2]),
        (tuple(first[:count]),) if len(first) >= count else (),
        itertools.product(first, repeat=count),
    ):
        if chosen not in seen:
            seen.add(chosen)
            yield chosen


def _how(option: Entrance, spec: InputSpec, search: _Search | None = None) -> str:
    shown = " x ".join(map(str, spec.shape or ()))
    text = f"input {shown} inferred from {option.path} ({option.says})"
    if search is not None and any(outcome.surplus for outcome in search.made.values()):
        outcome = search(spec)
        if outcome.reader:
            return f"{text} and {outcome.reader} (takes {outcome.wanted})"
    return text
