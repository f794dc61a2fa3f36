"""Forms of figures: chains as rows, vectors as columns, windows of transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from shapescope.render.drawing import draw
from shapescope.render.drawing.scene import Outline, Scene, flat
from shapescope.trace import Trace

FOLDER = Path(__file__).parents[1] / "models" / "pictures"
TraceOf = Callable[..., Trace]


def boxes(scene: Scene, role: str) -> list[tuple[float, float]]:
    """Width and height of the outlines drawn in a role, from left to right."""
    found = [one for one in flat(scene.items) if isinstance(one, Outline) and one.stroke == role]
    return [(one.box.width, one.box.height) for one in sorted(found, key=lambda one: one.box.left)]


def test_a_short_chain_is_one_row(trace_of: TraceOf) -> None:
    scene = draw(trace_of(f"{FOLDER}/unet.py:Rows", "2,5,8"))
    frames = [
        one.box
        for one in flat(scene.items)
        if isinstance(one, Outline) and one.radius and one.stroke
    ]
    assert len(frames) == 4
    assert all(one.right < other.left for one, other in pairwise(frames))
    middles = {round(one.centre[1], 3) for one in frames}
    assert len(middles) == 1


def test_a_fully_connected_net_is_columns_of_values(trace_of: TraceOf) -> None:
    scene = draw(trace_of(f"{FOLDER}/rounds.py:Dense", "1,12"))
    texts = [text.content for text in scene.texts()]
    assert {"12", "30", "5"} <= set(texts)
    assert "Of many values only some are shown." in texts
    assert not any(text.startswith("Maps") for text in texts)


def test_a_transposed_convolution_points_at_the_window_it_fills(trace_of: TraceOf) -> None:
    trace = trace_of(f"{FOLDER}/rounds.py:Up", "1,2,4,4")
    scene = draw(trace, "maps")
    # Maps of 4 and 8 values a side, to scale: the side of the larger one is the widest outline.
    widest = max(width for width, _ in boxes(scene, "resize-line"))
    cells = sorted(
        size for size in boxes(scene, "cone") if size[0] == pytest.approx(size[1], rel=1e-6)
    )
    assert cells[0][0] == pytest.approx(widest / 8)  # one value of the smaller map
    assert cells[-1][0] == pytest.approx(widest / 8 * 2)  # a window of 2 x 2 on the larger one


def test_a_long_title_loses_its_folders_first(trace_of: TraceOf) -> None:
    trace = replace(
        trace_of(f"{FOLDER}/rounds.py:Up", "1,2,4,4"), model="folder/" * 20 + "up.py:Up"
    )
    titles = [text.content for text in draw(trace).texts() if text.bold][:1]
    assert titles[0].startswith("…/folder/")
    assert titles[0].endswith("/up.py:Up")
