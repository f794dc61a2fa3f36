"""Where the stages of one row stand: as close as their bodies and their texts allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TEXT_GAP = 10.0
"""Between two texts of the same line."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What a stage takes of the row.

    Attributes:
        body: width of the drawn body.
        above: width of the text centred above the body.
        below: width of the text centred below the body.
        joint: width of the text centred between this stage and the one before it.
        gap: at least so much between the body before and this one.
    """

    body: float
    above: float
    below: float
    joint: float
    gap: float


def placed(slots: Sequence[Slot]) -> list[float]:
    """The left edge of each body. No two texts of a line come closer than `TEXT_GAP`."""
    lefts: list[float] = []
    joint_end: float | None = None
    for place, slot in enumerate(slots):
        if not lefts:
            lefts.append(0.0)
            continue
        before = slots[place - 1]
        end = lefts[-1] + before.body
        left = end + slot.gap
        middle = lefts[-1] + before.body / 2
        for here, there in ((before.above, slot.above), (before.below, slot.below)):
            if here and there:
                needed = middle + here / 2 + TEXT_GAP + there / 2 - slot.body / 2
                left = max(left, needed)
        if slot.joint:
            # Centred between the two bodies: the gap moves it by half of itself.
            if joint_end is not None:
                left = max(left, 2 * (joint_end + TEXT_GAP + slot.joint / 2) - end)
            joint_end = (end + left) / 2 + slot.joint / 2
        lefts.append(left)
    return lefts


def extent_of(slots: Sequence[Slot], lefts: Sequence[float]) -> tuple[float, float]:
    """The left and right edge of the whole row, texts included."""
    starts, ends = [], []
    for place, (slot, left) in enumerate(zip(slots, lefts, strict=True)):
        middle = left + slot.body / 2
        widest = max(slot.body, slot.above, slot.below)
        starts.append(middle - widest / 2)
        ends.append(middle + widest / 2)
        if place and slot.joint:
            centre = (lefts[place - 1] + slots[place - 1].body + left) / 2
            starts.append(centre - slot.joint / 2)
            ends.append(centre + slot.joint / 2)
    return min(starts, default=0.0), max(ends, default=0.0)
