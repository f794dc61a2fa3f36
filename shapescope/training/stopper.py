"""Ctrl-C and SIGTERM turned into a wish to stop at the next step."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Stopper:
    """While it is open, the first signal only asks to stop; a second one ends the program."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: dict[int, signal._HANDLER] = {}

    def __call__(self) -> bool:
        """Tell whether a stop was asked for."""
        return self.wanted

    def __enter__(self) -> Stopper:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
