"""Every command: its name, what it does in one line, and the module that has it."""

from __future__ import annotations

from typing import NamedTuple


class CommandEntry(NamedTuple):
    """A command, and where it is found. The summary is the first line of its help."""

    name: str
    section: str
    summary: str
    module: str


_SEE = "See a model"

COMMANDS: tuple[CommandEntry, ...] = (
    CommandEntry(
        "trace", _SEE, "Show every step of a forward pass, its shape, and the proof of it.",
        "shapescope.cli.trace",
    ),
    CommandEntry(
        "params", _SEE, "Show every named parameter: its shape, its axes in words, its values.",
        "shapescope.cli.params",
    ),
)  # fmt: skip
