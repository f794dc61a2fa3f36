"""The figure of feature maps, in the form that suits the sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapescope.render.drawing.bodies import MOST_CELLS
from shapescope.render.drawing.planes import planes_items
from shapescope.render.drawing.scene import Item, Outline, extent
from shapescope.render.drawing.slabs import slabs_items
from shapescope.render.drawing.stages import Stage

WIDEST = 1130.0
"""Stacks of planes that would be wider are drawn as slabs."""
LARGEST_FOR_PLANES = 96


def feature_maps(stages: Sequence[Stage], fields: Mapping[int, Sequence[int]]) -> list[Item]:
    """The figure of a row of stages: stacks of planes, slabs where those would take too much room.

    Args:
        stages: the input first.
        fields: by step, how much of the input one value sees along each spatial axis.
    """
    largest = max((side for stage in stages if stage.rank for side in stage.spatial), default=0)
    if largest <= LARGEST_FOR_PLANES:
        items = planes_items(stages, fields)
        if extent(items).width <= WIDEST:
            return items
    return slabs_items(stages, fields)


def notes_of(stages: Sequence[Stage], items: Sequence[Item]) -> tuple[str, ...]:
    """What a reader has to know of the signs in this figure."""
    notes = []
    if any(stage.rank for stage in stages):
        notes.append("Maps are drawn to scale; of many channels and values only some are shown.")
    elif any(stage.channels > MOST_CELLS for stage in stages):
        notes.append("Of many values only some are shown.")
    if any(isinstance(item, Outline) and item.stroke == "field" for item in items):
        notes.append("Dashed: the most that one value of a map sees of the input.")
    return tuple(notes)
