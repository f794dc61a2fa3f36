"""Maps are drawn to scale, windows lie where they are, and receptive fields have their size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from shapescope.render.drawing import draw
from shapescope.render.drawing.bodies import MOST_CELLS, MOST_PLANES, Column, Stack
from shapescope.render.drawing.fields import fields_of
from shapescope.render.drawing.row import TEXT_GAP, Slot, placed
from shapescope.render.drawing.scene import Box, Group, Outline, Scene, flat
from shapescope.render.drawing.slabs import Slab
from shapescope.render.drawing.stages import Stage, stages_of
from shapescope.trace import Trace

TraceOf = Callable[..., Trace]


def planes(scene: Scene) -> dict[int, list[Box]]:
    """The planes of each step's stack, the front one last."""
    found = {}
    for item in scene.items:
        if isinstance(item, Group):
            step = -1 if item.step is None else item.step
            found[step] = [
                part.box for part in flat(item.items) if isinstance(part, Outline) and part.fill
            ]
    return found


@pytest.mark.parametrize("model", ["network", "lenet5", "cifar-cnn"])
def test_maps_are_to_scale(model: str, trace_of: TraceOf) -> None:
    trace = trace_of(model)
    drawn = planes(draw(trace))
    row = stages_of(trace)
    assert row is not None
    scales = set()
    for stage in row:
        if stage.rank:
            box = drawn[stage.main.index if stage.main else -1][-1]
            scales |= {
                round(box.width / stage.spatial[1], 6),
                round(box.height / stage.spatial[0], 6),
            }
    assert len(scales) == 1
    assert scales.pop() > 1


def test_a_few_channels_have_a_plane_each(trace_of: TraceOf) -> None:
    trace = trace_of("network")
    drawn = planes(draw(trace))
    conv1 = next(step for step in trace.steps if step.path == "conv1")
    conv2 = next(step for step in trace.steps if step.path == "conv2")
    assert len(drawn[-1]) == 1
    assert len(drawn[conv1.index]) == 6
    assert 6 < len(drawn[conv2.index]) <= MOST_PLANES


def _outlines(scene: Scene, stroke: str) -> list[Outline]:
    found = (item for item in flat(scene.items) if isinstance(item, Outline))
    return [item for item in found if item.stroke == stroke]


def test_windows_have_the_size_of_their_kernels(trace_of: TraceOf) -> None:
    scene = draw(trace_of("network"))
    pixels = planes(scene)[-1][0].width / 28
    windows = [one for one in _outlines(scene, "cone") if len(one.commands) == 5 and not one.fill]
    sizes = [
        (round(one.box.width / pixels, 3), round(one.box.height / pixels, 3)) for one in windows
    ]
    assert sizes == [(5, 5), (2, 2), (5, 5), (2, 2)]


def test_a_window_lies_above_the_value_it_makes(trace_of: TraceOf) -> None:
    """Stride 2, no padding: value (r, c) is made of rows 2r, 2r + 1 and columns 2c, 2c + 1."""
    trace = trace_of("network")
    scene = draw(trace)
    pool = next(step.index for step in trace.steps if step.op == "max_pool2d")
    conv = next(step.index for step in trace.steps if step.path == "conv1")
    before, after = planes(scene)[conv][-1], planes(scene)[pool][-1]
    boxes = [one.box for one in _outlines(scene, "cone") if len(one.commands) == 5]
    window = next(one for one in boxes if before.holds(one) and one.width > before.width / 24 * 1.5)
    cell = next(one for one in boxes if after.holds(one) and one.width < after.width / 12 * 1.5)
    row = round((cell.top - after.top) / (after.height / 12))
    column = round((cell.left - after.left) / (after.width / 12))
    assert round((window.top - before.top) / (before.height / 24)) == 2 * row
    assert round((window.left - before.left) / (before.width / 24)) == 2 * column


def test_the_last_maps_field_lies_on_the_input(trace_of: TraceOf) -> None:
    """5 + 1 + 4 * 2 + 2 = 16 for conv 5, pool 2, conv 5, pool 2."""
    trace = trace_of("lenet5")
    scene = draw(trace)
    field = [one for one in _outlines(scene, "field") if one.dash]
    assert len(field) == 1
    whole = planes(scene)[-1][0]
    assert field[0].box.width / whole.width == pytest.approx(16 / 32)
    assert whole.holds(field[0].box, 1e-6)
    assert {"sees 5 x 5", "sees 6 x 6", "sees 14 x 14", "sees 16 x 16"} <= {
        text.content for text in scene.texts()
    }
    assert set(fields_of(trace).values()) >= {(5, 5), (6, 6), (14, 14), (16, 16)}


def stage(shape: tuple[int, ...], rank: int) -> Stage:
    return Stage("conv", (), "", "", shape, rank)


@pytest.mark.parametrize("length", [1, 5, 10, 11, 120, 4096, 10**6])
def test_columns_show_their_ends(length: int) -> None:
    column = Column(stage((1, length), 0), 140)
    centres = column.centres(0)
    assert len(centres) == min(length, MOST_CELLS)
    assert column.height <= max(140, MOST_CELLS * 11 + 4) + 1e-9
    assert all(abs(y) <= column.height / 2 for _, y in centres)
    assert len(set(centres)) == len(centres)


def test_longer_vectors_have_taller_columns() -> None:
    heights = [Column(stage((1, length), 0), 300).height for length in (5, 10, 84, 120, 400)]
    assert heights == sorted(heights)
    assert len(set(heights)) == 5


def test_one_axis_and_three_axes_have_bodies() -> None:
    assert Stack(stage((1, 4, 100), 1), 1.0).sides == (7.0, 100.0)
    assert Stack(stage((1, 4, 16, 40, 50), 3), 2.0).sides == (80.0, 100.0)


def test_slabs_are_to_scale() -> None:
    one, other = (Slab(stage((1, 64, size, size), 2), 0.8, 100) for size in (224, 56))
    assert one.height / other.height == 4
    assert one.depth / other.depth == 4
    thick = Slab(stage((1, 256, 56, 56), 2), 0.8, 100)
    assert thick.thickness == pytest.approx(2 * other.thickness)


def test_texts_of_a_row_keep_apart() -> None:
    slots = [Slot(20, 90, 10, 0, 30), Slot(20, 90, 10, 120, 30), Slot(20, 10, 90, 120, 30)]
    lefts = placed(slots)
    middles = [left + 10 for left in lefts]
    assert middles[1] - middles[0] >= 90 + TEXT_GAP
    joints = [(one + other) / 2 for one, other in pairwise(middles)]
    assert joints[1] - joints[0] >= 120 + TEXT_GAP - 1e-9
    assert all(right - left >= 50 for left, right in pairwise(lefts))
