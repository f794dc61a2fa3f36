"""Shapes and validity of what only rearranges: reshape, flatten, cat, slices, reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapescope.arithmetic.axes import extent


def reshape_shape(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Output shape of reshape or view: `target` with its -1 filled in from what is left.

    Args:
        shape: Input shape.
        target: Sizes asked for, one of them -1 at most.

    Returns:
        The shape; call `reshape_refusal` first, it says where there is none.
    """
    known = math.prod(size for size in target if size != -1)
    return tuple(math.prod(shape) // known if size == -1 else size for size in target)


def reshape_refusal(shape: Sequence[int], target: Sequence[int]) -> str | None:
    """Reason why a reshape is refused on any device, or None.

    A view may be refused for its memory layout besides, which no shape shows.
    """
    if list(target).count(-1) > 1:
        return f"only one size of {extent(target)} can be -1"
    if any(size < -1 for size in target):
        return f"{extent(target)} has a negative size"
    numel = math.prod(shape)
    known = math.prod(size for size in target if size != -1)
    if -1 in target:
        if known == 0 and numel == 0:
            return f"-1 in {extent(target)} could be anything, as there are no values"
        if known == 0 or numel % known:
            return f"{extent(shape)} = {numel} values cannot be cut into pieces of {known}"
        return None
    if known != numel:
        return f"{extent(shape)} = {numel} values are not {extent(target)} = {known}"
    return None


def flatten_shape(shape: Sequence[int], start: int = 0, end: int = -1) -> tuple[int, ...]:
    """Output shape of flatten: the axes from `start` to `end`, both included, become one."""
    if not shape:
        return (1,)
    first, last = start % len(shape), end % len(shape)
    return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def flatten_refusal(shape: Sequence[int], start: int = 0, end: int = -1) -> str | None:
    """Reason why PyTorch refuses a flatten, or None."""
    rank = max(len(shape), 1)
    for axis in (start, end):
        if not -rank <= axis < rank:
            return f"axis {axis} is outside a tensor of rank {len(shape)}"
    if start % rank > end % rank:
        return f"flatten cannot start at axis {start} and end before it at axis {end}"
    return None


def slice_output(n: int, start: int | None, stop: int | None, step: int | None = None) -> int:
    """Size of a slice of an axis, as in Python: it is cut to what there is and never refused."""
    return len(range(*slice(start, stop, step).indices(n)))


def _cat_operands(shapes: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    # a tensor of shape (0,) is skipped whatever the others are: an old promise of torch.cat
    return [shape for shape in shapes if tuple(shape) != (0,)]


def cat_shape(shapes: Sequence[Sequence[int]], axis: int = 0) -> tuple[int, ...]:
    """Output shape of cat: the sizes along `axis` added up."""
    operands = _cat_operands(shapes)
    if not operands:
        return (0,)
    first = operands[0]
    where = axis % len(first)
    total = sum(shape[where] for shape in operands)
    return (*first[:where], total, *first[where + 1 :])


def cat_refusal(shapes: Sequence[Sequence[int]], axis: int = 0) -> str | None:
    """Reason why PyTorch refuses a cat, or None."""
    if not shapes:
        return "there is nothing to concatenate"
    if any(len(shape) == 0 for shape in shapes):
        return "a tensor without axes cannot be concatenated"
    operands = _cat_operands(shapes)
    if not operands:
        return None
    first = operands[0]
    rank = len(first)
    if not -rank <= axis < rank:
        return f"axis {axis} is outside tensors of rank {rank}"
    where = axis % rank
    for shape in operands[1:]:
        if len(shape) != rank:
            return f"{extent(first)} and {extent(shape)} have {rank} and {len(shape)} axes"
        for other, (one, two) in enumerate(zip(first, shape, strict=True)):
            if other != where and one != two:
                return f"{extent(first)} and {extent(shape)} differ along axis {other}"
    return None


def maximum_refusal(n: int) -> str | None:
    """Reason why a maximum, minimum or argmax over an axis of size n is refused, or None."""
    return "the maximum over an empty axis does not exist" if n == 0 else None


def rank_refusal(rank: int, accepted: Sequence[int]) -> str | None:
    """Reason why an input of this rank is refused by an op that accepts only some, or None."""
    if rank in accepted:
        return None
    return f"the input has rank {rank}, but {' or '.join(map(str, accepted))} is needed"
