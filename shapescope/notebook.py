"""How the plain records of the centre are shown in a notebook, which know of nothing that draws.

The package stands above everything and says what draws them. A trace that was only read from JSON
is thus shown like any other, and no renderer is loaded before a notebook asks for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

__all__ = ["Shown"]


class Shown:
    """A record that a notebook shows as HTML."""

    __slots__ = ()
    draw: ClassVar[Callable[[Any], str]]
    """From any of these records to its HTML."""

    def _repr_html_(self) -> str:
        return Shown.draw(self)
