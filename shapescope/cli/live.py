"""A run as it goes on, in a terminal: lines that stay, and on stderr one that moves."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapescope.cli.output import show, stdout_surface
from shapescope.render.line import Line, encodable, write_lines
from shapescope.render.theme import surface_of
from shapescope.render.training import beginning_lines, epoch_lines, progress_text, step_line

if TYPE_CHECKING:
    from shapescope.training.report import Beginning, Progress

_INTERVAL = 0.1  # seconds between two pictures of the live line
_CLEAR = "\r\x1b[K"


class LiveReporter:
    """Tells how a run goes on: a live line in a terminal, plain lines in a pipe.

    Args:
        beside: whether the lines that stay go to stderr, because stdout is for something else.
    """

    def __init__(self, *, beside: bool = False) -> None:
        self.beside = beside
        self.surface = surface_of(sys.stderr)
        self.live = sys.stderr.isatty()
        self.drawn_at = 0.0
        self.drawn = False

    def begin(self, beginning: Beginning) -> None:
        """Say what is about to be trained."""
        write_lines(beginning_lines(beginning, self.surface), sys.stderr, self.surface)

    def progress(self, progress: Progress) -> None:
        """Draw the live line, if anybody sees it and the last one is not fresh."""
        now = time.monotonic()
        if self.live and now - self.drawn_at >= _INTERVAL:
            text = encodable(progress_text(progress, self.surface), sys.stderr)
            sys.stderr.write(_CLEAR + text)
            sys.stderr.flush()
            self.drawn_at, self.drawn = now, True

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Print a step that the recipe wants printed."""
        self.say([step_line(epoch, step, loss)])

    def epoch(self, lines: Sequence[Mapping[str, Any]], *, best: bool) -> None:
        """Print an epoch's figures."""
        surface = self.surface if self.beside else stdout_surface()
        self.say(epoch_lines(lines, surface, best=best))

    def say(self, lines: Sequence[Line]) -> None:
        """Print lines that stay, above the live line."""
        self.clear()
        if self.beside:
            write_lines(lines, sys.stderr, self.surface)
        else:
            show(lines)

    def clear(self) -> None:
        """Take the live line away."""
        if self.drawn:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self.drawn = False


def remark(text: str) -> None:
    """Print a line on stderr that is no result."""
    surface = surface_of(sys.stderr)
    write_lines([Line("note: ", "note").add(text)], sys.stderr, surface)
