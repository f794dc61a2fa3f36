"""The figure of feature maps: which form suits the model, and the figure as a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapescope.render.drawing.planes import planes_items
from shapescope.render.drawing.scene import Scene, extent, framed
from shapescope.render.drawing.slabs import slabs_items
from shapescope.render.drawing.stages import Stage

WIDEST = 1130.0
"""Stacks of planes that would be wider are drawn as slabs."""
LARGEST_FOR_PLANES = 96


def feature_maps(
    stages: Sequence[Stage], title: str, description: str, fields: Mapping[int, Sequence[int]]
) -> Scene:
    """The figure of a row of stages.

    Args:
        stages: the input first.
        title: of the picture.
        description: of the picture, for readers who cannot see it.
        fields: by step, how much of the input one value sees along each spatial axis.
    """
    largest = max((side for stage in stages if stage.rank for side in stage.spatial), default=0)
    if largest <= LARGEST_FOR_PLANES:
        items = planes_items(stages, fields)
        if extent(items).width <= WIDEST:
            return framed(items, title, description)
    return framed(slabs_items(stages, fields), title, description)
