"""The weights of quantized layers, which torch keeps packed: no parameters, though they weigh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.capture.module_tree import modules_of

__all__ = ["PACKS", "has_packed_weights", "is_quantized", "packed_weights"]

PACKS = frozenset({"_packed_params", "_all_weight_values"})
"""Under which names a quantized layer keeps the modules that hold its packed weights."""

_QUANTIZED = ("torch.ao.nn.quantized.", "torch.ao.nn.intrinsic.quantized.")


@cache
def is_quantized(kind: Any) -> bool:
    """Whether this is a class of quantized layers."""
    return any(base.__module__.startswith(_QUANTIZED) for base in kind.__mro__)


def has_packed_weights(model: nn.Module) -> bool:
    """Whether kernels are called with packed weights: given fake tensors these read no memory.

    A model that is only prepared to be quantized has layers for it, but no packs yet.
    """
    modules = modules_of(model)
    kinds: set[Any] = set(map(type, modules))
    quantized = set(filter(is_quantized, kinds))
    return bool(quantized) and any(
        isinstance(value, torch.ScriptObject)
        for module in modules
        if type(module) in quantized
        for value in vars(module).values()
    )


def packed_weights(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The weights and biases of a quantized layer by name, read from their packs.

    A layer without packed weights, such as a quantized ReLU, has none.
    """
    kind: Any = type(module)
    if not is_quantized(kind):
        return
    for name in ("weight", "bias"):
        own: Any = getattr(module, name, None)
        gathered: Any = getattr(module, f"get_{name}", None)  # of recurrent layers
        found = own() if callable(own) else gathered() if callable(gathered) else None
        if isinstance(found, Tensor):
            yield name, found
        elif isinstance(found, Mapping):
            yield from ((key, value) for key, value in found.items() if isinstance(value, Tensor))
