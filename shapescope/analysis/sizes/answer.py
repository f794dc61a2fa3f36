"""From what was found out to the answer that people and programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shapescope.analysis.sizes.built_for import built_for
from shapescope.analysis.sizes.parts import contains, part_of, square
from shapescope.analysis.sizes.reasons import reasons_for
from shapescope.analysis.sizes.regions import Region
from shapescope.analysis.sizes.witness import find
from shapescope.arithmetic.expressions import Range
from shapescope.trace import Shape, TensorSpec
from shapescope.valid_sizes import FreeAxis, Given, Passage, ValidSizes

ROWS = 6
_CUSTOMARY = (32, 64, 128, 224, 256, 299, 384, 512)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found out about one model."""

    model: str
    mode: str
    inputs: tuple[TensorSpec, ...]
    axes: tuple[FreeAxis, ...]
    asked: Mapping[str, int]
    asked_batch: int
    regions: tuple[Region, ...]
    searched_to: int | None
    outputs_at: Callable[[Mapping[str, int]], tuple[Shape, ...]]
    passages: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()


def answer(outcome: Outcome) -> ValidSizes:
    """The answer, with its reasons and its table."""
    axes = [free.name for free in outcome.axes]
    built = built_for(outcome.regions, outcome.passages, outcome.asked)
    return ValidSizes(
        model=outcome.model,
        mode=outcome.mode,
        inputs=outcome.inputs,
        axes=outcome.axes,
        valid=tuple(part_of(region) for region in outcome.regions),
        searched_to=outcome.searched_to,
        as_asked=dict(outcome.asked),
        as_asked_fits=contains(outcome.regions, outcome.asked),
        built_for=built,
        ranges_if_square=_square_ranges(outcome, axes),
        reasons=reasons_for(outcome.regions, outcome.passages, axes, built),
        gives=_table(outcome, axes, built),
        notes=outcome.notes,
    )


def _square_ranges(outcome: Outcome, axes: list[str]) -> tuple[Range, ...] | None:
    if not axes:
        return None
    found = square(outcome.regions, axes).ranges()
    inputs = {free.input for free in outcome.axes}
    if not found and outcome.regions and len(inputs) > 1:
        return None  # the inputs are not meant to be of one size
    return found


def _table(outcome: Outcome, axes: list[str], built: Mapping[str, int] | None) -> tuple[Given, ...]:
    """Sizes that fit and what comes out: the asked and the built-for one, then others."""
    chosen: dict[tuple[int, ...], dict[str, int]] = {}

    def add(sizes: Mapping[str, int] | None) -> None:
        if sizes is None or len(chosen) >= ROWS:
            return
        whole = {axis: sizes[axis] for axis in axes}
        if contains(outcome.regions, whole):
            chosen.setdefault(tuple(whole.values()), whole)

    add(outcome.asked)
    if built is not None:
        add({**outcome.asked, **built})
    for region in outcome.regions:
        small = find(region, dict.fromkeys(axes, 1)).sizes
        add(small)
        if small is not None:
            add(find(region, {axis: small[axis] + 1 for axis in axes}).sizes)
        add(find(region, outcome.asked).sizes)
    for side in _CUSTOMARY:
        add(dict.fromkeys(axes, side))
    rows = sorted(chosen.values(), key=lambda sizes: tuple(sizes.values()))
    return tuple(Given(sizes, outcome.outputs_at(sizes)) for sizes in rows)
