"""Which modules are leaves: one step each, whatever they call inside."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import nn

from shapescope.capture.packed import PACKS

# Layers with modules of their own inside that are nevertheless one operation.
_WHOLE = (nn.MultiheadAttention,)
_CONTAINERS = (
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.ParameterList,
    nn.ParameterDict,
    nn.Container,
)


def is_leaf(module: nn.Module) -> bool:
    """Whether `module` is a layer of torch's own.

    A container is none, nor a composite of layers such as TransformerEncoderLayer, nor a subclass
    that has a forward of its own; a subclass without one is, and so is a parametrized layer, or a
    quantized one with its packed weights.
    """
    kind: Any = type(module)
    if not _forward_is_torchs(kind):
        return False
    if issubclass(kind, _WHOLE):
        return True
    inside = module._modules
    return not inside or all(name == "parametrizations" or name in PACKS for name in inside)


@cache
def _forward_is_torchs(kind: Any) -> bool:
    if issubclass(kind, _CONTAINERS) or kind.forward is nn.Module.forward:
        return False  # the second has none at all
    # A forward that torch generated (an exported program's) has no module.
    return (kind.forward.__module__ or "").startswith(("torch.nn.", "torch.ao."))
