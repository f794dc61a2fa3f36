"""The rules, a file for each family; importing this registers them all."""

from __future__ import annotations

from shapescope.analysis.diagnosis.rules import (
    batch,
    channels,
    combining,
    discarded,
    fallback,
    features,
    folds,
    loss,
    norms,
    positions,
    products,
    recurrent,
    reshaping,
    scrambles,
    values,
    window,
)

__all__ = [
    "batch",
    "channels",
    "combining",
    "discarded",
    "fallback",
    "features",
    "folds",
    "loss",
    "norms",
    "positions",
    "products",
    "recurrent",
    "reshaping",
    "scrambles",
    "values",
    "window",
]
