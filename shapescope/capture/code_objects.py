"""Code objects: what Python made of functions, and of the functions written in them."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

__all__ = ["codes_of"]


def codes_of(code: CodeType) -> Iterator[CodeType]:
    """A code object, and those of the functions, classes and comprehensions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_of(constant)
