"""One trace at a time: it changes parts of PyTorch and Python that every thread sees.

A pass wraps `torch.autograd.Function.apply`, a file of the user's is run without the compilers,
warnings and standard output go elsewhere meanwhile. Two threads that overlap would put back what
the other had put there, for good. Who comes second waits.
"""

from __future__ import annotations

import threading
from contextlib import ContextDecorator

__all__ = ["one_at_a_time"]

_lock = threading.RLock()


class _Turn(ContextDecorator):
    """Holds the lock; there is but one, which may be entered again."""

    def __enter__(self) -> None:
        _lock.acquire()

    def __exit__(self, *exception: object) -> None:
        _lock.release()


_turn = _Turn()


def one_at_a_time() -> _Turn:
    """While inside, other threads wait to enter; the thread inside may enter again."""
    return _turn
