"""Numbers that know where they come from: the size of an axis, as a forward reads and computes it.

An `AxisSize` is what `x.size(2)` gives while sizes are being explored. It is an int to everything
that asks, computes like one, and keeps the formula of its value. A comparison answers with the
truth for the present sizes and writes down the condition under which that is the answer. Where
Python wants a plain int out of it (`range(h)`, `[0]*h`), the formula ends, which is noted too.
"""

from __future__ import annotations

from shapescope.capture.sizes.numbers.formula import Book, Formula, now
from shapescope.capture.sizes.numbers.ratio import AxisRatio
from shapescope.capture.sizes.numbers.root import AxisRoot
from shapescope.capture.sizes.numbers.size import AxisSize, expr_of, is_size, sized
from shapescope.capture.sizes.numbers.stand_ins import Int, formulas_live_on

__all__ = [
    "AxisRatio",
    "AxisRoot",
    "AxisSize",
    "Book",
    "Formula",
    "Int",
    "expr_of",
    "formulas_live_on",
    "is_size",
    "now",
    "sized",
]
