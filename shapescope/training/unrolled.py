"""Convolutions as products of matrices, in a form that compiles to few loops.

PyTorch's convolutions on a CPU work on 8 or 16 channels at a time: of one channel or six, most of
what they multiply is zero. Here the windows of the images become the columns of a matrix instead,
with the images of a batch next to each other in memory, so that whole rows of windows are copied
at once. The gradient of the images is a sum of shifted rows. Compiled, the shifts become one loop;
run one by one, they would be slower than PyTorch's convolution.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

_FEW_CHANNELS = 16  # with so many, PyTorch's convolution has no zeros to multiply
_MOST_SHIFTS = 25  # each is a term of the compiled loop


def unrolled_convolution(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """Return the convolution of few channels, or None for other arguments.

    Equal to PyTorch's but for rounding; in the result, the images of the batch are next to each
    other in memory.
    """
    if (
        isinstance(padding, str)
        or input.ndim != 4
        or groups != 1
        or _pair(stride) != (1, 1)
        or input.dtype != torch.float32
        or weight.shape[1] >= _FEW_CHANNELS
        or weight.shape[2] * weight.shape[3] > _MOST_SHIFTS
    ):
        return None
    if bias is None:
        bias = weight.new_zeros(len(weight))
    result: torch.Tensor = _Unrolled.apply(input, weight, bias, _pair(padding), _pair(dilation))
    return result


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, *others = value
    return first, others[0] if others else first


class _Unrolled(torch.autograd.Function):
    """The product of the weight (O x C kh kw) and the windows (C kh kw x h w N)."""

    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> torch.Tensor:
        high, wide = padding
        maps = F.pad(images.permute(1, 2, 3, 0), (0, 0, wide, wide, high, high)).contiguous()
        channels, *padded, batch = maps.shape
        kernel = weight.shape[2:]
        reach = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        rows, columns = (size - far for size, far in zip(padded, reach, strict=True))
        plane, row, column, image = maps.stride()
        windows = maps.as_strided(
            (channels, *kernel, rows, columns, batch),
            (plane, row * dilation[0], column * dilation[1], row, column, image),
        ).reshape(weight[0].numel(), -1)
        ctx.save_for_backward(windows, weight)
        ctx.shape, ctx.padding, ctx.dilation, ctx.reach = images.shape, padding, dilation, reach
        result = torch.addmm(bias[:, None], weight.flatten(1), windows)
        return result.view(-1, rows, columns, batch).permute(3, 0, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        windows, weight = ctx.saved_tensors
        batch, _, *sides = gradient.shape
        by_channel = gradient.permute(1, 2, 3, 0).reshape(len(weight), -1)
        of_weight = (by_channel @ windows.t()).view_as(weight)
        of_images = None
        if ctx.needs_input_grad[0]:
            of_windows = (weight.flatten(1).t() @ by_channel).view(*weight.shape[1:], *sides, batch)
            of_images = _shifted_sum(of_windows, ctx.dilation, ctx.reach)
            (high, wide), (height, width) = ctx.padding, ctx.shape[2:]
            of_images = of_images[:, high : high + height, wide : wide + width]
            of_images = of_images.permute(3, 0, 1, 2)
        return of_images, of_weight, by_channel.sum(1), None, None


def _shifted_sum(
    windows: torch.Tensor, dilation: tuple[int, int], reach: list[int]
) -> torch.Tensor:
    """Return the sum over the places of the kernel (C x kh x kw x h x w x N), where each looked."""
    total = None
    for down in range(windows.shape[1]):
        for right in range(windows.shape[2]):
            above, before = down * dilation[0], right * dilation[1]
            margins = (0, 0, before, reach[1] - before, above, reach[0] - above)
            part = F.pad(windows[:, down, right], margins)
            total = part if total is None else total + part
    assert total is not None
    return total
