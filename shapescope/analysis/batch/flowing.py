"""What becomes of the batch where each axis of an output comes from axes of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from shapescope.analysis.batch.layout import Axis, Layout, plain, uniform
from shapescope.attrs import NormAttrs
from shapescope.ops.flow import Flows
from shapescope.ops.shapes import Ints
from shapescope.trace import Step

__all__ = ["Given", "Note", "by_flow"]


class Note(NamedTuple):
    """An event in the making: its kind, and the input and axis it concerns."""

    kind: str
    input: int = 0
    axis: int = 0


Given: TypeAlias = Sequence[Layout | None]

_REDUCING = frozenset(
    {"mean", "sum", "max", "min", "amax", "amin", "prod", "std", "var", "median", "norm",
     "logsumexp", "argmax", "argmin", "any", "all", "nanmean", "nansum"}
)  # fmt: skip


def by_flow(step: Step, flows: Flows | None, given: Given, notes: list[Note]) -> Layout | None:
    """The layout that the flow of axes gives: each output axis is what it comes from."""
    sizes = tuple([size for size in step.outputs[0].shape if isinstance(size, int)])
    if flows is None or not {0, len(sizes)}.issuperset(map(len, flows)):
        return None
    if isinstance(step.attrs, NormAttrs) and step.attrs.batch_statistics:
        # Training statistics cross the batch by design.
        return given[0]
    layout, events = _placed(flows, tuple(given), sizes, step.op in _REDUCING)
    notes += events
    return layout


@lru_cache(maxsize=4096)
def _placed(
    flows: Flows, given: tuple[Layout | None, ...], sizes: Ints, reducing: bool
) -> tuple[Layout | None, list[Note]]:
    """The layout of the output and what happens to the batch: one block is like the other."""
    notes: list[Note] = []
    axes: list[Axis] = list(map(uniform, sizes))
    from_input = any(layout is not None and layout.from_input for layout in given)
    tables = [layout.table for layout in given if layout is not None and layout.table]
    placed: dict[int, int] = {}
    for number, (flow, layout) in enumerate(zip(flows, given, strict=False)):
        if layout is None:
            if flow:
                return None, notes
            continue
        seen: set[int] = set()
        for at, link in enumerate(flow):
            if link is None or link.axis >= len(layout.axes):
                continue
            axis = layout.axes[link.axis]
            seen.add(link.axis)
            straight = link.kernel_size == 1 and link.stride == 1
            has_batch = axis.has_batch
            if has_batch and not straight:
                if link.stride == 0 and link.kernel_size == 1 and axis.size == 1:
                    continue
                kind = "reduced" if reducing else "read-across"
                notes.append(Note(kind, number, link.axis))
                return None, notes
            if has_batch:
                if placed.get(number, at) != at or any(one != at for one in placed.values()):
                    notes.append(Note("paired", number, link.axis))
                    return None, notes
                placed[number] = at
                axes[at] = axis
            elif axes[at].has_batch:
                continue
            elif straight and axis.size == sizes[at]:
                varies = axis.varies or axes[at].varies
                axes[at] = axis if varies == axis.varies else Axis(axis.factors, varies)
            else:
                varies = axis.varies or layout.from_input
                axes[at] = plain(sizes[at]) if varies else uniform(sizes[at])
        place = layout.batch_place
        lost = layout.from_input and place is not None and place not in seen
        if lost and not sizes and place is not None and reducing:
            # One number of all samples: a loss, or what every sample is compared with.
            notes.append(Note("reduced", number, place))
        if lost and flow and place is not None:
            notes.append(Note("reduced" if reducing else "read-across", number, place))
            return None, notes
    if tables:
        _note_tables(given, flows, axes, notes)
    table = tables[0] if tables and not from_input else None
    return Layout(tuple(axes), from_input, table), notes


def _note_tables(
    given: Given, flows: Sequence[object], axes: Sequence[Axis], notes: list[Note]
) -> None:
    """A table whose rows lie along the batch: each sample gets another one."""
    place = next((at for at, axis in enumerate(axes) if axis.is_batch), None)
    if place is None:
        return
    for number, layout in enumerate(given):
        if layout is None or layout.from_input or not layout.table:
            continue
        at = place - (len(axes) - len(layout.axes))
        if 0 <= at < len(layout.axes):
            axis = layout.axes[at]
            if axis.varies and axis.size == axes[place].size > 1:
                notes.append(Note("indexed", number, at))
