"""What the report shows of a run, as plain data: no tensor, no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapescope.render.images import Picture


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture with what is written below it."""

    picture: Picture
    text: str


@dataclass(frozen=True, slots=True)
class Maps:
    """One image, and the maps that steps made of it: for each step its channels side by side."""

    image: Exhibit
    steps: tuple[Exhibit, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        title: whose run.
        facts: of the recipe and the machine, names and values.
        metrics: lines of `metrics.jsonl`.
        classes: their names by number.
        split: which images `confusion` and `mistakes` speak of.
        confusion: rows are actual classes, columns predicted ones; empty where it was not counted.
        mistakes: the worst first.
        kernels: by parameter, its kernels side by side.
        maps: chosen images and their feature maps.
        notes: what could not be shown, and why.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    metrics: Sequence[Mapping[str, Any]]
    classes: tuple[str, ...] = ()
    split: str = ""
    confusion: tuple[tuple[int, ...], ...] = ()
    mistakes: tuple[Exhibit, ...] = ()
    kernels: tuple[Exhibit, ...] = ()
    maps: tuple[Maps, ...] = ()
    notes: tuple[str, ...] = ()
