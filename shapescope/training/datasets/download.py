"""Download through torchvision, which shows progress and checks md5."""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shapescope.diagnostic import ShapescopeError
from shapescope.training.datasets import cache
from shapescope.training.datasets.cifar import from_torchvision
from shapescope.training.datasets.known import KnownSet
from shapescope.training.datasets.pixels import ImageSet

_SECONDS = 20.0  # a server that says nothing for so long is given up


def download(known: KnownSet) -> ImageSet:
    """Return a set that was downloaded before, or download it now.

    What arrives is unpacked in a temporary folder and kept in the cache only when it is whole.

    Raises:
        ShapescopeError: no connection, with every other way to the data.
    """
    key = "downloaded-" + hashlib.sha256(known.name.encode()).hexdigest()[:12]
    kept = cache.load(key)
    if kept is not None:
        return kept
    with tempfile.TemporaryDirectory(prefix="shapescope-") as folder:
        try:
            _fetch(known, Path(folder))
        except (OSError, RuntimeError) as error:
            raise ShapescopeError(
                f"{known.title} is not on this machine and cannot be downloaded "
                f"({_reason(error)}); three ways: connect to the network and try again; name a "
                "folder that has it with --data-dir DIR or SHAPESCOPE_DATA=DIR; or take the "
                "small sample with --sample"
            ) from error
        found = from_torchvision(Path(folder), known, "downloaded by torchvision")
    cache.store(key, found)
    return found


def _reason(error: Exception) -> str:
    """Return torchvision's reason on one line; it lists every mirror on lines of their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    inner = [line.strip("<>") for line in lines if line.startswith("<")]
    return (inner or lines or [type(error).__name__])[-1]


def _fetch(known: KnownSet, folder: Path) -> None:
    from torchvision import datasets

    with _patience(), contextlib.redirect_stdout(_stderr_or_nothing()):
        getattr(datasets, known.torchvision)(str(folder), train=True, download=True)


def _stderr_or_nothing() -> io.TextIOBase:
    """Return where torchvision's own words go: stdout is for results."""
    return sys.stderr if isinstance(sys.stderr, io.TextIOBase) else io.StringIO()


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
