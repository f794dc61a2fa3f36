"""Products of grouped matrices on meta: mixtures of experts, a matrix for each stretch of rows.

PyTorch's kernel for meta asks for what a GPU asks for: bfloat16, and rows that are aligned. The one
on the CPU takes float32 and any size. Shapes are the same either way, so on meta they are
worked out here, and whatever does not fit is left to PyTorch to refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["ON_META"]

_torchs: Any = getattr(torch, "_grouped_mm", None)  # torch 2.4 has none


def _grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> Tensor:
    """What `torch._grouped_mm` gives, named alike so that it is recorded as the same op."""
    made = _shape(mat_a.shape, mat_b.shape, None if offs is None else len(offs))
    if made is None or mat_a.dtype != mat_b.dtype:
        refused: Tensor = _torchs(mat_a, mat_b, offs=offs, bias=bias, out_dtype=out_dtype)
        return refused
    return mat_a.new_empty(made, dtype=out_dtype)


def _shape(left: torch.Size, right: torch.Size, groups: int | None) -> tuple[int, ...] | None:
    """The shape of the product; None where the sides do not fit."""
    ranks = len(left), len(right)
    if not {2, 3}.issuperset(ranks) or left[-1] != right[-2]:
        return None
    if ranks == (3, 3):
        return (*left[:2], right[2]) if left[0] == right[0] and groups is None else None
    if groups is None or (3 in ranks and groups != (left[0] if ranks[0] == 3 else right[0])):
        return None
    rows_and_columns = left[-2], right[-1]
    return (groups, *rows_and_columns) if ranks == (2, 2) else rows_and_columns


ON_META: dict[Callable[..., Any], Callable[..., Any]] = (
    {} if _torchs is None else {_torchs: _grouped_mm}
)
"""What stands in for a function of torch's on meta."""
