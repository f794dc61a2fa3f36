"""Where the tensors of a pass come from: a step, the model itself, or what was given to it.

A tensor carries the number of the step that made it, or the name of the input that it is;
parameters and buffers are known by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from shapescope.capture.records import Registered
from shapescope.capture.tensors import concrete_shape, dtype_name, spec_of, tensors_of
from shapescope.capture.transforms import is_transforming, spec_of_all_samples
from shapescope.ops import Op
from shapescope.trace import ParamSpec, Shape, TensorSpec

__all__ = ["Provenance"]

_TAG = "_shapescope_source"
"""The attribute by which a tensor names what it comes from: a pass, and there a step (int) or an
outside thing (str). What a cache hands out may have been made in an earlier pass."""


class Provenance:
    """Tells tensors as the inputs and outputs of steps.

    Args:
        registered: the names of the model's parameters and buffers.
        shape_of: how a tensor's sizes are read.
    """

    def __init__(self, registered: Registered, shape_of: Callable[[Tensor], Shape]) -> None:
        self._registered = registered
        self._shape_of = shape_of
        self._pass = object()

    def name(self, names_and_tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Note what the model's inputs are called."""
        for name, tensor in names_and_tensors:
            tensor.__dict__[_TAG] = (self._pass, name)

    def made(self, step: int, outputs: tuple[Tensor, ...]) -> None:
        """Note which step made these."""
        tag = (self._pass, step)
        for tensor in outputs:
            tensor.__dict__[_TAG] = tag

    def inputs_of(
        self, value: Any, skipped: frozenset[int] = frozenset()
    ) -> tuple[list[TensorSpec], list[int]]:
        """The tensors in the arguments of a step, and the steps that made those without a name."""
        inputs, sources = [], []
        for tensor in tensors_of(value):
            if skipped and id(tensor) in skipped:
                continue
            tag = tensor.__dict__.get(_TAG)
            source = tag[1] if tag is not None and tag[0] is self._pass else None
            if type(source) is int:
                sources.append(source)
                inputs.append(self._spec(tensor))
            else:
                name = self._registered.names.get(id(tensor)) or source or "constant"
                inputs.append(self._spec(tensor, name))
        return inputs, sources

    def outputs_of(self, tensors: tuple[Tensor, ...]) -> list[TensorSpec]:
        """What a step gave."""
        return [self._spec(tensor) for tensor in tensors]

    def weights_of(
        self, row: Op, bound: Mapping[str, Any]
    ) -> tuple[tuple[ParamSpec, ...], frozenset[int]]:
        """The model's own parameters among the arguments, and the ids that are no inputs."""
        params, skipped = [], set()
        for role, value in bound.items():
            if not isinstance(value, Tensor) or id(value) not in self._registered.names:
                continue
            spec = self._registered.params.get(id(value))
            if spec is not None:
                params.append(spec)
            if role in row.weights:
                skipped.add(id(value))
        return tuple(params), frozenset(skipped)

    def hand_on(self, tensor: Tensor, wrapped: Tensor) -> None:
        """Note that `wrapped` is `tensor` as a transform of torch.func shows it, or back again."""
        name = self._registered.names.get(id(tensor))
        tag = tensor.__dict__.get(_TAG) if name is None else (self._pass, name)
        if tag is not None and wrapped is not tensor:
            wrapped.__dict__[_TAG] = tag

    def _spec(self, tensor: Tensor, name: str | None = None) -> TensorSpec:
        if is_transforming():
            return spec_of_all_samples(tensor, name, self._shape_of)
        if self._shape_of is not concrete_shape or type(tensor) is not Tensor:
            return spec_of(tensor, name, self._shape_of)
        try:
            shape = tensor.shape
        except RuntimeError:  # a nested tensor has none
            return spec_of(tensor, name)
        return _plain_spec(shape, tensor.dtype, name)


@lru_cache(maxsize=4096)
def _plain_spec(shape: torch.Size, dtype: torch.dtype, name: str | None) -> TensorSpec:
    """The same few shapes come again and again; they are the same object."""
    return TensorSpec(tuple(shape), dtype_name(dtype), name)
