"""Where each axis of an output comes from: the graph of axes, for receptive fields.

A flow has one `Link` for each axis of the (first) output, or None where the axis is new or where
what made it was mixed beyond order. An op's row says how to get the flows of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias

from shapescope.ops.shapes import Ints, axes, axis, shape, shapes
from shapescope.trace import Step

WINDOW, TRANSPOSED, RESIZED = "window", "transposed", "resized"


class Link(NamedTuple):
    """One axis of the output, seen from one input.

    Output position `p` reads the positions `p*stride - padding + dilation*k` of the input's axis
    `axis`, for `k` below `kernel_size`. A stride of 0 reads the same ones everywhere. `transposed`
    reads backwards through such a window; `resized` samples `kernel_size` neighbours.
    """

    axis: int
    kernel_size: int = 1
    stride: int | Fraction = 1
    padding: int = 0
    dilation: int = 1
    kind: str = WINDOW


Flow: TypeAlias = tuple[Link | None, ...]
Flows: TypeAlias = tuple[Flow, ...]


@cache
def same(rank: int) -> Flow:
    """Every axis as it is."""
    return tuple(map(Link, range(rank)))


@lru_cache(maxsize=1024)
def sliding(
    kept: int, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, kind: str = ""
) -> Flow:
    """Axes that are kept, and behind them those along which a pool's window slides.

    With a kind, that of a convolution's window, which makes new channels in between.
    """
    lead = (*same(kept), None) if kind else same(kept)
    windows = zip(kernel_size, stride, padding, dilation, strict=True)
    links = (Link(at, *one, kind or WINDOW) for at, one in enumerate(windows, len(lead)))
    return (*lead, *links)


def whole(number: int, n: int) -> Link:
    """Every position of the output reads the whole axis."""
    return Link(number, n, 0)


def aligned(sizes: Sequence[int], made: Sequence[int]) -> Flow:
    """Axes aligned from the back, as broadcasting does; an axis of 1 is read everywhere."""
    new = len(made) - len(sizes)
    return tuple(
        None
        if at < new
        else Link(at - new, 1, 0)
        if sizes[at - new] == 1 and n != 1
        else Link(at - new)
        for at, n in enumerate(made)
    )


def picked(order: Iterable[int | None]) -> Flow:
    """For each axis of the output, the axis of the input that it is."""
    return tuple(None if number is None else Link(number) for number in order)


def regrouped_flow(old: Ints, new: Ints, parts: Iterable[tuple[int, int, int, int]]) -> Flow:
    """Axes through a reshape: those that keep their place among the values.

    Args:
        old: sizes before.
        new: sizes after.
        parts: (first old axis, one past the last, first new axis, one past the last) of the parts
            that hold the same values.
    """
    links: list[Link | None] = [None] * len(new)
    for start, stop, begin, end in parts:
        before = [at for at in range(start, stop) if old[at] != 1]
        after = [at for at in range(begin, end) if new[at] != 1]
        if len(before) == len(after) == 1:
            links[after[0]] = Link(before[0])
        elif not before and not after:
            # axes of 1: paired in order, the others are new
            for one, other in zip(range(start, stop), range(begin, end), strict=False):
                links[other] = Link(one)
    return tuple(links)


# --- flows of whole families


def pointwise_flow(step: Step) -> Flows:
    """The first input as it is."""
    return (same(len(step.inputs[0].shape)),)


def elementwise_flow(step: Step) -> Flows:
    """All inputs, broadcast."""
    given = shapes(step)
    made = [1] * max(map(len, given))
    for sizes in given:
        for at, n in enumerate(sizes, len(made) - len(sizes)):
            made[at] = max(made[at], n)
    return tuple(aligned(sizes, made) for sizes in given)


def mixing_flow(step: Step, dims: Iterable[int]) -> Flows:
    """The first input, each output reading all of these axes: softmax, cumsum, roll."""
    sizes = shape(step)
    mixed = set(dims)
    return (
        tuple(whole(at, n) if at in mixed and n != 1 else Link(at) for at, n in enumerate(sizes)),
    )


def last_lost_flow(step: Step) -> Flows:
    """All axes but the last one, which is mixed: linear maps."""
    return tuple((*same(len(sizes) - 1), None) for sizes in shapes(step)[:1])


def reduced_flow(step: Step, dims: Iterable[int], keepdim: bool) -> Flows:
    """Axes that are summed up: gone, or one position that reads all of them."""
    sizes, gone = shape(step), set(dims)
    links = []
    for at, n in enumerate(sizes):
        if at not in gone:
            links.append(Link(at))
        elif keepdim:
            links.append(Link(at, n, n))
    return (tuple(links),)


def joined_flow(step: Step, along: int) -> Flows:
    """Inputs behind one another along an axis."""
    flows: list[Flow] = []
    offset = 0
    for sizes in shapes(step):
        if sizes == (0,):
            flows.append(())
            continue
        at = axis(along, len(sizes))
        flows.append(tuple(Link(n, padding=offset if n == at else 0) for n in range(len(sizes))))
        offset += sizes[at] if at is not None else 0
    return tuple(flows)


def dims_of(given: object, rank: int) -> Ints:
    """Axes from the front, none where the call names none or one that does not exist."""
    if given is None:
        return ()
    return axes(given, rank) or ()
