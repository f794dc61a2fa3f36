"""The arguments of a forward, and what its source does with each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Argument", "Key", "Use"]

Key: TypeAlias = tuple[str, str]
"""An argument's name, and the key below which a dict holds the tensor; "" for the argument."""


@dataclass(slots=True)
class Use:
    """How one tensor is used, as far as the source says.

    Attributes:
        paths: the layers it is handed to, the first one first.
        rank: how many axes it has.
        joined: it is concatenated with other arguments.
        repeats: it is concatenated with itself so many times.
        each: the list of layers of which each takes one of its elements.
        counts: it is a number of rounds.
        decides: it is asked only whether it is true.
        may_be_none: it is compared with None.
        is_wave: its spectrum is asked for.
        is_complex: its imaginary part is asked for.
        indexes: its numbers say which rows of another tensor are meant.
        items: as many elements as single ones of it are named, 0 where none is.
        turn_of: the list of layers for each of which it has an element.
        fields: what it is asked for that no tensor has.
    """

    paths: list[str] = field(default_factory=list)
    rank: int | None = None
    joined: bool = False
    repeats: int = 1
    each: str = ""
    counts: bool = False
    decides: bool = False
    may_be_none: bool = False
    is_wave: bool = False
    is_complex: bool = False
    indexes: bool = False
    items: int = 0
    turn_of: str = ""
    fields: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Argument:
    """An argument that forward needs.

    Attributes:
        name: its name.
        keyword: it can only be given by its name.
        annotation: as it is written, "" where it is not.
        keys: the keys under which it is asked for tensors, where it is a dict.
        uses: how it is used, or what it holds under each key; the key "" is the argument itself.
    """

    name: str
    keyword: bool = False
    annotation: str = ""
    keys: list[str] = field(default_factory=list)
    uses: dict[str, Use] = field(default_factory=dict)

    @property
    def use(self) -> Use:
        """How the argument itself is used."""
        return self.uses.setdefault("", Use())
