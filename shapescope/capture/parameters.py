"""Every named parameter of a model: its shape, its owner, and the statistics of its values.

The packed weights of quantized layers are listed with them: no parameters to torch, but to readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.attrs import Attrs
from shapescope.capture.packed import packed_weights
from shapescope.ops import lookup, op_of_module
from shapescope.trace import ParamSpec

_SPREAD_NEEDS = 2


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean, standard deviation (torch's own; 0 for a single value), smallest and largest value."""

    mean: float
    std: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter under one of its names.

    Attributes:
        spec: name, shape, dtype; tied names share its key.
        owner: class of the module that holds it.
        op: the op of that module, `conv2d`; empty where it is no layer of torch's.
        attrs: how that module is configured.
        moments: statistics of its values, None where it has no real ones.
    """

    spec: ParamSpec
    owner: str
    op: str = ""
    attrs: Attrs | None = None
    moments: Moments | None = None


def read_parameters(module: nn.Module) -> tuple[Parameter, ...]:
    """Every name of every parameter, in the order of `named_parameters`, packed weights too."""
    first_name: dict[int, str] = {}
    found = []
    for name, owner, tensor in _named(module):
        # What was unpacked is new each time, and the next one may take its place in memory.
        is_kept = isinstance(tensor, nn.Parameter)
        key = first_name.setdefault(id(tensor), name) if is_kept else name
        spec = ParamSpec(name, tuple(tensor.shape), _dtype(tensor), bool(tensor.requires_grad), key)
        op, attrs = _layer(module, name, owner)
        found.append(Parameter(spec, type(owner).__name__, op, attrs, moments_of(tensor)))
    return tuple(found)


def _named(module: nn.Module) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """All names, also those of tied parameters, each with its owner."""
    for path, owner in module.named_modules():
        for name, tensor in owner.named_parameters(recurse=False, remove_duplicate=False):
            yield (f"{path}.{name}" if path else name), owner, tensor
        for name, tensor in packed_weights(owner):
            yield (f"{path}.{name}" if path else name), owner, tensor.detach()


def _layer(root: nn.Module, name: str, owner: nn.Module) -> tuple[str, Attrs | None]:
    """The layer of torch's that the parameter belongs to: its owner, or what the owner is part of.

    An attention's `out_proj` is a module of its own but belongs to the attention.
    """
    if not type(owner).__module__.startswith(("torch.nn", "torch.ao.nn")):
        return "", None
    op = op_of_module(cls.__name__ for cls in type(owner).__mro__)
    read: Any = lookup(op).read_module
    return op, read(owner, {})


def is_lazy(module: nn.Module) -> bool:
    """Whether the model has parameters whose shape is decided by the first input."""
    return any(
        isinstance(tensor, nn.parameter.UninitializedParameter) for tensor in module.parameters()
    )


def find_parameter(module: nn.Module, name: str) -> Tensor | None:
    """The parameter or buffer of that name; a quantized one as the values that it stands for."""
    named = {full: tensor for full, _, tensor in _named(module)}
    tensor = named.get(name)
    found = tensor if tensor is not None else dict(module.named_buffers()).get(name)
    return found.dequantize() if found is not None and found.is_quantized else found


def moments_of(tensor: Tensor) -> Moments | None:
    """The statistics of a real tensor's values, computed in float64; None without values."""
    if tensor.device.type == "meta" or tensor.numel() == 0 or tensor.is_complex():
        return None
    plain = tensor.dequantize() if tensor.is_quantized else tensor.detach()
    values = plain.to(torch.float64)
    std = values.std().item() if values.numel() >= _SPREAD_NEEDS else 0.0
    return Moments(values.mean().item(), std, values.min().item(), values.max().item())


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
