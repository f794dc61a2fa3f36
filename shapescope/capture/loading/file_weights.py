"""The weights of a file as a module that holds nothing else, so that they can be listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from shapescope.capture.loading.loaded import LoadedModel

__all__ = ["Weights", "without_model"]

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


class Weights(nn.Module):
    """Holds the weights below one name of a file."""


def without_model(loaded: LoadedModel) -> tuple[nn.Module, tuple[str, ...]] | None:
    """The weights of a file that holds no model, and what to say of it; None for a model.

    A file tells parameters and buffers apart by their names alone: running statistics and what
    holds no floating-point numbers are buffers.
    """
    if loaded.weights is None:
        return None
    root = _tree(loaded.weights)
    left_out = sum(tensor.numel() for tensor in root.buffers())
    note = f"{left_out:,} values in buffers are left out" if left_out else ""
    return root, (note,) if note else ()


def _tree(weights: Mapping[str, Tensor]) -> Weights:
    root = Weights()
    known: dict[Any, nn.Parameter] = {}
    for full, tensor in weights.items():
        above: nn.Module = root
        *path, name = full.split(".")
        for part in path:
            above = above._modules.setdefault(part, Weights())  # type: ignore[assignment]
        if name in _BUFFERS or not (tensor.is_floating_point() or tensor.is_complex()):
            above._buffers[name] = tensor
            continue
        where = tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape
        if where not in known or not tensor.numel():
            known[where] = nn.Parameter(tensor)
        above._parameters[name] = known[where]
    return root
