"""How much of the input the maps of a trace see, in whole elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from shapescope.analysis.receptive import receptive_fields
from shapescope.trace import Trace


def fields_of(trace: Trace) -> Mapping[int, Sequence[int]]:
    """By step: the size of its receptive field along each spatial axis, where it has one."""
    return {
        index: tuple(ceil(size) for size in field.size)
        for index, field in enumerate(receptive_fields(trace))
        if field is not None and field.size
    }
