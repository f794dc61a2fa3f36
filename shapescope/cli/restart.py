"""Work that is left when a file is saved meanwhile: a forward that never ends, say."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

from shapescope.cli.patience import said_after

_PATIENCE = 2.0
"""Seconds for which work is left alone, whatever is saved."""
_TELL_AFTER = 3.0
_LONG = "still tracing; a save begins it anew\r"  # a watched terminal may not go back by itself
_POLL = 0.2


def done_in_time(work: Callable[[], None], files: Iterable[Path]) -> bool:
    """Do the work, but leave it where one of the files is saved while it runs long.

    Args:
        work: what to do; it is interrupted by a KeyboardInterrupt in the main thread, so it should
            import nothing large, which would be left half done.
        files: what it depends on.

    Returns:
        Whether it came to its end.

    Raises:
        KeyboardInterrupt: the user ended it.
    """
    guard = _Guard(_stamps(files))
    try:
        with said_after(_TELL_AFTER, _LONG), guard:
            work()
    except KeyboardInterrupt:
        if not guard.outdated:
            raise
        return False
    return True


def _stamps(files: Iterable[Path]) -> dict[Path, int]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # an editor may put another in its place right now
        return 0


class _Guard:
    """While entered, a thread looks after the files."""

    def __init__(self, stamps: Mapping[Path, int]) -> None:
        self.stamps = stamps
        self.outdated = False
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Guard:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._done.set()

    def _look(self) -> None:
        started = time.monotonic()
        while not self._done.wait(_POLL):
            if time.monotonic() - started < _PATIENCE or _stamps(self.stamps) == self.stamps:
                continue
            with self._lock:
                if not self._done.is_set():
                    self.outdated = True
                    _thread.interrupt_main()
            return
