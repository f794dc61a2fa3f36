"""Which axes of a tensor are spatial: maps are told from rows of features and from vectors."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.attrs import (
    AdaptivePoolAttrs,
    CallAttrs,
    ConvAttrs,
    FractionalPoolAttrs,
    PoolAttrs,
    ResizeAttrs,
    UnpoolAttrs,
)
from shapescope.render.drawing.wording import kind_of
from shapescope.trace import Shape, Step


def spatial_rank(step: Step) -> int:
    """The number of spatial axes the step's settings speak of; 0 where they speak of none."""
    match step.attrs:
        case ConvAttrs() | PoolAttrs() | FractionalPoolAttrs() | UnpoolAttrs():
            return len(step.attrs.kernel_size)
        case AdaptivePoolAttrs():
            return len(step.attrs.output_size)
        case ResizeAttrs():
            return len(step.inputs[0].shape) - 2 if step.inputs else 0
        case _:
            return 0


def input_rank(shape: Shape, steps: Sequence[Step]) -> int:
    """The spatial axes of a model's input: those the first layer with a window slides along."""
    for step in steps:
        own = spatial_rank(step)
        if own and own < len(shape):
            return own
    return max(len(shape) - 2, 0) if len(shape) > 3 else 0


def wanted_rank(steps: Sequence[Step], shape: Shape) -> int:
    """The spatial axes that these steps see in a tensor of this shape: `unflatten` made maps."""
    own = spatial_rank(steps[0])
    return own if own and len(shape) == own + 2 else 0


def rank_after(steps: Sequence[Step], before: int) -> int:
    """The spatial axes of what these steps make, one after the other, from maps of rank `before`.

    0 where it is no map with its channels in front: rows of features, vectors, channels last.
    """
    rank = before
    for step in steps:
        if not step.outputs:
            return rank
        axes = len(step.outputs[0].shape)
        own = spatial_rank(step)
        if own:
            rank = own
        elif kind_of(step) == "reshape":
            rank = _rank_after_reshape(step, rank)
        elif kind_of(step) in ("dense", "attention", "recurrent"):
            rank = 0
        if axes <= rank:
            rank = 0
    return rank


def _rank_after_reshape(step: Step, before: int) -> int:
    """Channels moved to the front make maps again; axes that keep their places stay."""
    axes = len(step.outputs[0].shape)
    if step.op == "permute" and isinstance(step.attrs, CallAttrs):
        dims = step.attrs.get("dims")
        to_front = (0, axes - 1, *range(1, axes - 1))
        if isinstance(dims, tuple) and tuple(_positive(dims, axes)) == to_front and axes > 3:
            return axes - 2
        return 0
    kept = bool(step.inputs) and len(step.inputs[0].shape) == axes
    return before if kept and step.op != "transpose" else 0


def _positive(dims: Sequence[object], axes: int) -> list[int]:
    return [dim % axes for dim in dims if isinstance(dim, int)]
