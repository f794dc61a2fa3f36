"""What of the way to compute the user fixed, and the ways that leaves to measure."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace

from shapescope.training.engine import Way

# Compiling takes ten seconds to a minute. Below so many images that is never won back.
_LONG = 1_000_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user fixed; the rest is measured.

    Attributes:
        precision: ``auto``, ``float32`` or ``bfloat16``.
        threads: how many; None measures one and ``most_threads``.
        compile: whether every way is also tried compiled.
        most_threads: cores this process may use.
        images: in the whole run; a long one also tries compiled ways.
        alone: whether one process trains; a recording has no sums over processes in it.
    """

    precision: str = "auto"
    threads: int | None = None
    compile: bool = False
    most_threads: int = 1
    images: int = 0
    alone: bool = True

    @property
    def is_long(self) -> bool:
        """Whether compiling may pay: a long run, and a C++ compiler is there."""
        compiler = os.environ.get("CXX", "g++")
        return self.images >= _LONG and shutil.which(compiler) is not None

    @property
    def plain(self) -> Way:
        """The way that needs no measuring: no gain and no risk."""
        precision = "float32" if self.precision == "auto" else self.precision
        return Way(precision, threads=self.threads or 1)

    def ways(self) -> list[Way]:
        """Return every way to measure, the plain one first."""
        precisions = ["float32", "bfloat16"] if self.precision == "auto" else [self.precision]
        counts = {1, self.most_threads} if self.threads is None else {self.threads}
        kinds = [(False, False), (False, True)]  # compiled, quick
        kinds += [(True, False)] if self.compile else []  # quick ones only as a recording
        found = [
            Way(precision, layout, threads, compiled, quick)
            for threads in sorted(counts)
            for precision in precisions
            for layout in (False, True)
            for compiled, quick in kinds
        ]
        return sorted(found, key=lambda way: way != self.plain)

    def compiled_recordings(self, best: Way) -> list[Way]:
        """Return what is compiled in a long run, with as many threads as the best way so far."""
        if not self.alone or self.precision == "bfloat16" or not (self.is_long or self.compile):
            return []
        way = Way(compiled=True, quick=True, recorded=True)
        return [replace(way, threads=count) for count in sorted({self.plain.threads, best.threads})]
