"""What the shell offers behind MODEL, found without importing torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from shapescope.networks.registry import names

_PREFIXES = ("torchvision:", "timm:", "hf:")
_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(?P<given>\w+)\")?.*?^def (?P<own>\w+)", re.MULTILINE | re.DOTALL
)


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


def torchvision_names() -> list[str]:
    """The models that torchvision registers, read from its source: importing it takes seconds."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return []
    found = []
    for file in sorted((Path(spec.origin).parent / "models").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        found += [match["given"] or match["own"] for match in _REGISTERED.finditer(text)]
    return sorted(found)
