"""What the arithmetic says of a call: its output's shape, or the reason why there is none."""

from __future__ import annotations

from typing import Any

import torch

from shapescope import arithmetic as ar

Shape = tuple[int, ...]


def conv(
    sizes: Shape,
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    front: Shape = (1, 1),
    **more: Any,
) -> Shape | str:
    """Shape of a convolution whose channels fit, or the reason why there is none."""
    reason = ar.conv_refusal(sizes, kernel, stride, padding, dilation, **more)
    if reason is not None:
        return reason
    rank = len(sizes)
    k, d = ar.per_axis(kernel, rank), ar.per_axis(dilation, rank)
    pairs = ar.padding_pairs(padding, k, d)
    return (*front, *map(ar.conv_output, sizes, k, ar.per_axis(stride, rank), pairs, d))


def transposed(
    sizes: Shape,
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
    extra: Any = 0,
    dilation: Any = 1,
    *,
    front: Shape = (1, 1),
    **more: Any,
) -> Shape | str:
    more.setdefault("threads", torch.get_num_threads())
    reason = ar.transposed_refusal(sizes, kernel, stride, padding, extra, dilation, **more)
    if reason is not None:
        return reason
    spread = (ar.per_axis(a, len(sizes)) for a in (kernel, stride, padding, extra, dilation))
    return (*front, *map(ar.transposed_output, sizes, *spread))


def pool(
    sizes: Shape,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    ceil_mode: bool = False,
    kind: str = "max",
    front: Shape = (1, 1),
) -> Shape | str:
    reason = ar.pool_refusal(
        sizes, kernel, stride, padding, dilation, kind=kind, ceil_mode=ceil_mode
    )
    if reason is not None:
        return reason
    rank = len(sizes)
    k = ar.per_axis(kernel, rank)
    s = ar.per_axis(stride, rank) if stride else k
    p = [(before, before) for before in ar.per_axis(padding, rank)]
    d = ar.per_axis(dilation, rank)
    ceil = [ceil_mode] * rank
    return (*front, *map(ar.pool_output, sizes, k, s, p, d, ceil))


def adaptive(sizes: Shape, wanted: Any, kind: str = "avg") -> Shape | str:
    reason = ar.adaptive_refusal(sizes, wanted, kind=kind)
    asked = [wanted] * len(sizes) if isinstance(wanted, int) else wanted
    return reason or (1, 1, *map(ar.adaptive_output, sizes, asked))


def fractional(sizes: Shape, kernel: int, **target: Any) -> Shape | str:
    outputs = [ar.fractional_pool_output(n, **target) for n in sizes]
    return ar.fractional_pool_refusal(sizes, kernel, outputs) or (1, 1, *outputs)


def interpolate(front: Shape, sizes: Shape, mode: str = "nearest", **target: Any) -> Shape | str:
    outputs = [ar.interpolate_output(n, **target) for n in sizes]
    return ar.interpolate_refusal(sizes, outputs, mode=mode) or (*front, *outputs)


def pad(front: Shape, sizes: Shape, *pairs: tuple[int, int]) -> Shape | str:
    padded = [ar.pad_output(n, *pair) for n, pair in zip(sizes, pairs, strict=True)]
    return ar.pad_refusal(sizes, pairs) or (*front, *padded)


def unfold(sizes: Shape, front: Shape, channels: int, *window: Any) -> Shape | str:
    counts = ar.window_counts(sizes, *window)
    elements = channels
    for k in ar.per_axis(window[0], 2):
        elements *= k
    return ar.unfold_refusal(sizes, *window) or (*front, elements, counts[0] * counts[1])


def fold(stacked: int, windows: int, sizes: Shape, kernel: int, stride: int = 1) -> Shape | str:
    reason = ar.fold_refusal(stacked, windows, sizes, kernel, stride)
    return reason or (1, stacked // kernel**2, *sizes)


def reshape(shape: Shape, *target: int) -> Shape | str:
    return ar.reshape_refusal(shape, target) or ar.reshape_shape(shape, target)


def cat(shapes: list[Shape], axis: int) -> Shape | str:
    return ar.cat_refusal(shapes, axis) or ar.cat_shape(shapes, axis)
