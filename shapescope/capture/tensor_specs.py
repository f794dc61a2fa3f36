"""The user's own tensors as specs: what others of their kind, in other sizes, are made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from shapescope.capture.input_spec import InputSpec
from shapescope.capture.tensors import dtype_name

if TYPE_CHECKING:
    from shapescope.capture.subject import Arguments

__all__ = ["spec_of_tensor", "specs_of"]


def specs_of(arguments: Arguments) -> tuple[InputSpec, ...] | None:
    """Specs of the arguments of a call; None where they hold more than plain tensors and values."""
    args, kwargs = arguments
    found: list[InputSpec] = []
    for name, value in (*((None, value) for value in args), *kwargs.items()):
        if isinstance(value, Tensor) and value.is_nested:
            return None
        if isinstance(value, Tensor):
            found.append(spec_of_tensor(value, name))
        elif name is not None and (value is None or isinstance(value, bool | int | float | str)):
            found.append(InputSpec(None, name=name, value=json.dumps(value)))
        else:
            return None
    return tuple(found)


def spec_of_tensor(tensor: Tensor, name: str | None = None) -> InputSpec:
    """A tensor as `--input` would name it, whole numbers with what they lie below."""
    whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    known = whole and tensor.numel() and not tensor.is_meta
    bound = int(tensor.max()) + 1 if known else None
    bound = bound if bound and bound > 0 else None
    return InputSpec(tuple(tensor.shape), dtype_name(tensor.dtype), name, bound)
