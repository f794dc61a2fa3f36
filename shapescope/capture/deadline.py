"""An end in time for code that nobody can ask to look at the clock."""

from __future__ import annotations

import ctypes
import sys
import threading
from time import process_time
from types import FrameType

__all__ = ["EndsAfter", "OutOfTimeError"]

_AGAIN = 5.0
"""Seconds until the code is told once more, where it caught the first telling and went on."""


class OutOfTimeError(TimeoutError):
    """The time was up while the code inside `EndsAfter` was still at work."""

    def __init__(self) -> None:
        super().__init__("the formulas grow without an end")


class EndsAfter:
    """Raises `OutOfTimeError` in the code inside once the seconds are over; use in a `with`.

    They are those of the processor, so that a busy machine does not end what a quiet one finishes.
    A thread of its own watches the clock. The code has to be Python: in a call of C it is told
    when that returns.
    """

    def __init__(self, seconds: float) -> None:
        self._end = process_time() + seconds
        self._told = threading.get_ident()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._frame: FrameType | None = None
        self._watcher = threading.Thread(target=self._watch, name="deadline", daemon=True)

    def __enter__(self) -> None:
        self._frame = sys._getframe(1)
        self._watcher.start()

    def __exit__(self, *exception: object) -> None:
        try:
            self._stop()
            _let_it_arrive()
        except OutOfTimeError:  # told at this very moment, and not again for a while
            self._stop()
        self._frame = None
        self._watcher.join()

    def _stop(self) -> None:
        with self._lock:
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(max(self._end - process_time(), 0.0)):
            if process_time() < self._end:
                continue  # the processor was with others meanwhile
            with self._lock:
                if self._over.is_set() or not self._is_inside():
                    return
                _raise_in(self._told, OutOfTimeError)
            self._end = process_time() + _AGAIN

    def _is_inside(self) -> bool:
        """Whether the function with the `with` still runs, which is left at once if told late."""
        frame = sys._current_frames().get(self._told)
        while frame is not None and frame is not self._frame:
            frame = frame.f_back
        return frame is not None


def _let_it_arrive() -> None:
    """A call, at whose begin Python raises what the thread was told just now.

    To take it back instead (`PyThreadState_SetAsyncExc` with nothing) leaves the interpreter
    waiting for it: Python 3.11 never gets out of the next function that is traced, by a debugger
    for one.
    """


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
