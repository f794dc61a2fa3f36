"""Tensors inside the transforms of torch.func: `vmap`, `grad`, `jvp` and what is built of them.

A transform runs the code with tensors that stand for others: `vmap` for all samples at once, with
the axis of the samples out of sight; `grad` and `jvp` for the same tensor with its derivative.
What a step is recorded with are the tensors that stand behind, of all samples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from shapescope.capture.tensors import spec_of
from shapescope.trace import Shape, TensorSpec

__all__ = ["handed_on", "is_transforming", "spec_of_all_samples", "tensor_behind"]

_functorch: Any = torch._C._functorch
_level: Callable[[], int | None] = _functorch.maybe_current_level

_BOUNDARIES = (
    ("torch._functorch.vmap", ("_add_batch_dim", "_remove_batch_dim")),
    ("torch._functorch.eager_transforms", ("_wrap_for_grad", "_unwrap_for_grad")),
)
"""Where a transform puts a tensor in place of another, and takes it away again."""


def is_transforming() -> bool:
    """Whether code of a transform is running."""
    return _level() is not None


def spec_of_all_samples(
    tensor: Tensor, name: str | None, shape_of: Callable[[Tensor], Shape]
) -> TensorSpec:
    """The spec of `tensor` with the axes that maps run over in front, the outermost first."""
    sizes: list[int | str] = []
    behind = tensor
    while _functorch.is_functorch_wrapped_tensor(behind):
        inner = _functorch.get_unwrapped(behind)
        if _functorch.is_batchedtensor(behind):
            sizes.insert(0, shape_of(inner)[_functorch.maybe_get_bdim(behind)])
        behind = inner
    spec = spec_of(tensor, name, shape_of)
    return TensorSpec((*sizes, *spec.shape), spec.dtype, name, len(sizes)) if sizes else spec


def tensor_behind(tensor: Tensor) -> Tensor:
    """The tensor that holds the values of all samples; itself where no transform is at work."""
    while _functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return tensor


@contextmanager
def handed_on(note: Callable[[Tensor, Tensor], None]) -> Iterator[None]:
    """Call `note` with each tensor and what a transform puts in its place."""

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def replaced(tensor: Any, *rest: Any) -> Any:
            made = original(tensor, *rest)
            if isinstance(tensor, Tensor) and isinstance(made, Tensor):
                note(tensor, made)
            return made

        return replaced

    with ExitStack() as stack:
        for where, names in _BOUNDARIES:
            module = sys.modules.get(where)
            for name in names:
                original = getattr(module, name, None)
                if original is not None:
                    stack.callback(setattr, module, name, original)
                    setattr(module, name, noting(original))
        yield
