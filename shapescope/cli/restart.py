"""Work that is left when a file is saved meanwhile: an import or a forward that never ends, say."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from shapescope.capture.source import is_library_file
from shapescope.cli.patience import said_after

_PATIENCE = 2.0
"""Seconds for which work is left alone, whatever is saved."""
_TELL_AFTER = 3.0
_LONG = "still tracing; a save begins it anew\r"  # a watched terminal may not go back by itself
_POLL = 0.2


def done_in_time(work: Callable[[], None], files: Iterable[Path]) -> bool:
    """Do the work, but leave it where one of the files is saved while it runs long.

    Args:
        work: what to do; it is interrupted by a KeyboardInterrupt in the main thread, but not while
            it imports a library, which would be left half done.
        files: what it depends on, as far as that is known; files of the user's whose code is seen
            to run join them.

    Returns:
        Whether it came to its end.

    Raises:
        KeyboardInterrupt: the user ended it.
    """
    guard = _Guard(files)
    try:
        with said_after(_TELL_AFTER, _LONG), _interruptible(), guard:
            work()
    except KeyboardInterrupt:
        if not guard.outdated:
            raise
        return False
    return True


@contextmanager
def _interruptible() -> Iterator[None]:
    """The signal that interrupts is heard, also in a job in the background that ignores it."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # an editor may put another in its place right now
        return 0


class _Guard:
    """While entered, a thread looks after the files."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.stamps = {file: _stamp(file) for file in files}
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
            importing = False
            for frame in _stack_of_work():
                file = Path(frame.f_code.co_filename)
                if is_library_file(str(file)):
                    importing = importing or frame.f_code.co_name == "<module>"
                elif file.is_absolute() and file not in self.stamps:
                    self.stamps[file] = _stamp(file)
            if importing or time.monotonic() - started < _PATIENCE or not self._is_outdated():
                continue
            with self._lock:
                if not self._done.is_set():
                    self.outdated = True
                    _interrupt_main()
            return

    def _is_outdated(self) -> bool:
        return any(_stamp(file) != stamp for file, stamp in self.stamps.items())


def _stack_of_work() -> Iterator[FrameType]:
    """The frames of the work in the main thread, the innermost first, as they are right now."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_code is not done_in_time.__code__:
        yield frame
        frame = frame.f_back


def _interrupt_main() -> None:
    """As Ctrl-C does it: a real signal also ends a wait for the network or a sleep."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
