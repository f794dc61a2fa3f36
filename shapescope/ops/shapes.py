"""Arithmetic of whole shapes: what rules need besides `shapescope.arithmetic`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, cast

from shapescope.attrs import CallAttrs
from shapescope.trace import Step

Ints = tuple[int, ...]


def shape(step: Step, position: int = 0) -> Ints:
    """The shape of an input, of which the rules know that it holds ints."""
    sizes: Ints = step.inputs[position].shape  # type: ignore[assignment]
    return sizes


def shapes(step: Step) -> tuple[Ints, ...]:
    """The shapes of all inputs."""
    return tuple(cast(Ints, spec.shape) for spec in step.inputs)


def same_shape(step: Step) -> tuple[Ints, ...]:
    """The shape of the first input, as the shape of the output."""
    return (shape(step),)


def second_shape(step: Step) -> tuple[Ints, ...] | None:
    """The shape of the second input, as the shape of the output."""
    return (shape(step, 1),) if len(step.inputs) > 1 else None


def joint_shape(step: Step) -> tuple[Ints, ...] | None:
    """The shape to which all inputs broadcast, as the shape of the output."""
    made = broadcast(*shapes(step))
    return None if made is None else (made,)


def joint_refusal(step: Step) -> str | None:
    """Why the inputs do not broadcast, or None."""
    return broadcast_refusal(*shapes(step))


def matrix_refusal(step: Step) -> str | None:
    """Why the first input is no matrix, nor a stack of them, or None."""
    return few_axes_refusal(shape(step), 2)


def index_bytes(step: Step) -> int:
    """Bytes of an index, eight each, for every value of the output."""
    return 8 * output_numel(step)


def output_numel(step: Step) -> int:
    """Values in the first output, where there is one."""
    return prod(cast(Ints, step.outputs[0].shape)) if step.outputs else 0


def argument(step: Step, name: str, default: Any = None) -> Any:
    """A plain argument of the call, or the default where it was left out."""
    attrs = step.attrs
    if isinstance(attrs, CallAttrs):
        for given, value in attrs.arguments:
            if given == name:
                return value
    return default


def text(sizes: Iterable[int | str]) -> str:
    """`1 x 6 x 28 x 28`; `scalar` where there are no axes."""
    return " x ".join(map(str, sizes)) or "scalar"


def axis(number: Any, rank: int) -> int | None:
    """An axis counted from the front, or None where the tensor has no such axis.

    A tensor without axes takes 0 and -1, as torch does.
    """
    bound = max(rank, 1)
    if not isinstance(number, int) or not -bound <= number < bound:
        return None
    return number % bound


def axes(given: Any, rank: int) -> Ints | None:
    """Axes from an int, a tuple or None (all of them), or None where one does not exist."""
    if given is None or given == ():
        return tuple(range(rank))
    found = []
    for number in given if isinstance(given, tuple) else (given,):
        one = axis(number, rank)
        if one is None:
            return None
        found.append(one)
    return tuple(found)


def axis_refusal(sizes: Sequence[int], given: Any) -> str | None:
    """Why a tensor of this shape has no such axis or axes, or None."""
    seen: set[int] = set()
    for number in given if isinstance(given, tuple) else (given,):
        if not isinstance(number, int):
            continue
        found = axis(number, len(sizes))
        if found is None:
            return f"{text(sizes)} has no axis {number}"
        if found in seen:
            return f"axis {found} is named twice"
        seen.add(found)
    return None


def no_axes_refusal(sizes: Sequence[int], given: Any) -> str | None:
    """The same for what looks along an axis: a tensor without axes has none to look along."""
    return axis_refusal(sizes, given) or (None if sizes else "a tensor without axes has none")


def few_axes_refusal(sizes: Sequence[int], least: int) -> str | None:
    """Why a tensor of this shape has not the axes that an op needs at least, or None."""
    if len(sizes) >= least:
        return None
    return f"{text(sizes)} has {len(sizes)} axes, but at least {least} are needed"


def ranks_refusal(*given: Sequence[int]) -> str | None:
    """Why these shapes have not all the same number of axes, or None."""
    if len(set(map(len, given))) <= 1:
        return None
    return f"{' and '.join(map(text, given))} differ in their number of axes"


def plane_refusal(sizes: Sequence[int], plane: Any) -> str | None:
    """Why these are not two axes of a tensor of this shape, or None."""
    return few_axes_refusal(sizes, 2) or axis_refusal(sizes, plane)


def broadcast(*given: Sequence[int]) -> Ints | None:
    """The shape to which all of these broadcast, or None where they do not."""
    rank = max(map(len, given), default=0)
    result = [1] * rank
    for sizes in given:
        for position, size in enumerate(sizes, rank - len(sizes)):
            if size == 1:
                continue
            if result[position] not in (1, size):
                return None
            result[position] = size
    return tuple(result)


def fits_refusal(sizes: Sequence[int], target: Sequence[int]) -> str | None:
    """Why a shape does not broadcast to a target that stays as it is, or None."""
    if broadcast(sizes, target) == tuple(target):
        return None
    return f"{text(sizes)} does not broadcast to {text(target)}"


def broadcast_refusal(*given: Sequence[int]) -> str | None:
    """Why these shapes do not broadcast, or None."""
    if broadcast(*given) is not None:
        return None
    rank = max(map(len, given))
    padded = [(1,) * (rank - len(sizes)) + tuple(sizes) for sizes in given]
    clashes = []
    for position in range(rank):
        sizes = list(dict.fromkeys(row[position] for row in padded if row[position] != 1))
        if len(sizes) > 1:
            clashes.append(f"axis {position}: {' != '.join(map(str, sizes))}")
    return f"{' and '.join(map(text, given))} do not broadcast; {', '.join(clashes)}"


def without(sizes: Sequence[int], dropped: Iterable[int]) -> Ints:
    """The shape without these axes."""
    gone = set(dropped)
    return tuple(size for position, size in enumerate(sizes) if position not in gone)


def replaced(sizes: Sequence[int], position: int, *new: int) -> Ints:
    """The shape with one axis replaced by any number of others."""
    return (*sizes[:position], *new, *sizes[position + 1 :])


def are_ints(values: Any) -> bool:
    """Whether this is a tuple of ints alone: a size that depends on data is not."""
    return isinstance(values, tuple) and all(isinstance(value, int) for value in values)
