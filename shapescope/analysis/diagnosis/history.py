"""The way of a tensor through the model: the steps that made it, and its sizes along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from shapescope.analysis.diagnosis.words import (
    equation,
    name_of,
    settings_of,
    sizes_text,
)
from shapescope.attrs import (
    AdaptivePoolAttrs,
    ConvAttrs,
    EmbeddingAttrs,
    LinearAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResizeAttrs,
)
from shapescope.ops import lookup
from shapescope.trace import Shape, Step, TensorSpec, Trace

_MOST_SHOWN = 9
_LONGEST_LINE = 84
_MERGING = frozenset({"flatten", "view", "reshape"})
_MOVING = frozenset({"permute", "transpose", "movedim"})


def ints(shape: Shape) -> tuple[int, ...]:
    """The shape where all sizes are ints; empty otherwise."""
    return tuple(size for size in shape if isinstance(size, int)) if _is_ints(shape) else ()


def _is_ints(shape: Shape) -> bool:
    return all(isinstance(size, int) for size in shape)


def source_of(trace: Trace, step: Step, position: int = 0) -> Step | None:
    """The step that made an input; None for what came from outside."""
    pairs = step.input_sources()
    if position >= len(pairs):
        return None
    number = pairs[position][1]
    return None if number is None else trace.steps[number]


def main_input(step: Step) -> int:
    """The input that carries the data on: the largest one, the first of equals."""
    best, most = 0, -1
    for position, spec in enumerate(step.inputs):
        size = prod(ints(spec.shape)) if _is_ints(spec.shape) else 0
        if step.op not in ("matmul", "bmm", "baddbmm") and size > most and spec.name is None:
            best, most = position, size
    return best


def chain_to(trace: Trace, step: Step | None, position: int | None = None) -> tuple[Step, ...]:
    """The steps from a model input to `step`, itself included, along the main path.

    Args:
        trace: the trace the step is from.
        step: where the way ends.
        position: the input of `step` whose way it is; the main one by default.
    """
    way: list[Step] = []
    while step is not None:
        way.append(step)
        step = source_of(trace, step, main_input(step) if position is None else position)
        position = None
    return tuple(reversed(way))


def passes(step: Step) -> bool:
    """Whether a step leaves shape and axes as they are."""
    if not step.outputs or not step.inputs:
        return False
    row = lookup(step.op)
    same = step.outputs[0].shape == step.inputs[main_input(step)].shape
    return same and (row.pointwise or not row.changes_axes) and step.op not in ("linear", "matmul")


def feature_axis(trace: Trace, step: Step) -> int | None:
    """The axis of the first input along which the features lie, as its makers tell.

    A convolution makes channels on axis 1, a linear layer features on the last one; a permute
    takes them elsewhere. None where another op came in between.
    """
    moves: list[Step] = []
    maker = source_of(trace, step)
    while maker is not None and maker.inputs and maker.outputs:
        rank = len(maker.outputs[0].shape)
        if isinstance(maker.attrs, ConvAttrs):
            return _moved_to(rank - len(maker.attrs.kernel_size) - 1, moves)
        if isinstance(maker.attrs, LinearAttrs | EmbeddingAttrs | RecurrentAttrs):
            return _moved_to(rank - 1, moves)
        if maker.op in _MOVING:
            moves.insert(0, maker)
        elif not passes(maker) and not isinstance(maker.attrs, PoolAttrs | ResizeAttrs):
            return None
        maker = source_of(trace, maker, main_input(maker))
    return None


def _moved_to(axis: int, moves: Sequence[Step]) -> int | None:
    """Where an axis stands behind steps that move axes; None where that cannot be told."""
    for step in moves:
        flow = next(iter(lookup(step.op).flow(step) or ()), ())
        places = (at for at, link in enumerate(flow) if link is not None and link.axis == axis)
        place = next(places, None)
        if place is None:
            return None
        axis = place
    return axis


def last_pool(chain: Sequence[Step]) -> Step | None:
    """The pool at the end of a way, behind which nothing changes the shape."""
    for step in reversed(chain):
        if "pool" in step.op:
            return step
        if not passes(step):
            return None
    return None


@dataclass(frozen=True, slots=True)
class Flattened:
    """A tensor whose last axis was several axes before: by which step, and which sizes."""

    step: Step
    before: tuple[int, ...]
    factors: tuple[int, ...]


def flattened(trace: Trace, step: Step) -> Flattened | None:
    """How the input of `step` was flattened, if that is what made its last axis."""
    maker = source_of(trace, step)
    while maker is not None and passes(maker):
        maker = source_of(trace, maker, main_input(maker))
    if maker is None or maker.op not in _MERGING or not maker.inputs:
        return None
    before = ints(maker.inputs[0].shape)
    after = ints(maker.outputs[0].shape) if maker.outputs else ()
    if not before or not after or len(after) >= len(before):
        return None
    kept = 0
    while kept < len(after) - 1 and before[kept] == after[kept]:
        kept += 1
    factors = before[kept:]
    if kept != len(after) - 1 or prod(factors) != after[-1]:
        return None
    return Flattened(maker, before, factors)


def spatial_axes(step: Step) -> int:
    """How many axes a window slides over; 0 for a step without one."""
    attrs = step.attrs
    if isinstance(attrs, ConvAttrs | PoolAttrs):
        return len(attrs.kernel_size)
    if isinstance(attrs, AdaptivePoolAttrs):
        return len(attrs.output_size)
    if isinstance(attrs, ResizeAttrs) and step.inputs:
        return max(len(step.inputs[0].shape) - 2, 0)
    return 0


def spatial_after(step: Step, sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """What a step would make of a map of other sizes; None where that cannot be told."""
    if not step.inputs:
        return None
    position = main_input(step)
    before = ints(step.inputs[position].shape)
    axes = len(sizes)
    if len(before) < axes:
        return None
    given = TensorSpec((*before[: len(before) - axes], *sizes), step.inputs[position].dtype)
    row = lookup(step.op)
    if len(step.inputs) == 1 and row.shape_rule is not None:
        made = row.output_shape(replace(step, inputs=(given,), sources=(0,)))
        if made is None or len(made[0]) < axes:
            return None
        return ints(made[0][len(made[0]) - axes :])
    if not step.outputs:
        return None
    after = ints(step.outputs[0].shape)
    same = after[len(after) - axes :] == before[len(before) - axes :]
    return sizes if same and len(after) == len(before) else None


def windowed_part(chain: Sequence[Step], axes: int) -> tuple[Step, ...]:
    """The last stretch of a way on which maps keep their `axes` spatial axes.

    Returns:
        The steps from the first one that sees the map on, without those that leave it alone.
    """
    part: list[Step] = []
    for step in reversed(chain):
        if not step.inputs:
            break
        if lookup(step.op).changes_axes and not spatial_axes(step) and step.op != "cat":
            break
        sizes = ints(step.inputs[main_input(step)].shape)
        if len(sizes) <= axes or spatial_after(step, sizes[len(sizes) - axes :]) is None:
            if step.outputs and part:
                break
            if spatial_axes(step) != axes:
                break
        part.append(step)
    return tuple(step for step in reversed(part) if spatial_axes(step) or not passes(step))


def size_history(chain: Sequence[Step], *, settings: bool = False) -> str:
    """`28 -> conv1 (k5) (28 - 5 + 2*0)/1 + 1 = 24 -> pool 12 -> conv2 8 -> pool 4`.

    Args:
        chain: the way, see `chain_to`.
        settings: name the window of every step instead of the first one's formula.
    """
    shown = [step for step in chain if spatial_axes(step) and step.outputs]
    if not shown:
        return ""
    axes = spatial_axes(shown[-1])
    shown = [step for step in shown if spatial_axes(step) == axes]
    start = ints(shown[0].inputs[0].shape)[-axes:]
    changing = [step for step in shown if _changes(step, axes)]
    if len(shown) > _MOST_SHOWN and changing:
        shown = changing
    if len(shown) > _MOST_SHOWN:
        shown = [*shown[: _MOST_SHOWN // 2], *shown[-(_MOST_SHOWN // 2) :]]
    parts = [sizes_text(start)]
    for number, step in enumerate(shown):
        after = sizes_text(ints(step.outputs[0].shape)[-axes:])
        window = settings_of(step)
        if settings or len(set(start)) > 1:
            parts.append(" ".join(filter(None, (_among_sizes(step), window, after))))
        elif number == 0 and lookup(step.op).formula(step):
            text = " ".join(filter(None, (_among_sizes(step), _plain_window(window))))
            parts.append(f"{text} {lookup(step.op).formula(step)[-1]}")
        else:
            parts.append(f"{_among_sizes(step)} {after}")
    return " -> ".join(parts)


def _among_sizes(step: Step) -> str:
    """What a step is called beside sizes: `[2]` for the entry `2` of a Sequential."""
    name = name_of(step)
    return f"[{name}]" if name.isdigit() else name


def _plain_window(window: str) -> str:
    """The window as it stands in front of a formula: the formula shows stride and padding."""
    return f"{window.split(' ')[0].rstrip(')')})" if window else ""


def _changes(step: Step, axes: int) -> bool:
    return ints(step.inputs[0].shape)[-axes:] != ints(step.outputs[0].shape)[-axes:]


def flatten_history(trace: Trace, found: Flattened) -> tuple[str, ...]:
    """The sizes up to a flatten and what it makes: `28 -> ... 4; flatten 16 * 4 * 4 = 256`.

    Two lines where one would be too long to read.
    """
    way = size_history(chain_to(trace, source_of(trace, found.step)))
    made = f"{_among_sizes(found.step)} {equation(found.factors)}"
    if not way:
        return (made,)
    return (way, made) if len(way) + len(made) > _LONGEST_LINE else (f"{way}; {made}",)
