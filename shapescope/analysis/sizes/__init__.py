"""Which input sizes fit a model, for all sizes at once.

A pass through the model says what is true of every size that goes the same way (`Passage`). Here
the ways are explored until none is left (`explore`), the sizes that fit are put together (`parts`),
and the limits are given their reasons.
"""
