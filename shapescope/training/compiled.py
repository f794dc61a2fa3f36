"""`torch.compile` as training uses it: for fixed sizes, and without its remark on GPUs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled once for each shape that it is called with.

    The last batch of an epoch is smaller: two fixed sizes are faster than a flexible one.
    """
    # It looks for CUDA's compiler, and warns of it on machines that have that and no GPU.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    result: Callable[..., Any] = torch.compile(function, dynamic=False)
    return result
