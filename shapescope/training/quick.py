"""Quicker ways to compute some operations on a CPU, as a mode around a network's forward pass.

PyTorch's kernels for pooling on a CPU visit every window by itself. Windows of 2 x 2 that do not
overlap can be had by whole rows: the larger (or the sum) of every two rows, then of every two
columns. A convolution whose kernel covers its whole input is a linear layer. In bfloat16, the
convolutions that gain by it are the only ones that take it. Batch normalisation and convolutions
of few channels have files of their own. Everything else goes to PyTorch untouched, and so do these
where they would not be quicker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from shapescope.training.quick_norm import batch_norm
from shapescope.training.unrolled import unrolled_convolution

_FEW_CHANNELS = 16  # from so many on, PyTorch's pooling of channels_last images is vectorised
_FEW_INPUTS = 4  # a convolution of fewer channels is slower in bfloat16 than in float32
_PRECISIONS = (torch.float32, torch.bfloat16)


class AnyLayout(TorchFunctionMode):
    """Within it, ``view`` takes images however they lie in memory, as ``reshape`` does.

    PyTorch refuses a view of channels_last images in another shape, and networks are written with
    ``x.view(len(x), -1)``. What is then written into the result in place is not seen in ``x``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.replaced: Mapping[Any, Callable[..., torch.Tensor | None]] = _ANY_LAYOUT

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Compute one operation."""
        replace = self.replaced.get(func)
        if replace is not None:
            found = replace(*args, **(kwargs or {}))
            if found is not None:
                return found
        return func(*args, **kwargs) if kwargs else func(*args)


class QuickOperations(AnyLayout):
    """Within it, pooling, tanh and convolutions also go the quicker way where there is one.

    Args:
        reduced: whether convolutions multiply in bfloat16; what they take and give stays float32.
        compiled: whether what is computed will be compiled, which pooling does without.
    """

    def __init__(self, *, reduced: bool = False, compiled: bool = False) -> None:
        super().__init__()
        self.replaced = _REDUCED if reduced else _QUICK
        if compiled:
            self.replaced = _COMPILED


class ReducedPooling(AnyLayout):
    """Within it, maxima of bfloat16 images are taken by whole rows; bits as PyTorch's.

    Its kernel for contiguous bfloat16 images takes a quarter of a small network's step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.replaced = _POOLING


def max_pool(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | None:
    """Return the maxima of 2 x 2 windows, or None for other arguments; bits as PyTorch's."""
    plain = not return_indices and _is(dilation, 1)
    if plain and _halves(input, kernel_size, stride, padding):
        result: torch.Tensor = _MaxPool.apply(input)
        return result
    return None


def average_pool(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> torch.Tensor | None:
    """Return the means of 2 x 2 windows, or None for other arguments; equal but for rounding."""
    if divisor_override is None and _halves(input, kernel_size, stride, padding):
        result: torch.Tensor = _AveragePool.apply(input)
        return result
    return None


def convolution(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """Return the convolution if its kernel covers the whole image, else None."""
    if (
        input.ndim != 4
        or input.shape[2:] != weight.shape[2:]
        or not (_is(padding, 0) and _is(dilation, 1) and groups == 1)
    ):
        return None
    images = input
    if not images.is_contiguous():
        images, weight = images.permute(0, 2, 3, 1), weight.permute(0, 2, 3, 1)
    return F.linear(images.flatten(1), weight.flatten(1), bias)[:, :, None, None]


def reduced_convolution(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """Return the convolution as ``convolution`` does, or multiplied in bfloat16 where it pays."""
    as_linear = convolution(input, weight, bias, stride, padding, dilation, groups)
    if as_linear is not None or input.dtype != torch.float32 or weight.shape[1] < _FEW_INPUTS:
        return as_linear
    half = torch.bfloat16
    small_bias = None if bias is None else bias.to(half)
    result = F.conv2d(
        input.to(half), weight.to(half), small_bias, stride, padding, dilation, groups
    )
    return result.float()


def tanh(input: torch.Tensor) -> torch.Tensor | None:  # noqa: A002
    """Return tanh as a logistic function; within 2e-7 of PyTorch's, at a third of its time."""
    if input.dtype != torch.float32:
        return None
    result: torch.Tensor = _Tanh.apply(input)
    return result


def compiled_convolution(
    input: torch.Tensor,  # noqa: A002 - callers name it, as PyTorch does
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor | None:
    """Return the convolution as ``convolution`` does, or unrolled, else None."""
    arguments = (input, weight, bias, stride, padding, dilation, groups)
    as_linear = convolution(*arguments)
    return unrolled_convolution(*arguments) if as_linear is None else as_linear


def view(input: torch.Tensor, *shape: Any, **named: Any) -> torch.Tensor | None:  # noqa: A002
    """Return what lies in another order than its axes in another shape, else None."""
    if not shape or isinstance(shape[0], torch.dtype) or named or input.is_contiguous():
        return None
    return input.reshape(*shape)


_ANY_LAYOUT: dict[Any, Callable[..., torch.Tensor | None]] = {torch.Tensor.view: view}
_QUICK: dict[Any, Callable[..., torch.Tensor | None]] = {
    **_ANY_LAYOUT,
    F.max_pool2d: max_pool,
    torch.max_pool2d: max_pool,
    F.avg_pool2d: average_pool,
    F.batch_norm: batch_norm,
    F.conv2d: convolution,
    torch.tanh: tanh,
    torch.Tensor.tanh: tanh,
}
_POOLING = {**_ANY_LAYOUT, F.max_pool2d: max_pool, torch.max_pool2d: max_pool}
_REDUCED = {**_QUICK, F.conv2d: reduced_convolution}
_COMPILED: dict[Any, Callable[..., torch.Tensor | None]] = {
    **_ANY_LAYOUT,
    F.conv2d: compiled_convolution,
    torch.tanh: tanh,
    torch.Tensor.tanh: tanh,
}


def _halves(images: torch.Tensor, kernel_size: Any, stride: Any, padding: Any) -> bool:
    """Tell whether windows of 2 x 2 divide images whole, and the quicker way is quicker."""
    return (
        _is(kernel_size, 2)
        and (stride is None or stride == [] or _is(stride, 2))
        and _is(padding, 0)
        and images.ndim == 4
        and images.dtype in _PRECISIONS
        and images.shape[2] % 2 == 0
        and images.shape[3] % 2 == 0
        and (images.shape[1] < _FEW_CHANNELS or images.is_contiguous())
    )


def _is(value: Any, number: int) -> bool:
    """Tell whether an argument is this number in both directions."""
    return value == number if isinstance(value, int) else tuple(value) == (number, number)


class _Tanh(torch.autograd.Function):
    """2 / (1 + exp(-2 x)) - 1."""

    @staticmethod
    def forward(ctx: Any, numbers: torch.Tensor) -> torch.Tensor:
        result = (numbers + numbers).sigmoid_().mul_(2).sub_(1)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (result,) = ctx.saved_tensors
        of_numbers: torch.Tensor = torch.ops.aten.tanh_backward(gradient, result)
        return of_numbers


class _MaxPool(torch.autograd.Function):
    """Maxima of 2 x 2 windows; the gradient goes to the first maximum of each, as PyTorch's."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor) -> torch.Tensor:
        rows = torch.maximum(images[:, :, ::2], images[:, :, 1::2])
        result = torch.maximum(rows[..., ::2], rows[..., 1::2])
        ctx.save_for_backward(images, rows, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        images, rows, result = ctx.saved_tensors
        first, second = images[:, :, ::2, ::2], images[:, :, ::2, 1::2]
        # upper right comes before lower left where both are the maximum
        is_left = (rows[..., ::2] == result) & ((second != result).logical_or_(first == result))
        left = is_left.to(gradient.dtype).mul_(gradient)
        by_row = torch.empty_like(rows)
        by_row[..., ::2] = left
        torch.sub(gradient, left, out=by_row[..., 1::2])
        whole = torch.empty_like(images)
        upper = whole[:, :, ::2]
        torch.eq(images[:, :, ::2], rows, out=upper).mul_(by_row)
        torch.sub(by_row, upper, out=whole[:, :, 1::2])
        return whole


class _AveragePool(torch.autograd.Function):
    """Means of 2 x 2 windows; a quarter of the gradient goes to each of the four."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor) -> torch.Tensor:
        ctx.shape = images.shape
        ctx.layout = torch.contiguous_format if images.is_contiguous() else torch.channels_last
        rows = images[:, :, ::2] + images[:, :, 1::2]
        return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        quarter = gradient * 0.25
        whole = quarter.new_empty(ctx.shape).contiguous(memory_format=ctx.layout)
        upper, lower = whole[:, :, ::2], whole[:, :, 1::2]
        upper[..., ::2] = quarter
        upper[..., 1::2] = quarter
        lower.copy_(upper)
        return whole
