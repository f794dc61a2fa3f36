"""The registry of ops: what is known of each, one row apiece (see `registry.Op`)."""

from __future__ import annotations

from shapescope.ops import conv, linear, norm, pointwise, pool, shape
from shapescope.ops.names import RENAMED
from shapescope.ops.registry import (
    Op,
    Window,
    canonical_name,
    is_inplace,
    is_registered,
    lookup,
    op_of_module,
    register,
    registered,
    snake_case,
)

__all__ = [
    "RENAMED",
    "Op",
    "Window",
    "canonical_name",
    "conv",
    "is_inplace",
    "is_registered",
    "linear",
    "lookup",
    "norm",
    "op_of_module",
    "pointwise",
    "pool",
    "register",
    "registered",
    "shape",
    "snake_case",
]
