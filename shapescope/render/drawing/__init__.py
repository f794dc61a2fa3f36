"""Drawings of a model: what a figure in a paper shows of it, made from its trace.

A trace becomes units (`units.py`), these become a row of stages (`stages.py`), the bars of a U
(`ushape.py`) or a tree of modules (`tree.py`); each is laid out as a `Scene` of outlines and texts
with measured extents, and only then written as SVG, PNG or PDF.
"""

from __future__ import annotations

from shapescope.render.drawing.figure import STYLES, draw
from shapescope.render.drawing.palette import THEMES
from shapescope.render.drawing.scene import Scene
from shapescope.render.drawing.svg import scene_to_svg

__all__ = ["STYLES", "THEMES", "Scene", "draw", "scene_to_svg"]
