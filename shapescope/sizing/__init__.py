"""Which sizes fit a model: explored with formulas, checked by passes, searched where both end."""

from __future__ import annotations

from shapescope.sizing.request import sizes_of_request, valid_sizes

__all__ = ["sizes_of_request", "valid_sizes"]
