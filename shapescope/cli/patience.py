"""A word to whoever waits in front of a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["said_after", "said_of_long_files"]

_LONG = 5.0
"""Seconds after which whoever waits may ask why."""


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


@contextmanager
def said_of_long_files(seconds: float = _LONG) -> Iterator[None]:
    """Say on stderr, once and to a terminal alone, at which line of a file we are kept waiting."""
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    from shapescope.capture.loading.at_work import what_takes_long

    over = threading.Event()

    def watch() -> None:
        while not over.wait(seconds / 5):
            text = what_takes_long(seconds)
            if text:
                print(text, file=stream, flush=True)
                return

    watcher = threading.Thread(target=watch, name="patience", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
