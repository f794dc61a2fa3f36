"""What the shell offers behind MODEL, found without importing torch."""

from __future__ import annotations

import os
from collections.abc import Iterable

from shapescope.capture.loading.zoo_names import torchvision_names
from shapescope.networks.registry import names

_PREFIXES = ("torchvision:", "timm:", "hf:")


def complete_model(incomplete: str) -> list[str]:
    """Names that start with what was typed: networks, Python files, torchvision's models."""
    if incomplete.startswith("torchvision:"):
        known: Iterable[str] = (f"torchvision:{name}" for name in torchvision_names())
    else:
        known = (*names(), *_PREFIXES, *python_files(incomplete))
    return [name for name in known if name.startswith(incomplete)]


def python_files(incomplete: str) -> list[str]:
    """Python files and folders in the folder that the word names."""
    folder, _, _ = incomplete.rpartition("/")
    found = []
    try:
        for entry in sorted(os.scandir(folder or "."), key=lambda entry: entry.name):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                found.append(path + "/")
            elif entry.name.endswith(".py"):
                found.append(path)
    except OSError:
        return []
    return found
