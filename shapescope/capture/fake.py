"""Models and inputs as fake tensors: a pretended CPU, with sizes that depend on data left open."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from shapescope.capture.untouched.copies import copy_model
from shapescope.trace import Shape


def fake_tensor(tensor: Tensor, fake_mode: Any) -> Tensor:
    """A fake CPU tensor with the shape, strides and dtype of `tensor`."""
    with fake_mode:
        fake: Tensor = torch.empty_strided(
            tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu"
        )
    return fake


def fake_model(model: nn.Module, fake_mode: Any) -> nn.Module:
    """A copy of a model on meta whose tensors are fake CPU tensors."""

    def place(tensor: Tensor) -> Tensor:
        if is_lazy(tensor):
            return tensor
        bare = fake_tensor(tensor, fake_mode)
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(bare, tensor.requires_grad)
        return bare

    return copy_model(model, place)


def fake_shape(tensor: Tensor) -> Shape:
    """The sizes of a fake tensor; one that depends on values is the name torch gave it."""
    return tuple(size if type(size) is int else _size(size) for size in tensor.shape)


def _size(size: Any) -> int | str:
    known = size.node.maybe_as_int() if hasattr(size, "node") else int(size)
    return str(size) if known is None else int(known)


@contextmanager
def entered(fake_mode: Any) -> Iterator[None]:
    """Inside the mode, without the log it writes of sizes it had to leave open."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with fake_mode:
            yield
    finally:
        logging.disable(disabled)
