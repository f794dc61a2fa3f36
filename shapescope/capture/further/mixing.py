"""Whether samples see each other: a run on real tensors, and one with a single sample changed."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from shapescope.analysis.batch import Mixing
from shapescope.capture.derivatives import takes_derivatives
from shapescope.capture.loading.loaded import LoadedModel
from shapescope.capture.passes import nothing_changes_outside
from shapescope.capture.subject import Inputs, Subject, arguments_on
from shapescope.capture.tensors import map_tensors, tensors_in

_NEAR = 1e-4


def mixing_run(
    model: LoadedModel | nn.Module, inputs: Inputs, *, order: bool = False
) -> Mixing | None:
    """Change one sample and see which rows of the first output change.

    Args:
        model: read anew, in eval mode; a live one is copied.
        inputs: with a batch of two or more; the user's own are copied.
        order: also turn the batch around.

    Returns:
        None where the model raises, changes from run to run by itself, or gives no output with a
        row for each sample.
    """
    try:
        with nothing_changes_outside(False):
            return _run(Subject(model), inputs, order)
    except Exception:  # noqa: BLE001  # the user's code may raise anything; then nothing is shown
        return None


def _run(subject: Subject, inputs: Inputs, order: bool) -> Mixing | None:
    module = subject.on("cpu").eval()
    torch.set_grad_enabled(takes_derivatives(module.modules()))
    args, kwargs = arguments_on("cpu", inputs, module)
    batch = next((tensor.shape[0] for tensor in tensors_in((args, kwargs)) if tensor.dim()), 0)
    first = _first(module, args, kwargs)
    if batch < 2 or first is None or first.dim() == 0 or first.shape[0] != batch:
        return None
    again = _first(module, args, kwargs)
    if again is None or _rows(first, again):
        return None
    crossed: set[int] = set()
    for sample in dict.fromkeys((0, batch - 1)):
        changed = map_tensors(partial(_changed, batch=batch, sample=sample), (args, kwargs))
        after = _first(module, *changed)
        if after is None or after.shape != first.shape:
            return None
        crossed = {row for row in _rows(first, after) if row != sample}
        if crossed:
            return Mixing(batch, sample, tuple(sorted(crossed)))
    turned = _order_matters(module, args, kwargs, batch, first) if order else None
    return Mixing(batch, 0, (), turned)


def _order_matters(
    module: nn.Module, args: Any, kwargs: Any, batch: int, first: Tensor
) -> bool | None:
    turned = map_tensors(lambda tensor: _turned(tensor, batch), (args, kwargs))
    after = _first(module, *turned)
    if after is None or after.shape != first.shape:
        return None
    return bool(_rows(first, after.flip(0)))


def _first(module: nn.Module, args: Any, kwargs: Any) -> Tensor | None:
    copied_args, copied_kwargs = map_tensors(Tensor.clone, (args, kwargs))
    return next(tensors_in(module(*copied_args, **copied_kwargs)), None)


def _changed(tensor: Tensor, batch: int, sample: int) -> Tensor:
    """The tensor with other values in one sample."""
    if tensor.dim() == 0 or tensor.shape[0] != batch:
        return tensor
    changed = tensor.clone()
    row = changed[sample]
    if tensor.is_floating_point():
        generator = torch.Generator().manual_seed(7)
        noise = torch.randn(row.shape, generator=generator)
        changed[sample] = (noise * 3).to(tensor.dtype)
    elif tensor.dtype is torch.bool:
        changed[sample] = ~row
    else:
        bound = int(tensor.max()) + 1
        changed[sample] = (row + 1) % max(bound, 2)
    return changed


def _turned(tensor: Tensor, batch: int) -> Tensor:
    return tensor.flip(0) if tensor.dim() and tensor.shape[0] == batch else tensor


def _rows(one: Tensor, two: Tensor) -> list[int]:
    """The rows in which two outputs differ by more than rounding does."""
    a, b = one.detach().to(torch.float64), two.detach().to(torch.float64)
    scale = float(a.abs().max().nan_to_num(0, 0, 0)) or 1.0
    difference = (a - b).nan_to_num(0.0).abs().flatten(1) if a.dim() > 1 else (a - b).abs()[:, None]
    if difference.shape[1] == 0:
        return []
    return [row for row, value in enumerate(difference.amax(1).tolist()) if value > _NEAR * scale]
