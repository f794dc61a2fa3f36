"""What the values of a step's first output were, for traces that compute them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shapescope.capture.transforms import tensor_behind


@dataclass(frozen=True, slots=True)
class ValueStats:
    """Minimum, maximum and mean over all values of one tensor."""

    minimum: float
    maximum: float
    mean: float


def value_stats(tensor: Tensor) -> ValueStats | None:
    """The statistics of a real tensor with values; None for an empty, complex or nested one."""
    tensor = tensor_behind(tensor)
    if (
        tensor.is_nested
        or tensor.numel() == 0
        or tensor.is_complex()
        or tensor.device.type == "meta"
    ):
        return None
    values = tensor.detach().to(torch.float64)
    return ValueStats(values.min().item(), values.max().item(), values.mean().item())
