"""Values that layers of torch read for a hint alone, on which no size depends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.modules import transformer

_READER = "_detect_is_causal_mask"
"""Transformers look whether a mask is a causal one, to take a faster kernel."""


@contextmanager
def hints_unread() -> Iterator[None]:
    """Masks are taken as they are while this is open, so that no value has to be known."""
    table: Any = transformer
    kept = getattr(table, _READER, None)
    if kept is not None:
        setattr(table, _READER, _as_said)
    try:
        yield
    finally:
        if kept is not None:
            setattr(table, _READER, kept)


def _as_said(mask: Any, is_causal: Any = None, size: Any = None) -> bool:
    """Whether the caller said that the mask is causal."""
    return is_causal is True
