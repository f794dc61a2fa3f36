"""Memory that a step frees is kept for the next step."""

from __future__ import annotations

import ctypes
import platform

# parameters of glibc's mallopt(3)
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_NEVER = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Let the allocator of this process keep what is freed; for the rest of its life.

    glibc takes every large block from the system and gives it back when it is freed, so each step
    of a training loop gets fresh pages, and the system fills them with zeros first: up to two
    thousand page faults a step for the networks here.

    Returns:
        Whether that could be asked for; other C libraries have no such setting.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_THRESHOLD, _NEVER) and libc.mallopt(_TRIM_THRESHOLD, _NEVER))
