"""Output size and validity of padding (torch.nn.functional.pad and the Pad modules).

Amounts may be negative: they crop. Per axis, before and after; PyTorch's own argument lists them
from the last axis backwards, which is for the caller to undo.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapescope.arithmetic.axes import Pairs, empty_map, extent

MODES = ("constant", "reflect", "replicate", "circular")


def pad_output(n: int, before: int, after: int) -> int:
    """Output size of padding along one axis: `n + before + after`.

    Args:
        n: Input size.
        before: Elements added in front; negative crops.
        after: Elements added behind; negative crops.

    Returns:
        The size; `pad_refusal` says whether PyTorch accepts the call.
    """
    return n + before + after


def pad_refusal(
    sizes: Sequence[int],
    pairs: Pairs,
    *,
    mode: str = "constant",
    batch: int = 1,
    channels: int = 1,
    rank: int | None = None,
) -> str | None:
    """Reason why PyTorch's CPU refuses this padding, or None.

    Args:
        sizes: Sizes of the padded axes, which are the last ones of the tensor.
        pairs: (before, after) for each of them.
        mode: "constant", "reflect", "replicate" or "circular".
        batch: Product of the axes in front of the channels (1 where there are none).
        channels: The axis in front of the padded ones.
        rank: Number of all axes of the tensor, where known; the modes other than constant take
            one or two axes more than they pad.

    Returns:
        One line with this call's numbers, or None where it runs.
    """
    if mode not in MODES:
        return f"padding mode {mode!r} is none of {', '.join(MODES)}"
    if mode == "constant":
        return _crop_refusal(sizes, pairs)
    count = len(sizes)
    if count > 3 or (rank is not None and rank not in (count + 1, count + 2)):
        axes = "axis" if count == 1 else f"{count} axes"
        total = "" if rank is None else f" of a tensor of rank {rank}"
        return f"mode {mode!r} cannot pad the last {axes}{total}"
    if mode == "circular":
        return _circular_refusal(sizes, pairs, batch * channels)
    if channels < 1:
        return f"mode {mode!r} cannot pad a map without channels"
    reason = empty_map(sizes)
    if reason is not None:
        return reason
    for n, (before, after) in zip(sizes, pairs, strict=True):
        if mode == "reflect" and (before >= n or after >= n):
            return f"reflect padding {before}, {after} has to be smaller than the size {n}"
    outputs = [pad_output(n, *pair) for n, pair in zip(sizes, pairs, strict=True)]
    # reflect lets an axis be cropped to nothing as long as another one is left
    least = 0 if mode == "reflect" and any(out > 0 for out in outputs) else 1
    if any(out < least for out in outputs):
        return f"padding makes {extent(outputs)} of {extent(sizes)}"
    return None


def _crop_refusal(sizes: Sequence[int], pairs: Pairs) -> str | None:
    for n, (before, after) in zip(sizes, pairs, strict=True):
        # cropping comes first: what is added on one side cannot pay for the other
        cropped = (-before if before < 0 else 0) + (-after if after < 0 else 0)
        if cropped > n:
            return f"padding {before}, {after} crops {cropped}, more than the {n} there are"
    return None


def _circular_refusal(sizes: Sequence[int], pairs: Pairs, leading: int) -> str | None:
    for n, (before, after) in zip(sizes, pairs, strict=True):
        if max(before, after) > n:
            return f"circular padding {before}, {after} wraps around {n} more than once"
        if n + before + after < 0:
            return f"padding {before}, {after} crops more than the {n} there are"
    for axis, (before, after) in enumerate(pairs):
        # only cropping on one side and wrapping on the other can fail any further
        if (before < 0 or after < 0) and not _wraps(sizes, pairs, axis, leading):
            return f"circular padding {before}, {after} cannot crop and wrap a map of {sizes[axis]}"
    return None


def _wraps(sizes: Sequence[int], pairs: Pairs, axis: int, leading: int) -> bool:
    """Whether ATen's `_pad_circular` can copy along an axis that it crops.

    It fills a new axis from the middle and then copies from end to end, slicing as Python does.
    A copy fails where the lengths differ, and where source and target overlap in part, which is
    noticed only if there are values and the slices are contiguous in memory.
    """
    n, (before, after) = sizes[axis], pairs[axis]
    outputs = [pad_output(size, *pair) for size, pair in zip(sizes, pairs, strict=True)]
    out, outer = outputs[axis], leading * math.prod(outputs[:axis])
    has_values = outer > 0 and 0 not in outputs
    whole = range(out)
    middle = whole[max(before, 0) : out - max(after, 0)]
    copies = [(middle, range(n)[max(-before, 0) : n - max(-after, 0)], False)]
    # one of the two is negative, so at most one end is wrapped
    if before > 0:
        copies.append((whole[:before], whole[out - before :], True))
    if after > 0:
        copies.append((whole[out - after :], whole[:after], True))
    for target, source, same_tensor in copies:
        if len(source) not in (len(target), 1):
            return False
        dense = outer == 1 or len(target) == len(source) == out
        watched = same_tensor and has_values and dense
        if watched and target != source and set(target) & set(source):
            return False
    return True
