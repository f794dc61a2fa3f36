"""A step inside `torch.vmap`: the rules see one sample of it, as the code that is mapped does.

A spec's `vmapped` first axes are those that maps run over, the outermost first. The rest is the
tensor as the mapped code sees it, and what the step was told (`dim=0`, `view(-1)`) speaks of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from shapescope.ops.flow import Flow, Flows, Link
from shapescope.trace import Shape, Step, TensorSpec

__all__ = ["is_vmapped", "of_one_sample", "sample_axes", "sample_count", "with_sample_axes"]


def is_vmapped(step: Step) -> bool:
    """Whether the step runs for all samples of a map at once."""
    if step.outputs:
        return step.outputs[0].vmapped > 0
    return any(spec.vmapped for spec in step.inputs)


def of_one_sample(step: Step) -> Step:
    """The step as the mapped code sees it."""
    return replace(
        step,
        inputs=tuple(map(_one_sample, step.inputs)),
        outputs=tuple(map(_one_sample, step.outputs)),
    )


def _one_sample(spec: TensorSpec) -> TensorSpec:
    return TensorSpec(spec.shape[spec.vmapped :], spec.dtype, spec.name)


def sample_axes(step: Step) -> Shape:
    """The sizes of the axes that the maps around a step run over."""
    widest = max((*step.outputs[:1], *step.inputs), key=lambda spec: spec.vmapped)
    return widest.shape[: widest.vmapped]


def sample_count(step: Step) -> int | None:
    """How often the mapped code runs the step; None where a size is a name."""
    sizes: list[Any] = [*sample_axes(step)]
    return None if str in map(type, sizes) else prod(sizes)


def with_sample_axes(step: Step, flows: Flows | None) -> Flows | None:
    """The flows of one sample with the axes of the maps in front, which stay what they are.

    None where an input belongs to some of the maps only and its sizes do not tell to which.
    """
    axes = sample_axes(step)
    if flows is None:
        return None
    found = []
    for spec, flow in zip(step.inputs, flows, strict=False):
        front = _front(spec.shape[: spec.vmapped], axes)
        if front is None:
            return None
        found.append((*front, *(_behind(link, spec.vmapped) for link in flow)) if flow else flow)
    return tuple(found)


def _front(own: Sequence[int | str], axes: Sequence[int | str]) -> Flow | None:
    """For each axis of the maps, the axis of an input that it is."""
    if len(own) == len(axes):
        return tuple(map(Link, range(len(axes))))
    if not own:
        return (None,) * len(axes)
    if len(own) > 1 or axes.count(own[0]) != 1:
        return None
    return tuple(Link(0) if size == own[0] else None for size in axes)


def _behind(link: Link | None, axes: int) -> Link | None:
    return None if link is None else link._replace(axis=link.axis + axes)
