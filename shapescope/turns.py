"""One trace at a time: it changes parts of PyTorch and Python that every thread sees.

A pass wraps `torch.autograd.Function.apply`, a file of the user's is run without the compilers,
warnings and standard output go elsewhere meanwhile. Two threads that overlap would put back what
the other had put there, for good. Who comes second waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_at_a_time"]

_turn = threading.RLock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """While inside, other threads wait to enter; the thread inside may enter again."""
    with _turn:
        yield
