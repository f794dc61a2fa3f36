"""The input tensors of a model whose sizes are tried: how to make more like them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shapescope.capture.subject import Arguments
from shapescope.capture.tensors import tensors_in

__all__ = ["WantedInput", "wanted_inputs"]


@dataclass(frozen=True, slots=True)
class WantedInput:
    """An input tensor: how to make one like it.

    Attributes:
        shape: as it was asked for.
        dtype: of its values.
        bound: values that are whole numbers are smaller.
        batch_axes: axis 0 where it has the batch, and axis 1 too where it joins each node of a
            graph to each other.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    bound: int
    batch_axes: tuple[int, ...]

    @property
    def is_float(self) -> bool:
        """Whether its values are real numbers."""
        return self.dtype.is_floating_point

    def shape_at(self, batch: int) -> tuple[int, ...]:
        """The shape with another batch."""
        return tuple(
            batch if axis in self.batch_axes else size for axis, size in enumerate(self.shape)
        )

    def random(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """One of another shape, with random values."""
        if self.dtype == torch.bool:
            made = torch.rand(shape, generator=generator) < 0.5
            if shape and shape[-1] > 1:
                made[..., 0], made[..., -1] = True, False
            return made
        if self.dtype.is_floating_point or self.dtype.is_complex:
            wide = self.dtype if self.dtype.is_complex else torch.float32
            return torch.randn(shape, generator=generator, dtype=wide).to(self.dtype)
        return torch.randint(self.bound, shape, generator=generator).to(self.dtype)


def wanted_inputs(arguments: Arguments) -> list[WantedInput]:
    """Each tensor of the arguments; the first axis of the first one is taken for the batch."""
    tensors = list(tensors_in(arguments))
    batch = tensors[0].shape[0] if tensors and tensors[0].dim() else None
    listed = any(isinstance(value, list) for value in arguments[0])
    found = []
    for tensor in tensors:
        whole = not tensor.dtype.is_floating_point and not tensor.dtype.is_complex
        bound = 2
        if whole and tensor.numel() and tensor.device.type != "meta":
            bound = max(int(tensor.max()) + 1, 2)
        has_batch = not listed and tensor.dim() > 0 and tensor.shape[0] == batch
        batch_axes = (0,) if has_batch else ()
        found.append(WantedInput(tuple(tensor.shape), tensor.dtype, bound, batch_axes))
    return found
