"""A word to whoever waits in front of a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["said_after"]


@contextmanager
def said_after(seconds: float, text: str) -> Iterator[None]:
    """Say on stderr, once and to a terminal alone, why what is inside takes longer than this."""
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    timer = threading.Timer(seconds, lambda: print(text, file=stream, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
