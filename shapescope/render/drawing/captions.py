"""The texts of a feature-map figure: what a stage is called, its size, what made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shapescope.attrs import ConvAttrs, LinearAttrs
from shapescope.render.drawing.scene import Item, Text
from shapescope.render.drawing.stages import Stage
from shapescope.render.drawing.text_metrics import shortened, shortened_path
from shapescope.render.drawing.wording import size_text
from shapescope.render.shapes import count_text, printable, shape_text

SIZE = 11.0
FAINT_SIZE = 9.5
LEADING = 1.28
WIDEST_LINE = 118.0
"""No line of a caption is longer, in pixels; paths lose their beginning."""


def caption(stage: Stage) -> list[Text]:
    """Above a body: the module's path, and the size."""
    path = shortened_path(printable(stage.path), FAINT_SIZE, 88.0)
    size = stage_size(stage)
    lines = [Text(0, 0, path, FAINT_SIZE, role="faint")] if path else []
    role = "failure" if stage.failed else "text"
    return [
        *lines,
        Text(0, 0, shortened(size, SIZE, WIDEST_LINE, bold=True), SIZE, bold=True, role=role),
    ]


def stage_size(stage: Stage) -> str:
    """The size of the stage's tensor, without its batch."""
    if stage.failed:
        return "fails here"
    return size_text(stage.shape, stage.rank)


def joint_lines(stage: Stage) -> list[Text]:
    """Between two bodies: what made the second one, a line for each thing done."""
    if not stage.steps:
        return []
    lines: list[Text] = []
    for part in stage.parts:
        first, *settings = part.split(", ")
        main = part == stage.head
        times = f" x {stage.times}" if stage.times > 1 and main else ""
        lines.append(_line(first + times, bold=main))
        lines.extend(_line(word) for word in settings)
    if stage.failed and (wanted := wants(stage)):
        return [*lines, Text(0, 0, wanted, FAINT_SIZE, role="failure")]
    steps = (*stage.steps, *stage.folded)
    params = sum({one.key: one.numel for step in steps for one in step.params}.values())
    if params:
        lines.append(Text(0, 0, f"{count_text(params)} params", FAINT_SIZE, role="faint"))
    return lines


def wants(stage: Stage) -> str:
    """What a layer that failed would take, and what it gets."""
    if stage.main is None or not stage.main.inputs:
        return ""
    shape = stage.main.inputs[0].shape
    match stage.main.attrs:
        case LinearAttrs(in_features=wanted) if shape:
            return f"takes {wanted}, gets {shape[-1]}"
        case ConvAttrs(in_channels=wanted, kernel_size=kernel) if len(shape) > len(kernel):
            return f"takes {wanted}, gets {shape[-1 - len(kernel)]}"
        case _:
            return ""


def _line(content: str, *, bold: bool = False) -> Text:
    return Text(0, 0, shortened(printable(content), SIZE, WIDEST_LINE, bold=bold), SIZE, bold=bold)


def widest(lines: Sequence[Text]) -> float:
    """The width of the longest line."""
    return max((one.width for one in lines), default=0.0)


def text_block(lines: Sequence[Text], x: float, baseline: float, *, up: bool = False) -> list[Item]:
    """The lines below each other from `baseline` on; with `up` the last one stands there."""
    items: list[Item] = []
    y = baseline
    if up:
        y -= sum(one.size * LEADING for one in lines[1:])
    for place, one in enumerate(lines):
        if place:
            y += one.size * LEADING
        items.append(replace(one, x=x, y=y))
    return items


def stage_label(stage: Stage) -> str:
    """One line for a pointer or a reader: everything the stage is."""
    shape = shape_text(stage.shape)
    parts = [stage.path, stage.words, f"fails on {shape}" if stage.failed else shape]
    if stage.times > 1:
        parts.append(f"{stage.times} times")
    return ": ".join(part for part in parts if part)
