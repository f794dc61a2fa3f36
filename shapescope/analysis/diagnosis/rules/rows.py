"""Samples written as rows: how many of how many values, and what the number was made for."""

from __future__ import annotations

from shapescope.analysis.diagnosis.built_for import (
    customary_sizes,
    maps_of,
    sizes_giving,
)
from shapescope.analysis.diagnosis.history import chain_to, ints, source_of
from shapescope.analysis.diagnosis.words import plural, product_text, shape_text
from shapescope.trace import Step, Trace


def rows_text(samples: int, sample: int, rows: int, features: int) -> str:
    """`1600 values a sample, written as 4 rows of 400`."""
    if rows % samples == 0 and rows >= samples:
        return (
            f"{sample} values a sample, written as {plural(rows // samples, 'row')} of {features}"
        )
    written = f"{samples} samples written as {plural(rows, 'row')} of {features}"
    return f"{sample} values a sample, {written}"


def built_note_for(trace: Trace, step: Step, features: int, samples: int) -> str | None:
    """`400 = 16 * 5 * 5 is what a 32 x 32 input gives; yours is 52 x 52`.

    Where the number holds the batch size itself, that is said instead.
    """
    sizes = ints(step.inputs[0].shape)
    if len(sizes) < 3:
        return None
    sample = 1
    for size in sizes[1:]:
        sample *= size
    if samples > 1 and features == samples * sample:
        factors = product_text(sizes[1:])
        return (
            f"{features} = {samples} * {factors} counts the batch of {samples} among the features"
        )
    axes = len(sizes) - 2
    maps = maps_of(features, sizes[1], axes, None, sizes[2:])
    if maps is None:
        return None
    ranges = sizes_giving(chain_to(trace, source_of(trace, step)), axes, maps)
    if ranges is None:
        return None
    built = customary_sizes(ranges)
    if set(built) == {1}:
        return None
    given = next((ints(spec.shape)[-axes:] for spec in trace.inputs if len(spec.shape) > axes), ())
    product = f"{features} = {product_text((sizes[1], *maps))}"
    return f"{product} is what a {shape_text(built)} input gives; yours is {shape_text(given)}"
