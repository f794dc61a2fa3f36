"""Batch normalisation of images on a CPU, by whole planes.

PyTorch collects mean and variance of each channel number by number, which takes three times as long
as everything else of it. Sums of contiguous planes are vectorised; the rest, and the gradient, are
PyTorch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable


def batch_norm(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor | None:
    """Return the normalised images (N x C x H x W), or None for other arguments.

    Equal to PyTorch's but for rounding; the running statistics are changed alike.
    """
    if (
        not training
        or weight is None
        or bias is None
        or input.ndim != 4
        or input.dtype != torch.float32
        or not input.is_contiguous()
        or input.numel() <= input.shape[1]
    ):
        return None
    result, mean, variance = _BatchNorm.apply(input, weight, bias, eps)
    if running_mean is not None and running_var is not None:
        count = input.numel() // input.shape[1]
        running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
        running_var.mul_(1 - momentum).add_(variance, alpha=momentum * count / (count - 1))
    normalised: torch.Tensor = result
    return normalised


class _BatchNorm(torch.autograd.Function):
    """Gives the images as well as mean and variance (divided by the count) of each channel."""

    @staticmethod
    def forward(
        ctx: Any, images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        # From distances to about the mean: a mean far from zero would leave few digits otherwise.
        about = images.mean((0, 2, 3))
        distances = images - about[:, None, None]
        rest = distances.mean((0, 2, 3))
        mean, variance = about + rest, distances.square_().mean((0, 2, 3)) - rest.square()
        ctx.save_for_backward(images, weight, mean, (variance + eps).rsqrt_())
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        result, _, _ = torch.native_batch_norm(
            images, weight, bias, mean, variance, training=False, momentum=0.0, eps=eps
        )
        return result, mean, variance

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor, *_: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, weight, mean, inverse_std = ctx.saved_tensors
        of_images, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient,
            images,
            weight,
            None,
            None,
            mean,
            inverse_std,
            True,
            ctx.eps,
            [ctx.needs_input_grad[0], True, True],
        )
        return of_images, of_weight, of_bias, None
