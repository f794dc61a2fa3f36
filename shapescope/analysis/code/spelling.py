"""Names that are spelled nearly alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearly_alike"]


def nearly_alike(name: str, known: Iterable[str], least: float) -> list[str]:
    """At most two names that are spelled nearly alike, the nearest first; `name` is none of them.

    Args:
        name: what was written; small and capital letters count as one.
        known: what may have been meant.
        least: how alike they have to be, 0 to 1, as difflib counts it.
    """
    by_lower: dict[str, str] = {}
    for other in known:
        by_lower.setdefault(other.lower(), other)
    close = get_close_matches(name.lower(), [key for key in by_lower if key], 2, least)
    return [by_lower[key] for key in close if by_lower[key] != name]
