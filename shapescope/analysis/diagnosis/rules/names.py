"""Rules that more than one family finds."""

from __future__ import annotations

from shapescope.analysis.diagnosis.registry import declare

FOLDED = declare("batch-folded", "rows of several samples, or parts of one, share the batch axis")
MATMUL = declare("matmul-shape", "two matrices are multiplied whose inner sizes differ")
MISSING_AXIS = declare("missing-axis", "the batch or channel axis was left out of an input")
VIEW = declare("view-size", "a view or reshape asks for sizes that do not come out")
