"""Derivatives that a forward takes: what torch computes for them runs inside it, out of sight.

How many multiply-adds that are depends on every step behind the derivative, so none are counted,
and the ops are named as not counted.
"""

from __future__ import annotations

from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import same_shape

# As long as the inputs it derives by; which of them these are, the call alone knows.
register(Op("grad", "outputs inputs grad_outputs", changes_axes=True, observed=True))

# From here on each step computes a derivative beside its values.
register(Op("make_dual", "primal tangent level", shape_rule=same_shape, pointwise=True, view=True))
register(
    Op("unpack_dual", "dual level", shape_rule=same_shape, free=True, pointwise=True, view=True)
)
