"""Inputs that are adjusted to what fails: one size after the other, as long as it goes on.

A width that a concatenation, a split or a weight decides, a length that a table of places has or
neighbours are sought in: the layers at the entrance know none of these, the step that fails does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from shapescope.capture.inferring.entrance import TOKENS
from shapescope.capture.inferring.mismatch import (
    inputs_behind,
    is_crossed,
    mismatches,
    shapes_asked,
)
from shapescope.capture.inferring.size_search import SizeSearch, Specs
from shapescope.capture.input_spec import InputSpec
from shapescope.trace import Step, Trace

__all__ = ["Adjusted", "adjusted"]

Proposal: TypeAlias = tuple[Specs, tuple[int, ...], str, int]
"""Inputs, which of them were changed, the path of what asked for it, and what it takes."""

_ROUNDS = 10
_LONGER = (4 * TOKENS, 16 * TOKENS, 64 * TOKENS, 256 * TOKENS)
_LENGTHS = (TOKENS, 8 * TOKENS, *_LONGER)
_AXES_OF_ROWS = 3


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Where adjusting came to.

    Attributes:
        specs: the inputs.
        takers: for each input whose sizes were changed, by position, the layer or function that
            decided and what it takes.
    """

    specs: Specs
    takers: tuple[tuple[int, str, int], ...] = ()


def adjusted(specs: Specs, search: SizeSearch, widths: frozenset[int] = frozenset()) -> Adjusted:
    """These inputs with other sizes, changed as the steps that fail ask for, until none does.

    What was reached last is returned also where the model still fails.

    Args:
        specs: the inputs to begin with.
        search: makes the attempts.
        widths: sizes that are no lengths, as layers have said them.
    """
    current = Adjusted(specs)
    for _ in range(_ROUNDS):
        outcome = search(current.specs)
        if outcome.runs or outcome.trace is None or search.exhausted:
            break
        better = _step_on(current, outcome.trace, search, widths)
        if better is None:
            break
        current = better
    return current


def _step_on(
    current: Adjusted, trace: Trace, search: SizeSearch, widths: frozenset[int]
) -> Adjusted | None:
    before = search(current.specs)
    proposals = itertools.chain(
        _proposals(current.specs, trace, widths), _by_slope(current.specs, trace, search)
    )
    for specs, changed, path, wanted in proposals:
        if search.exhausted:
            return None
        after = search(specs)
        if after.runs or after.progress > before.progress:
            kept = [it for it in current.takers if it[0] not in changed]
            takers = [*kept, *((at, path, wanted) for at in changed)]
            return Adjusted(specs, tuple(takers) if path else current.takers)
    return None


def _failing(trace: Trace) -> Step | None:
    at = None if trace.failure is None else trace.failure.step
    return None if at is None or trace.steps[at].is_composite else trace.steps[at]


def _concerned(specs: Specs, trace: Trace, step: Step | None) -> list[int]:
    """The inputs, by position, that a step's own come from."""
    behind = frozenset() if step is None else inputs_behind(trace, step)
    concerned = [place for place, spec in enumerate(specs) if spec.shape]
    if behind and len(specs) == len(trace.inputs):
        return [place for place in concerned if trace.inputs[place].name in behind]
    return concerned


def _proposals(specs: Specs, trace: Trace, widths: frozenset[int]) -> Iterator[Proposal]:
    step = _failing(trace)
    found, path = ([], "") if step is None else (mismatches(trace, step), step.path)
    concerned = _concerned(specs, trace, step)
    seen: set[Specs] = {specs}
    for shape in [] if step is None else shapes_asked(step):
        for place in concerned:
            asked = [
                replace(it, shape=(1, *shape)) if at == place else it for at, it in enumerate(specs)
            ]
            yield tuple(asked), (place,), path or "forward", prod(shape)
    for arrived, wanted in found:
        crossed = step is not None and is_crossed(step, (arrived, wanted))
        for made, changed in _with(specs, concerned, arrived, wanted, widths, crossed):
            if made not in seen:
                seen.add(made)
                yield made, changed, path or "forward", wanted
    short = step is None or any(arrived < wanted for arrived, wanted in found)
    for made in _longer(specs, widths, turned=step is None) if short else ():
        if made not in seen:
            seen.add(made)
            yield made, (), "", 0


def _by_slope(specs: Specs, trace: Trace, search: SizeSearch) -> Iterator[Proposal]:
    """Features of which forward makes several each, beside others: found by one more of them."""
    step = _failing(trace)
    found = [] if step is None else mismatches(trace, step)[:1]
    for arrived, wanted in found:
        for place in _concerned(specs, trace, step):
            shape = specs[place].shape or ()
            if step is None or specs[place].dtype == "int64" or len(shape) > _AXES_OF_ROWS:
                continue
            axis = len(shape) - 1
            more = search(_changed(specs, (place, axis, shape[axis] + 1))).trace
            failing = None if more is None else _failing(more)
            if more is None or failing is None or failing.index != step.index:
                continue
            slope = next((it for it, _ in mismatches(more, failing)), arrived) - arrived
            if slope and (wanted - arrived) % slope == 0:
                size = shape[axis] + (wanted - arrived) // slope
                if size > 0:
                    yield _changed(specs, (place, axis, size)), (place,), step.path, wanted


def _with(
    specs: Specs,
    concerned: Sequence[int],
    arrived: int,
    wanted: int,
    widths: frozenset[int],
    crossed: bool,
) -> Iterator[tuple[Specs, tuple[int, ...]]]:
    """The inputs with one size changed so that `wanted` may arrive."""
    axes = [
        (place, axis, shape[axis])
        for place in concerned
        for shape in [specs[place].shape or ()]
        for axis in _axes(len(shape))
    ]
    for place, axis, size in axes:
        # A single step of a sequence would pass where it only hides what is wrong.
        if size == arrived and wanted > 1:
            shape = specs[place].shape or ()
            turned = [it for it in _axes(len(shape)) if shape[it] == wanted and it != axis]
            # A length that is wanted where the features stand now was given the wrong way round.
            for other in turned:
                yield _changed(specs, (place, axis, wanted), (place, other, size)), (place,)
            if not crossed:
                yield _changed(specs, (place, axis, wanted)), (place,)
    alike = [(place, axis, wanted) for place, axis, size in axes if size == arrived]
    if len(alike) > 1 and wanted > 1 and not crossed:
        yield _changed(specs, *alike), tuple(sorted({place for place, _, _ in alike}))
    for place, axis, size in axes:
        times = size * wanted // arrived if size * wanted % arrived == 0 else 0
        if specs[place].dtype == "int64":
            # Rows of a table that are laid side by side.
            others = [times] if arrived > size and arrived % size == 0 else []
        elif _is_length(specs[place], axis, widths):
            others = []
        else:
            others = [size + wanted - arrived, times]
        for other in others:
            if other > 0 and other != size:
                yield _changed(specs, (place, axis, other)), (place,)


def _axes(rank: int) -> list[int]:
    """The axes whose sizes say something: the last first, neither the batch nor a picture's."""
    if rank == 1:
        return [0]
    last = rank if rank <= _AXES_OF_ROWS else rank - 2
    return list(reversed(range(1, last)))


def _changed(specs: Specs, *changes: tuple[int, int, int]) -> Specs:
    made = list(specs)
    for place, axis, size in changes:
        shape = list(made[place].shape or ())
        shape[axis] = size
        made[place] = replace(made[place], shape=tuple(shape))
    return tuple(made)


def _longer(specs: Specs, widths: frozenset[int], turned: bool) -> Iterator[Specs]:
    """The inputs with all their lengths longer, as neighbours, windows and spectra ask for.

    With `turned`, sequences are also given the other way round: channels last.
    """
    lengths = [
        (place, axis, size)
        for place, spec in enumerate(specs)
        for axis, size in enumerate(spec.shape or ())
        if axis and size in _LENGTHS and (spec.dtype == "int64" or _is_length(spec, axis, widths))
    ]
    for longer in _LONGER:
        grown = [(place, axis, longer) for place, axis, size in lengths if size < longer]
        if grown:
            yield _changed(specs, *grown)
        if grown and turned:
            yield tuple(
                replace(it, shape=(it.shape[0], it.shape[2], it.shape[1]))
                if it.shape and len(it.shape) == _AXES_OF_ROWS
                else it
                for it in _changed(specs, *grown)
            )


def _is_length(spec: InputSpec, axis: int, widths: frozenset[int]) -> bool:
    """Whether an axis of a sequence of rows or channels is the one along the sequence."""
    shape = spec.shape or ()
    if len(shape) != _AXES_OF_ROWS or not axis or shape[axis] not in _LENGTHS:
        return False
    return shape[axis] not in widths or (axis == 1 and shape[axis] == TOKENS)
