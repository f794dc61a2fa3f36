"""Tensors without values: specs of them, their likes on meta, and what holds them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from shapescope.trace import Shape, TensorSpec

ATOMIC = frozenset(
    {int, float, bool, str, bytes, type(None), complex, type, torch.dtype, torch.device, torch.Size}
)
"""Types whose values hold no tensor and are copied by sharing them."""

_DTYPE_NAMES: dict[torch.dtype, str] = {}


def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    name = _DTYPE_NAMES.get(dtype)
    if name is None:
        name = _DTYPE_NAMES[dtype] = str(dtype).removeprefix("torch.")
    return name


def concrete_shape(tensor: Tensor) -> Shape:
    """The sizes as they are; the default way to read a shape."""
    try:
        sizes = tuple(tensor.shape)
    except RuntimeError:
        if not tensor.is_nested:
            raise
        return _ragged_shape(tensor)
    if type(tensor) is not Tensor and tensor.is_nested:  # a size of a jagged one is no number
        return tuple(size if type(size) is int else f"j{at}" for at, size in enumerate(sizes))
    return sizes


def _ragged_shape(tensor: Tensor) -> Shape:
    """The sizes of a nested tensor; an axis along which its parts differ has a name, as `j1`."""
    parts = tensor._nested_tensor_size().tolist()
    axes = [
        sizes[0] if len(set(sizes)) == 1 else f"j{at}"
        for at, sizes in enumerate(zip(*parts, strict=True), 1)
    ]
    return (len(parts), *axes)


def spec_of(
    tensor: Tensor, name: str | None = None, shape_of: Callable[[Tensor], Shape] = concrete_shape
) -> TensorSpec:
    """The shape and dtype of `tensor`; `shape_of` reads sizes that are symbols."""
    if is_lazy(tensor):
        return TensorSpec((), dtype_name(tensor.dtype), name)
    return TensorSpec(shape_of(tensor), dtype_name(tensor.dtype), name)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor inside `value`, in the order of tuples, dicts and dataclass fields.

    Dataclasses, named tuples such as PackedSequence and torch's distributions are looked into;
    None and whatever else is no tensor is left out.
    """
    return iter(tensors_of(value))


def tensors_of(value: Any) -> tuple[Tensor, ...]:
    """The same as a tuple."""
    if isinstance(value, Tensor):
        return (value,)
    if type(value) is tuple and len(value) == 1 and isinstance(value[0], Tensor):
        return value  # what most layers are given
    found: list[Tensor] = []
    _gather(value, found)
    return tuple(found)


def _gather(value: Any, found: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif type(value) in ATOMIC:
        return
    elif isinstance(value, list | tuple):
        for item in value:
            _gather(item, found)
    elif isinstance(value, Mapping):
        for item in value.values():
            _gather(item, found)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _gather(getattr(value, field.name), found)
    elif isinstance(value, torch.distributions.Distribution):
        for name in value.arg_constraints:
            if name in value.__dict__:
                _gather(value.__dict__[name], found)


def placed_tensors(value: Any, label: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor inside `value` with its place: `batch.mask` a field, `hidden.1` in a list.

    One tensor alone has the label itself.
    """
    tensors = tensors_of(value)
    parts = _named_parts(value) if len(tensors) > 1 else None
    if parts is None:
        for position, tensor in enumerate(tensors):
            yield label if position == 0 else f"{label}.{position}", tensor
        return
    for name, part in parts:
        yield from placed_tensors(part, f"{label}.{name}")


def _named_parts(value: Any) -> list[tuple[str, Any]] | None:
    """The fields of a named tuple or a dataclass, the items of a dict; None for all else."""
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    names = getattr(value, "_fields", None) if isinstance(value, tuple) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
    return None if names is None else [(name, getattr(value, name)) for name in names]


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """`value` with every tensor in it replaced by what `function` makes of it."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, item) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(map_tensors(function, item) for item in value)
    if isinstance(value, dict):
        mapped = copy.copy(value)
        for key, item in value.items():
            mapped[key] = map_tensors(function, item)
        return mapped
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):
            item = map_tensors(function, getattr(value, field.name))
            object.__setattr__(changed, field.name, item)
        return changed
    return value


def to_meta(tensor: Tensor) -> Tensor:
    """A tensor of the same kind on meta: shape, strides and dtype, no values."""
    if type(tensor) is nn.Parameter and tensor.is_meta:
        return nn.Parameter(tensor, tensor.requires_grad)
    if is_lazy(tensor):
        return uninitialized_like(tensor, "meta")
    if tensor.is_meta or tensor.is_nested:  # one of many sizes keeps them with its values
        bare = tensor.detach()
    elif tensor.layout is not torch.strided:
        bare = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    else:
        bare = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(bare, tensor.requires_grad)
    return bare


def uninitialized_like(tensor: Any, device: str) -> Tensor:
    """A lazy parameter or buffer, without a shape as yet, on a device."""
    empty: Tensor = type(tensor)(
        requires_grad=tensor.requires_grad, device=device, dtype=tensor.dtype
    )
    return empty
