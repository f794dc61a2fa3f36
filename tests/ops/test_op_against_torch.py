"""Calls of torch with whatever sizes: a row refuses what a CPU refuses, and else has its shape."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from shapescope.ops import lookup
from shapescope.trace import Step

StepsOf = Callable[..., tuple[Step, ...]]
Call = tuple[Callable[..., Any], tuple[Any, ...]]
T = TypeVar("T")


class Draw:
    """Sizes, axes and numbers, right ones and wrong ones."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def of(self, *choices: T) -> T:
        return self._data.draw(st.sampled_from(choices))

    def upto(self, most: int, least: int = 0) -> int:
        return self._data.draw(st.integers(least, most))

    def size(self) -> int:
        return self.of(0, 1, 1, 2, 2, 3, 4, 6)

    def shape(self, least: int = 0, most: int = 4) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.upto(most, least)))

    def tensor(self, least: int = 0, most: int = 4) -> Tensor:
        return torch.rand(self.shape(least, most))

    def axis(self, x: Tensor) -> int:
        """One in two is none of the tensor's or hard to tell."""
        return self.upto(x.dim(), -x.dim() - 1)

    def like(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that is the same, or differs in a size, or has an axis more or less."""
        found = list(shape)
        change = self.of("none", "none", "size", "fewer", "more", "ones")
        if change == "size" and found:
            found[self.upto(len(found) - 1)] = self.size()
        elif change == "fewer":
            found = found[1:]
        elif change == "more":
            found = [1, *found]
        elif change == "ones":
            found = [self.of(1, size) for size in found]
        return tuple(found)

    def maps(self, axes: int, channels: int) -> Tensor:
        """A batch of maps, now and then without its batch or with too few axes."""
        shape = (self.of(0, 1, 2), channels, *(self.upto(7) for _ in range(axes)))
        return torch.rand(shape[self.of(0, 0, 0, 1, 2) :])


def index(shape: Sequence[int]) -> Tensor:
    return torch.zeros(tuple(shape), dtype=torch.int64)


def along(function: Callable[..., Any], *others: Any) -> Callable[[Draw], Call]:
    """A call that takes one axis."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        return function, (x, draw.axis(x), *others)

    return call


def reducing(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    """A call that takes one axis or several."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        many = tuple(draw.axis(x) for _ in range(draw.upto(2, 1)))
        return function, (x, draw.of(many, draw.axis(x)), draw.of(True, False))

    return call


def paired(function: Callable[..., Any], listed: bool = False) -> Callable[[Draw], Call]:
    """A call of two tensors, or of a list of two, of much the same shape."""

    def call(draw: Draw) -> Call:
        x = draw.tensor()
        pair = (x, torch.rand(draw.like(x.shape)))
        return function, (list(pair),) if listed else pair

    return call


def product(function: Callable[..., Any], rank: int | None = None) -> Callable[[Draw], Call]:
    """A call that multiplies, of tensors with so many axes where they are right."""

    def call(draw: Draw) -> Call:
        axes = draw.upto(4) if rank is None else max(rank + draw.of(0, 0, 0, 1, -1), 0)
        left = draw.shape(axes, axes)
        right = list(draw.like(left))
        if len(right) > 1:
            right[-1], right[-2] = right[-2], right[-1]
        return function, (torch.rand(left), torch.rand(right))

    return call


def convolving(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        groups, channels, made = draw.of(1, 1, 2, 3), draw.upto(6, 1), draw.upto(6, 1)
        taken = draw.of(max(channels // groups, 1), draw.upto(3, 1))
        weight = torch.rand(made, taken, *(draw.upto(4, 1) for _ in range(axes)))
        padding = draw.of(0, 1, 2, "same", "valid")
        settings = (None, draw.upto(3, 1), padding, draw.upto(2, 1), groups)
        return function, (draw.maps(axes, channels), weight, *settings)

    return call


def transposing(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        groups, channels = draw.of(1, 1, 2, 3), draw.upto(6, 1)
        taken = draw.of(channels, draw.upto(6, 1))
        weight = torch.rand(taken, draw.upto(2, 1), *(draw.upto(4, 1) for _ in range(axes)))
        settings = (None, draw.upto(3, 1), draw.upto(2), draw.upto(2), groups, draw.upto(2, 1))
        return function, (draw.maps(axes, channels), weight, *settings)

    return call


def pooling(function: Callable[..., Any], axes: int, *, dilated: bool) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        settings: tuple[Any, ...] = (draw.upto(4, 1), draw.upto(3, 1), draw.upto(2))
        settings += (draw.upto(2, 1),) if dilated else ()
        return function, (draw.maps(axes, 2), *settings, draw.of(True, False))

    return call


def adapting(function: Callable[..., Any], axes: int) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        return function, (draw.maps(axes, 2), tuple(draw.upto(3) for _ in range(axes)))

    return call


def flattened(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.flatten, (x, draw.axis(x), draw.axis(x))


def unflattened(draw: Draw) -> Call:
    x = draw.tensor(1)
    sizes = tuple(draw.of(-1, 1, 2, 3) for _ in range(draw.upto(3, 1)))
    return torch.unflatten, (x, draw.axis(x), sizes)


def reshaped(draw: Draw) -> Call:
    return torch.reshape, (
        draw.tensor(),
        tuple(draw.of(-1, 1, 2, 3, 4, 6) for _ in range(draw.upto(3))),
    )


def expanded(draw: Draw) -> Call:
    x = draw.tensor()
    sizes = tuple(draw.of(size, size, -1) for size in draw.like(x.shape))
    return torch.Tensor.expand, (x, draw.of(sizes, (2, *sizes)))


def repeated(draw: Draw) -> Call:
    return torch.Tensor.repeat, (
        draw.tensor(),
        tuple(draw.upto(2) for _ in range(draw.upto(5))),
    )


def split(draw: Draw) -> Call:
    x = draw.tensor()
    parts = [draw.upto(3) for _ in range(draw.upto(3, 1))]
    return torch.split, (x, draw.of(draw.upto(4), parts), draw.axis(x))


def chunked(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.chunk, (x, draw.upto(4, 1), draw.axis(x))


def narrowed(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.narrow, (x, draw.axis(x), draw.upto(3, -1), draw.upto(4))


def selected(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.select, (x, draw.axis(x), draw.upto(3, -3))


def gathered(draw: Draw) -> Call:
    x = torch.rand([size or 2 for size in draw.shape()])  # of nothing, the values alone decide
    return torch.gather, (x, draw.axis(x), index(draw.like(x.shape)))


def joined(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = draw.tensor()
        others = [torch.rand(draw.like(x.shape)) for _ in range(draw.upto(2))]
        return function, ([x, *others], draw.axis(x))

    return call


def picked(draw: Draw) -> Call:
    entries = [slice(None), slice(1, None), None, ..., draw.upto(3, -3), draw.upto(3, -3)]
    key = tuple(draw.of(*entries) for _ in range(draw.upto(3, 1)))
    seen = [at for at, entry in enumerate(key) if entry is ...]
    key = tuple(entry for at, entry in enumerate(key) if at not in seen[1:])
    return torch.Tensor.__getitem__, (draw.tensor(1), key)


def mapped(draw: Draw) -> Call:
    x = draw.tensor()
    features = draw.of(x.shape[-1] if x.dim() else 1, draw.size())
    return F.linear, (x, torch.rand(draw.upto(4, 1), features))


def padded(draw: Draw) -> Call:
    amounts = tuple(draw.upto(3, -2) for _ in range(draw.of(2, 4, 6, 1, 3)))
    mode = draw.of("constant", "reflect", "replicate", "circular")
    return F.pad, (draw.tensor(0, 5), amounts, mode)


def unfolded(draw: Draw) -> Call:
    settings = (draw.upto(3, 1), draw.upto(2, 1), draw.upto(2), draw.upto(2, 1))
    return F.unfold, (draw.maps(2, 2), *settings)


def folded(draw: Draw) -> Call:
    kernel = draw.upto(3, 1)
    columns = torch.rand(draw.upto(2, 1), draw.upto(3, 1) * draw.of(1, kernel**2), draw.upto(9))
    return F.fold, (columns, (draw.upto(5, 1), draw.upto(5, 1)), kernel)


def windows(draw: Draw) -> Call:
    x = draw.tensor()
    return torch.Tensor.unfold, (x, draw.axis(x), draw.upto(3), draw.upto(3))


def shuffled(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    return lambda draw: (function, (draw.tensor(2, 5), draw.upto(3, 1)))


def scored(draw: Draw) -> Call:
    scores = draw.tensor(1)
    classes = 1 if scores.dim() > 1 else 0
    rest = (*scores.shape[:classes], *scores.shape[classes + 1 :])
    if 0 in scores.shape:
        scores = torch.rand([size or 2 for size in scores.shape])
    return F.nll_loss, (scores, index(draw.of(draw.like(rest), (1,))))


CALLS: dict[str, Callable[[Draw], Call]] = {
    "flatten": flattened,
    "unflatten": unflattened,
    "reshape": reshaped,
    "expand": expanded,
    "repeat": repeated,
    "split": split,
    "chunk": chunked,
    "narrow": narrowed,
    "select": selected,
    "gather": gathered,
    "getitem": picked,
    "cat": joined(torch.cat),
    "stack": joined(torch.stack),
    "hstack": paired(torch.hstack, listed=True),
    "vstack": paired(torch.vstack, listed=True),
    "dstack": paired(torch.dstack, listed=True),
    "squeeze": along(torch.squeeze),
    "unsqueeze": along(torch.unsqueeze),
    "softmax": along(torch.softmax),
    "cumsum": along(torch.cumsum),
    "sort": along(torch.sort),
    "glu": along(F.glu),
    "max": along(torch.max, True),
    "argmax": along(torch.argmax),
    "prod": along(torch.prod, True),
    "sum": reducing(torch.sum),
    "mean": reducing(torch.mean),
    "amax": reducing(torch.amax),
    "logsumexp": reducing(torch.logsumexp),
    "add": paired(torch.add),
    "maximum": paired(torch.maximum),
    "matmul": product(torch.matmul),
    "mm": product(torch.mm, 2),
    "bmm": product(torch.bmm, 3),
    "mv": product(torch.mv, 2),
    "dot": product(torch.dot, 1),
    "linear": mapped,
    "pad": padded,
    "unfold": unfolded,
    "fold": folded,
    "tensor_unfold": windows,
    "pixel_shuffle": shuffled(F.pixel_shuffle),
    "pixel_unshuffle": shuffled(F.pixel_unshuffle),
    "conv1d": convolving(F.conv1d, 1),
    "conv2d": convolving(F.conv2d, 2),
    "conv3d": convolving(F.conv3d, 3),
    "conv_transpose1d": transposing(F.conv_transpose1d, 1),
    "conv_transpose2d": transposing(F.conv_transpose2d, 2),
    "max_pool1d": pooling(F.max_pool1d, 1, dilated=True),
    "max_pool2d": pooling(F.max_pool2d, 2, dilated=True),
    "avg_pool1d": pooling(F.avg_pool1d, 1, dilated=False),
    "avg_pool2d": pooling(F.avg_pool2d, 2, dilated=False),
    "adaptive_avg_pool2d": adapting(F.adaptive_avg_pool2d, 2),
    "adaptive_max_pool2d": adapting(F.adaptive_max_pool2d, 2),
    "binary_cross_entropy": paired(F.binary_cross_entropy),
    "nll_loss": scored,
}


@pytest.mark.parametrize("op", CALLS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_row_says_what_torch_does(op: str, steps_of: StepsOf, data: st.DataObject) -> None:
    function, args = CALLS[op](Draw(data))

    def call() -> Any:
        return function(*args)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = call()
        except (RuntimeError, ValueError, IndexError, TypeError):
            made = None
        steps = [step for step in steps_of(call) if step.op != "module"]
    if not steps:
        assert made is args[0]  # torch hands back what it was given
        return
    (step,) = steps
    row = lookup(step.op)
    assert step.op == op
    reason = row.refusal(step)
    if made is None:
        assert reason is not None
        return
    assert reason is None
    observed = [tuple(one.shape) for one in ([made] if isinstance(made, Tensor) else made)]
    shapes = row.output_shape(step)
    assert shapes is not None
    assert list(shapes)[: len(observed)] == observed
