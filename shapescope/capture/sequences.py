"""Recurrent layers on meta: two steps of a long sequence tell the shape of every further one.

PyTorch takes a sequence on meta step by step, some milliseconds each, so that a thousand steps last
many times longer than the real computation. What it says of the first two steps holds for all:
the states keep their shapes, and the output has one entry more for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

__all__ = ["short_sequences"]

_FUNCTIONS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_STEPS = 2


@contextmanager
def short_sequences() -> Iterator[None]:
    """Let recurrent layers take two steps of what they get on meta, while this is open."""
    table: Any = torch._VF
    with ExitStack() as stack:
        for name in _FUNCTIONS:
            if name in vars(table):  # open already
                continue
            setattr(table, name, partial(_shortened, getattr(table, name)))
            stack.callback(delattr, table, name)
        yield


def _shortened(function: Callable[..., Any], *args: Any) -> Any:
    """The function's answer for two steps, its output stretched to all of them."""
    # Whoever follows sizes shall not take the questions asked here for the layer's own.
    with torch._C.DisableTorchFunction():
        if not _is_padded(args):
            return function(*args)
        data, batch_first = args[0], bool(args[-1])
        axis = 1 if batch_first else 0
        steps = data.shape[axis]
        if steps <= _STEPS:
            return function(*args)
        output, *states = function(data.narrow(axis, 0, _STEPS), *args[1:])
        return (_stretched(output, axis, steps), *states)


def _stretched(output: Tensor, axis: int, steps: int) -> Tensor:
    """A tensor with more steps along `axis`, its axes in the same order in memory."""
    sizes, strides = [*output.shape], output.stride()
    sizes[axis] = steps
    longer = [stride * steps // _STEPS if stride > strides[axis] else stride for stride in strides]
    return output.new_empty_strided(sizes, longer)


def _is_padded(args: tuple[Any, ...]) -> bool:
    """Whether these are the arguments for a plain batch on meta; a packed one has two axes."""
    data = args[0] if args else None
    return isinstance(data, Tensor) and data.is_meta and data.dim() == 3
