"""Rules for ops whose row in the registry would ask more than it needs to, or cannot tell.

Everything else is judged by its row. A rule here gives the shapes of the outputs, and requires on
the way what torch requires.
"""

from __future__ import annotations

from shapescope.capture.sizes.rules import (
    attention,
    elementwise,
    indexing,
    pieces,
    products,
    reshaping,
    windows,
)
from shapescope.capture.sizes.rules.registry import RULES, by_row

__all__ = [
    "RULES",
    "attention",
    "by_row",
    "elementwise",
    "indexing",
    "pieces",
    "products",
    "reshaping",
    "windows",
]
