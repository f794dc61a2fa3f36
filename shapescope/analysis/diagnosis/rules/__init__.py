"""The rules, a file for each family; importing this registers them all."""

from __future__ import annotations

from shapescope.analysis.diagnosis.rules import (
    channels,
    fallback,
    features,
    norms,
    reshaping,
    window,
)

__all__ = ["channels", "fallback", "features", "norms", "reshaping", "window"]
