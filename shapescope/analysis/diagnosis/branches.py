"""Branches that meet: the step where they parted, and what each of them changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from shapescope.analysis.code import operand_texts
from shapescope.analysis.diagnosis.history import (
    chain_to,
    ints,
    size_history,
    source_of,
    spatial_axes,
)
from shapescope.attrs import ConvAttrs, LinearAttrs, ResizeAttrs
from shapescope.ops import lookup
from shapescope.trace import Step, Trace


@dataclass(frozen=True, slots=True)
class Branch:
    """One input of a step that joins several.

    Attributes:
        position: which input it is.
        text: how it is written at the call.
        sizes: what arrives.
        way: the steps from the model's input, the last one makes what arrives.
        own: those behind the fork, on this branch alone.
        changing: of these, the layers that change channels or sizes.
        history: the sizes along the way, where windows were on it.
    """

    position: int
    text: str | None
    sizes: tuple[int, ...]
    way: tuple[Step, ...]
    own: tuple[Step, ...]
    changing: tuple[Step, ...]
    history: str

    def floored_from(self, size: int, axis: int = -1) -> int | None:
        """The odd size that a window on the way made `size` of by leaving something out."""
        for step in reversed(self.way):
            if not spatial_axes(step) or not step.outputs:
                continue
            given, made = ints(step.inputs[0].shape)[axis], ints(step.outputs[0].shape)[axis]
            windows = lookup(step.op).window(step)
            if made == size and windows and windows[axis].stride > 1:
                return given if given % windows[axis].stride else None
        return None

    def total_stride(self, axis: int = -1) -> int:
        """By how much the windows on the way divide the input."""
        strides = [
            windows[axis].stride
            for step in self.way
            if not step.op.startswith("conv_transpose")
            and (windows := lookup(step.op).window(step))
        ]
        return prod(strides)


def branches_of(trace: Trace, step: Step, positions: Sequence[int]) -> tuple[Branch, ...]:
    """The inputs of a step as branches."""
    texts = operand_texts(step.call_site, len(step.inputs))
    ways = [chain_to(trace, source_of(trace, step, place)) for place in positions]
    shared = set.intersection(*({one.index for one in way} for way in ways)) if ways else set()
    found = []
    for place, way in zip(positions, ways, strict=True):
        own = tuple(one for one in way if one.index not in shared)
        found.append(
            Branch(
                position=place,
                text=texts[place],
                sizes=ints(step.inputs[place].shape),
                way=way,
                own=own,
                changing=tuple(one for one in own if _changes(one)),
                history=size_history(way, settings=True),
            )
        )
    return tuple(found)


def stride_of_all_stages(trace: Trace, step: Step) -> int | None:
    """By how much the deepest way to a step divides the input, side ways of skips counted.

    None where a map grows to a size that is told it: then no stage needs a multiple.
    """
    needed = {step.index}
    for one in reversed(trace.steps[: step.index + 1]):
        if one.index in needed:
            needed.update(one.sources)
    strides: dict[int, Fraction] = {}
    deepest = Fraction(1)
    for one in trace.steps[: step.index + 1]:
        if one.index not in needed or one.is_composite:
            continue
        stride = max(
            (strides.get(source, Fraction(1)) for source in one.sources), default=Fraction(1)
        )
        windows = lookup(one.op).window(one)
        attrs = one.attrs
        if one.op.startswith("conv_transpose") and isinstance(attrs, ConvAttrs):
            stride /= Fraction(attrs.stride[-1])
        elif windows:
            stride *= Fraction(windows[-1].stride)
        elif isinstance(attrs, ResizeAttrs):
            if attrs.scale_factor is None:
                return None
            stride /= Fraction(attrs.scale_factor[-1])
        strides[one.index] = stride
        deepest = max(deepest, strides[one.index])
    return int(deepest) if deepest.denominator == 1 else None


def _changes(step: Step) -> bool:
    """Whether a layer changes channels, features or sizes."""
    if not step.inputs or not step.outputs:
        return False
    given, made = ints(step.inputs[0].shape), ints(step.outputs[0].shape)
    return given[1:] != made[1:] and (
        bool(spatial_axes(step)) or isinstance(step.attrs, ConvAttrs | LinearAttrs)
    )


def changed_by(trace: Trace, branches: Sequence[Branch]) -> tuple[Step, ...]:
    """The layers behind the fork that made the branches differ, at most three."""
    found = {step.index: step for branch in branches for step in branch.changing}
    return tuple(found[index] for index in sorted(found))[:4]


def differing_axes(one: Sequence[int], two: Sequence[int]) -> list[tuple[int, int, int]]:
    """Axis and both sizes wherever two shapes differ, aligned from the back."""
    rank = max(len(one), len(two))
    a = (*(1,) * (rank - len(one)), *one)
    b = (*(1,) * (rank - len(two)), *two)
    return [
        (axis, n, m)
        for axis, (n, m) in enumerate(zip(a, b, strict=True))
        if n != m and (1 not in (n, m) or len(one) == len(two))
        if 1 not in (n, m)
    ] or [(axis, n, m) for axis, (n, m) in enumerate(zip(a, b, strict=True)) if n != m]
