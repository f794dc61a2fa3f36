"""The rules, a file for each family; importing this registers them all."""

from __future__ import annotations

from shapescope.analysis.diagnosis.rules import (
    features,
)

__all__ = ["features"]
