"""What the comparisons of rows with torch share: sizes and calls, right ones and wrong ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
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


def joined(function: Callable[..., Any]) -> Callable[[Draw], Call]:
    def call(draw: Draw) -> Call:
        x = draw.tensor()
        others = [torch.rand(draw.like(x.shape)) for _ in range(draw.upto(2))]
        return function, ([x, *others], draw.axis(x))

    return call


def assert_as_torch(op: str, call: Call, steps_of: StepsOf) -> None:
    """The row of an op refuses this call where a CPU does, and else has the shape of its output."""
    function, args = call

    def run() -> Any:
        return function(*args)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = run()
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
            made = None
        steps = [step for step in steps_of(run) if step.op != "module"]
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
